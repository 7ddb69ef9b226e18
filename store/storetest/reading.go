package storetest

import (
	"net/netip"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sshforward/sshforward"
)

// reading: what comes back, and that it is nobody else's.
var reading = []clause{
	{"a lease that does not exist is not found", func(b *bench) {
		b.create("aaaaaaa")
		b.wantNoLease("bbbbbbb")
		b.wantNoLease("")
	}},
	{"every field of a lease comes back", func(b *bench) {
		l := Full(b.T)
		l.Revision = 0
		b.put(l)
		b.wantLease(l)
	}},
	{"the fields of a lease that are empty come back empty", func(b *bench) {
		l := &sshforward.Lease{ID: "aaaaaaa"}
		b.put(l)
		b.wantLease(l)
	}},
	{"what the caller does to a lease after putting it does not reach the store", func(b *bench) {
		l := Full(b.T)
		l.Revision = 0
		b.put(l)
		Scramble(l)
		want := Full(b.T)
		want.Revision = 1
		b.wantLease(want)
	}},
	{"what a reader does to a lease does not reach the store or other readers", func(b *bench) {
		l := Full(b.T)
		l.Revision, l.State = 0, sshforward.Open
		b.put(l)
		Scramble(b.get(l.ID))
		active, err := b.Active(b.Context())
		if err != nil || len(active) != 1 {
			b.Fatalf("Active: %d leases, %v", len(active), err)
		}
		Scramble(active[0])
		b.wantLease(l)
	}},
}

// dueClauses: the index on time.
var dueClauses = []clause{
	{"due leases come the longest due first", func(b *bench) {
		b.create("aaaaaaa", due(at(3*time.Second)))
		b.create("bbbbbbb", due(at(1*time.Second)))
		b.create("ccccccc", due(at(2*time.Second)))
		b.wantDue(at(time.Minute), 10, "bbbbbbb", "ccccccc", "aaaaaaa")
	}},
	{"a lease is due from its very instant, and not a nanosecond before", func(b *bench) {
		b.create("aaaaaaa", due(at(time.Second)))
		b.wantDue(at(time.Second-1), 10)
		b.wantDue(at(time.Second), 10, "aaaaaaa")
		b.wantDue(at(time.Second).In(time.FixedZone("", 9*60*60)), 10, "aaaaaaa")
	}},
	{"no more than the limit are returned, and they are the longest due", func(b *bench) {
		b.create("aaaaaaa", due(at(3)))
		b.create("bbbbbbb", due(at(2)))
		b.create("ccccccc", due(at(1)))
		b.wantDue(at(time.Minute), 0)
		b.wantDue(at(time.Minute), 2, "ccccccc", "bbbbbbb")
		b.wantDue(at(time.Minute), 3, "ccccccc", "bbbbbbb", "aaaaaaa")
	}},
	{"leases of the same instant are all due", func(b *bench) {
		b.create("bbbbbbb", due(start))
		b.create("aaaaaaa", due(start))
		ids, err := b.Due(b.Context(), start, 10)
		if err != nil || len(ids) != 2 {
			b.Fatalf("due: %v, %v", ids, err)
		}
	}},
	{"a lease without a DueAt is never due", func(b *bench) {
		b.create("aaaaaaa")
		b.wantDue(at(1000*24*time.Hour), 10)
	}},
	{"a lease is due at its last written time only", func(b *bench) {
		l := b.create("aaaaaaa", due(at(time.Second)))
		for _, d := range []time.Duration{time.Minute, time.Millisecond, time.Hour} {
			l.DueAt = at(d)
			b.put(l)
			b.wantDue(at(d-1), 10)
			b.wantDue(at(d), 10, l.ID)
		}
		l.DueAt = time.Time{}
		b.put(l)
		b.wantDue(at(24*time.Hour), 10)
	}},
	{"a closed lease that is due, for removal, is among the due", func(b *bench) {
		b.create("aaaaaaa", due(start), state(sshforward.Closed))
		b.wantDue(start, 10, "aaaaaaa")
	}},
	{"times before 1970 and far ahead sort like any other", func(b *bench) {
		b.create("aaaaaaa", due(time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)))
		b.create("bbbbbbb", due(time.Date(1969, 12, 31, 23, 59, 59, 0, time.UTC)))
		b.create("ccccccc", due(time.Unix(0, 0)))
		b.create("ddddddd", due(time.Date(1600, 1, 1, 0, 0, 0, 0, time.UTC)))
		b.create("eeeeeee", due(time.Date(9000, 1, 1, 0, 0, 0, 0, time.UTC)))
		b.wantDue(start, 10, "ddddddd", "bbbbbbb", "ccccccc")
	}},
}

