package sshforward

import (
	"context"
	"strings"
	"testing"
	"time"
)

// While the store cannot be written nobody is told that a lease was extended; it
// ends when it was promised to, and AWS is not asked more often for that.
func TestExtendOnUnwritableStore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		ids := []string{w.opened(alice, "web", 30*time.Minute), w.opened(alice, "two", 40*time.Minute)}
		w.pass(time.Minute)
		w.store.script(unwritable)
		for range 10 {
			for _, cmd := range []Command{ExtendLease{ids[0], time.Minute}, ExtendLease{ids[1], time.Minute}} {
				_, err := w.do(alice, cmd)
				wantCode(t, err, EUNAVAILABLE)
				if got := ErrorMessage(err).String(); !strings.Contains(got, "store cannot be reached") {
					t.Errorf("the answer is %q", got)
				}
			}
			w.sweepFor(time.Minute, time.Minute)
			w.expect(ids[0], Open, "")
		}
		if n := w.cloud.count("extend", "") + w.cloud.count("close", ""); n > 0 {
			t.Errorf("%d steps in AWS for what cannot be written", n)
		}
		for _, id := range ids {
			end := w.lease(id).ExpiresAt
			w.sweepFor(time.Until(end)-time.Second, time.Minute)
			w.expect(id, Open, "")
			w.pass(time.Until(end))
			if l := w.lease(id); !l.AccessEndedAt.Equal(end) || w.cloud.reachable(id) {
				t.Errorf("access ended at %s, promised was %s", w.since(l.AccessEndedAt), w.since(end))
			}
		}
		w.sweepFor(30*time.Minute, time.Minute)
		w.nothingLeft()
		if n := w.cloud.count("close", ""); n > 6 || w.orphans > 0 {
			t.Errorf("%d teardowns, %d orphans", n, w.orphans)
		}
		w.store.script(nil)
		w.pass(2 * time.Second)
		for _, id := range ids {
			if l := w.stored(id); l.State != Closed || l.Reason != Expired {
				t.Errorf("the store has %s %q", l.State, l.Reason)
			}
		}
	})
}

// Drift that cannot be written down is not acted upon, a hundred times over;
// what was done about it and cannot be written down is not done again.
func TestDriftOnUnwritableStore(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"before it is seen", "while it is mended"} {
		t.Run(when, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.sweep()
				id := w.opened(alice, "web", 8*time.Hour)
				w.sweepFor(time.Minute, time.Minute)
				w.cloud.meddle(id, drifts["rule"])
				if when == "before it is seen" {
					w.store.script(unwritable)
				}
				w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
					if op == "mend" && when == "while it is mended" {
						w.store.script(unwritable)
					}
					return nil
				})
				for range 100 {
					w.pass(20 * time.Second)
					_ = w.keeper().Sweep(context.Background())
				}
				n := w.cloud.count("mend", id)
				if want := map[string]int{"while it is mended": 1}[when]; n != want {
					t.Errorf("mended %d times, want %d", n, want)
				}
				w.cloud.script(nil)
				w.store.script(nil)
				w.sweepFor(10*time.Minute, time.Minute)
				w.expect(id, Open, "")
				if l := w.stored(id); l.Drift.Missing || !l.Mended || w.cloud.count("mend", id) != 1 || !w.cloud.reachable(id) {
					t.Errorf("missing %t, mended %t and %d times", l.Drift.Missing, l.Mended, w.cloud.count("mend", id))
				}
				if n := len(w.slack.when(id, "mended")); n != 1 {
					t.Errorf("told %d times", n)
				}
			})
		})
	}
}

// A closed lease that only memory knows to be closed is nobody's orphan.
func TestSweepOfMemory(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		id := w.opened(alice, "web", 10*time.Minute)
		w.cloud.mu.Lock()
		w.cloud.lingering = 20 * time.Minute
		w.cloud.mu.Unlock()
		w.store.script(unwritable)
		w.sweepFor(40*time.Minute, time.Minute)
		w.expect(id, Closed, Expired)
		w.nothingLeft()
		if w.orphans > 0 {
			t.Errorf("%d orphans", w.orphans)
		}
	})
}
