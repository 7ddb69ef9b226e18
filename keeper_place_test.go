package sshforward

import (
	"context"
	"strings"
	"testing"
	"time"
)

// What was true of the network at the prompt is looked at again at the last yes: a
// health check does not see that the way in was closed.
func TestNetworkIsLookedAtAgainAtTheLastYes(t *testing.T) {
	builtAhead(t, func(w *world, id string) {
		w.pass(3 * time.Hour)
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "place" {
				return Errorf(EINVALID, "VPC Block Public Access lets nobody in.")
			}
			return nil
		})
		yes := time.Now()
		w.must(bob, ApproveLease{ID: id})
		w.pass(time.Second)
		l := w.lease(id)
		if l.Reason != Failed || !strings.Contains(l.Why.String(), "Block Public Access") || l.ClosingAt.Sub(yes) > time.Second {
			t.Errorf("it ended %s, %s after the yes: %s", l.Reason, l.ClosingAt.Sub(yes), l.Why)
		}
		w.nobodyIn(id)
		w.pass(5 * time.Minute)
		w.expect(id, Closed, Failed)
	})
}

// What will hardly work any more is said with the command, and what was said at the
// prompt is not said again.
func TestWhatHasBecomeDoubtfulIsSaidWithTheCommand(t *testing.T) {
	builtAhead(t, func(w *world, id string) {
		w.cloud.mu.Lock()
		w.cloud.warnings = []Text{Textf("A network ACL keeps you out.")}
		w.cloud.mu.Unlock()
		w.must(bob, ApproveLease{ID: id})
		w.pass(time.Second)
		w.expect(id, Open, "")
		if l := w.lease(id); !strings.Contains(l.Hint.String(), "network ACL") || len(l.Placement.Warnings) != 1 {
			t.Errorf("it says %q, %v", l.Hint, l.Placement.Warnings)
		}
	})
}

// Who confirms at once is spared the second look.
func TestNetworkIsNotLookedAtTwiceInAMinute(t *testing.T) {
	for wait, want := range map[time.Duration]int{10 * time.Second: 0, 5 * time.Minute: 1} {
		inAdvance(t, nil, func(w *world) {
			id := w.ask(alice, "web", time.Hour)
			w.pass(wait)
			w.must(alice, ConfirmLease{ID: id})
			w.pass(2 * time.Minute)
			w.expect(id, Open, "")
			if n := w.cloud.count("place", id); n != want {
				t.Errorf("confirmed after %s, it was looked at %d times, want %d", wait, n, want)
			}
		})
	}
}