// activeClauses: the index on what is not closed.
var activeClauses = []clause{
	{"leases in every state but closed are active", func(b *bench) {
		var want []string
		for i, s := range sshforward.States {
			id := "aaaaaa" + string(rune('0'+i))
			b.create(id, state(s), requested(at(time.Duration(i))))
			if s != sshforward.Closed {
				want = append(want, id)
			}
		}
		b.wantActive(want...)
	}},
	{"active leases come whole, the oldest request first", func(b *bench) {
		l := Full(b.T)
		l.Revision, l.State, l.RequestedAt = 0, sshforward.Closing, at(2)
		b.put(l)
		b.create("ccccccc", requested(at(1)))
		b.create("bbbbbbb", requested(at(3)))
		b.create("aaaaaaa", requested(at(4)))
		b.wantActive("ccccccc", l.ID, "bbbbbbb", "aaaaaaa")
		active, err := b.Active(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		if diff := Diff(l, active[1]); diff != "" {
			b.Fatalf("(-written +read):\n%s", diff)
		}
	}},
	{"a lease that closes is not active any more", func(b *bench) {
		l := b.create("aaaaaaa")
		l.State = sshforward.Closed
		b.put(l)
		b.wantActive()
		b.wantLease(l)
	}},
	{"a request time that is put right moves the lease", func(b *bench) {
		l := b.create("aaaaaaa", requested(at(1)))
		b.create("bbbbbbb", requested(at(2)))
		l.RequestedAt = at(3)
		b.put(l)
		b.wantActive("bbbbbbb", "aaaaaaa")
	}},
}

// sourceClauses: saved source addresses.
var sourceClauses = []clause{
	{"a user who saved nothing has no source", func(b *bench) {
		b.wantSource("U1")
		b.wantSource("")
	}},
	{"a saved source is kept, per user, until it is replaced or forgotten", func(b *bench) {
		one, two := netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("198.51.100.0/24")
		b.setSource("U1", one)
		b.setSource("U2", two, one)
		b.wantSource("U1", one)
		b.wantSource("U2", two, one)
		b.setSource("U1", two)
		b.wantSource("U1", two)
		b.setSource("U1")
		b.wantSource("U1")
		b.setSource("U1")
		b.wantSource("U2", two, one)
	}},
}

// accountClauses: which accounts were looked at once.
var accountClauses = []clause{
	{"an account is rebuilt once that was said of it, and no other is", func(b *bench) {
		for _, want := range []bool{false, true, true} {
			got, err := b.Rebuilt(b.Context(), "main")
			if err != nil || got != want {
				b.Fatalf("Rebuilt(main) = %t, %v, want %t", got, err, want)
			}
			if err := b.SetRebuilt(b.Context(), "main"); err != nil {
				b.Fatal(err)
			}
		}
		if got, err := b.Rebuilt(b.Context(), "mai"); err != nil || got {
			b.Fatalf("Rebuilt(mai) = %t, %v", got, err)
		}
	}},
}

func (b *bench) setSource(user string, source ...netip.Prefix) {
	b.Helper()
	if err := b.SetSource(b.Context(), user, source); err != nil {
		b.Fatalf("SetSource(%s): %v", user, err)
	}
}

func (b *bench) wantSource(user string, want ...netip.Prefix) {
	b.Helper()
	got, err := b.Source(b.Context(), user)
	if err != nil {
		b.Fatalf("Source(%s): %v", user, err)
	}
	same := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(want, got, same, cmpopts.EquateEmpty()); diff != "" {
		b.Fatalf("source of %s (-want +got):\n%s", user, diff)
	}
}
