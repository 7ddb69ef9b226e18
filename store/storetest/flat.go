package storetest

import (
	"fmt"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

// flat: what is done every second costs the same however much is kept.
var flat = []clause{
	{"Due, Active and Put do not get slower with what is kept", func(b *bench) {
		if b.subject.Faulty {
			b.Skip("what calls cost is not looked at")
		}
		testenv.SkipRaced(b, "how fast it is says nothing there")
		fill := b.subject.Fill
		if fill == nil {
			fill = b.fill
		}
		for i := range 10 {
			b.create(fmt.Sprintf("active%d", i), due(at(time.Hour)), requested(at(time.Duration(i))))
		}
		few := b.costs()
		// Enough to show a scan, and soon filled in.
		flatClosed, flatEvents := 20_000, 100_000
		if b.subject.Remote {
			flatClosed, flatEvents = 2_000, 5_000
		}
		fill(flatClosed, flatEvents)
		many := b.costs()
		for what, cost := range many {
			b.Logf("%s: %s, with %d closed leases and %d events %s", what, few[what], flatClosed, flatEvents, cost)
			// A scan of all that would cost a hundred times as much.
			if cost > 10*few[what]+time.Millisecond {
				b.Errorf("%s took %s, and takes %s with %d closed leases and %d events", what, few[what], cost, flatClosed, flatEvents)
			}
		}
	}},
}

// costs are what calls take at best.
func (b *bench) costs() map[string]time.Duration {
	b.Helper()
	best := make(map[string]time.Duration)
	l := b.get("active0")
	for range b.rounds(100, 20) {
		for what, call := range map[string]func() error{
			"Due":    func() error { _, err := b.Due(b.Context(), start, 100); return err },
			"Active": func() error { _, err := b.Active(b.Context()); return err },
			"Put":    func() error { return b.Put(b.Context(), l, happened("again", start)) },
			"Lease":  func() error { _, err := b.Lease(b.Context(), l.ID); return err },
			"Past":   func() error { _, err := b.Past(b.Context(), "U0PAST", time.Time{}, 10); return err },
		} {
			began := time.Now()
			if err := call(); err != nil {
				b.Fatalf("%s: %v", what, err)
			}
			if took := time.Since(began); best[what] == 0 || took < best[what] {
				best[what] = took
			}
		}
	}
	return best
}

// fill adds closed leases and events with Put.
func (b *bench) fill(closed, events int) {
	var all sync.WaitGroup
	const writers = 100
	for w := range writers {
		all.Go(func() {
			for i := w; i < closed; i += writers {
				l := minimal(fmt.Sprintf("closed%07d", i))
				l.State, l.DueAt = sshforward.Closed, at(24*time.Hour)
				var told []sshforward.Event
				for n := i; n < events; n += closed {
					told = append(told, happened("filled in", at(time.Duration(n))))
				}
				if err := b.Put(b.Context(), l, told...); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
