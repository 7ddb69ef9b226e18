package sshforward

import (
	"context"
	"testing"
	"time"
)

// An account without a lease, in which nothing was found, is looked at every
// timing.Sweep; one that has a lease, or in which something is, every time.
func TestSweepsRest(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		delete(w.keeper().accounts, "far")
		looks := func(d time.Duration) int {
			before := w.cloud.count("survey", "main")
			w.sweepFor(d, 30*time.Second)
			return w.cloud.count("survey", "main") - before
		}
		w.sweep()
		if n := looks(4*time.Minute + 30*time.Second); n != 0 {
			t.Errorf("%d looks at an empty account before timing.Sweep is over", n)
		}
		if n := looks(20*time.Minute + 30*time.Second); n != 5 {
			t.Errorf("%d looks in twenty minutes, want one in five", n)
		}
		id := w.opened(alice, "web", time.Hour)
		if n := looks(5 * time.Minute); n < 10 {
			t.Errorf("%d looks in five minutes at an open lease", n)
		}
		w.must(alice, CloseLease{Ref: id})
		w.pass(time.Minute)
		w.expect(id, Closed, ClosedByUser)
		w.sweep()
		if n := looks(4*time.Minute + 30*time.Second); n > 1 {
			t.Errorf("%d looks after the last lease", n)
		}
		w.strand("0rphan1", "main", "i-0dev", true)
		if n := looks(2*w.timing.Sweep + time.Minute); n < 10 {
			t.Errorf("%d looks while there is something", n)
		}
		w.nothingLeft()
	})
}

// A look that failed has not found that there is nothing.
func TestSweepsDoNotRestAfterAFailure(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		delete(w.keeper().accounts, "far")
		w.sweep()
		w.pass(w.timing.Sweep)
		fails := true
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "survey" && fails {
				return unavailable("AWS")
			}
			return nil
		})
		if err := w.keeper().Sweep(context.Background()); err == nil {
			t.Error("no error")
		}
		fails = false
		before := w.cloud.count("survey", "main")
		w.pass(30 * time.Second)
		w.sweep()
		if n := w.cloud.count("survey", "main") - before; n != 1 {
			t.Errorf("%d looks half a minute later, want one", n)
		}
	})
}
