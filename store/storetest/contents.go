package storetest

import (
	"fmt"
	"net/netip"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
)

// Stores that offer all that they keep to whoever copies it.
var contentsClauses = []clause{
	{"Contents are all leases, saved addresses, rebuilt accounts and quotas, each once", func(b *bench) {
		store, ok := b.Store.(sshforward.Contents)
		if !ok {
			b.Skip("it offers none")
		}
		for c, err := range store.Contents(b.Context()) {
			b.Fatalf("an empty store has %+v, %v", c, err)
		}
		want := make(map[string]any)
		full := Full(b.T)
		full.Revision = 0
		b.put(full)
		want["lease "+full.ID] = full
		for i := range 30 {
			states := []sshforward.State{sshforward.Open, sshforward.Closed}
			l := b.create(fmt.Sprintf("lease%02d", i), state(states[i%2]))
			want["lease "+l.ID] = l
		}
		source := []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}
		held := &sshforward.Held{User: "U3", Leases: []string{"lease01", "lease02"}}
		for _, err := range []error{
			b.SetSource(b.Context(), "U2", source), b.SetRebuilt(b.Context(), "main"), b.SetHeld(b.Context(), held),
			b.Beat(b.Context(), sshforward.Member{ID: "replica", Beat: 1}),
			b.Append(b.Context(), sshforward.Event{At: start, Act: sshforward.ActOpen}),
		} {
			if err != nil {
				b.Fatal(err)
			}
		}
		want["source U2"], want["rebuilt main"], want["held U3"] = source, true, held
		got := make(map[string]any)
		for c, err := range store.Contents(b.Context()) {
			if err != nil {
				b.Fatal(err)
			}
			name, value := contentOf(c)
			if _, twice := got[name]; twice {
				b.Errorf("%s comes twice", name)
			}
			got[name] = value
		}
		if diff := cmp.Diff(want, got, options...); diff != "" {
			b.Errorf("contents (-want +got):\n%s", diff)
		}
		// Whoever has seen enough may stop.
		for range store.Contents(b.Context()) {
			break
		}
	}},
	{"Adopt makes it the same store as another one, for good", func(b *bench) {
		store, ok := b.Store.(sshforward.Contents)
		if !ok {
			b.Skip("it offers none")
		}
		before := store.ID()
		if err := store.Adopt(b.Context(), "ANOTHER"); err != nil || before == "" || store.ID() != "ANOTHER" {
			b.Fatalf("from %q to %q: %v", before, store.ID(), err)
		}
		if b.reopen == nil {
			return
		}
		if id := b.reopen().(sshforward.Contents).ID(); id != "ANOTHER" {
			b.Errorf("opened again it is %q", id)
		}
	}},
}

func contentOf(c sshforward.Content) (name string, value any) {
	switch {
	case c.Lease != nil:
		return "lease " + c.Lease.ID, c.Lease
	case c.Saved != nil:
		return "source " + c.Saved.User, c.Saved.Source
	case c.Held != nil:
		return "held " + c.Held.User, c.Held
	}
	return "rebuilt " + c.Rebuilt, true
}
