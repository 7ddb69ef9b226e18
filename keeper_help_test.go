package sshforward

import (
	"context"
	"testing"
	"time"
)

func (w *world) help(user, id string) (Help, error) {
	return w.keeper().Help(context.Background(), from(user), id)
}

// What is told to somebody who cannot get in: the health, what somebody has
// changed, and whether their address is let in.
func TestHelp(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 8*time.Hour)
		h, err := w.help(alice, id)
		if err != nil || h.Health == nil || !h.Health.InService || h.Changed() || h.Elsewhere() {
			t.Fatalf("as it is: %+v, %v", h, err)
		}
		w.must(bob, SetSource{Sources: prefixes("203.0.113.50/32")})
		if h, err = w.help(bob, id); err != nil || !h.Elsewhere() {
			t.Errorf("of an address that is not let in: %+v, %v", h, err)
		}
		for what, do := range drifts {
			other := w.opened(bob, "two", time.Hour)
			w.cloud.meddle(other, do)
			if h, err := w.help(bob, other); err != nil || !h.Changed() {
				t.Errorf("%s: %+v, %v", what, h, err)
			}
			w.must(bob, CloseLease{Ref: other})
			w.pass(2 * lingering)
		}
		w.unhealthy(id, sick)
		if h, err = w.help(alice, id); err != nil || h.Health.InService || h.Health.Why.String() != sick {
			t.Errorf("out of service: %+v, %v", h, err)
		}
		for range opensPerMinute {
			_, _ = w.help(carol, id) // until it is too often
		}
		looks := w.cloud.count("health", id)
		_, err = w.help(carol, id)
		wantCode(t, err, EQUOTA)
		if n := w.cloud.count("health", id); n != looks {
			t.Errorf("it was looked all the same, %d times", n-looks)
		}
	})
}

// AWS does not answer: that is said, and is no error. A lease that is not open is
// one.
func TestHelpWithoutAWS(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id, pending := w.opened(alice, "web", 8*time.Hour), w.ask(bob, "two", time.Hour)
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "health" || op == "survey" {
				return Errorf(EUNAVAILABLE, "AWS could not be reached to %s.", "look")
			}
			return nil
		})
		if h, err := w.help(alice, id); err != nil || h.Health != nil || h.Found != nil || h.Changed() || h.Lease.ID != id {
			t.Errorf("got %+v, %v", h, err)
		}
		_, err := w.help(bob, pending)
		wantCode(t, err, ECONFLICT)
		_, err = w.help(bob, "zzzzzzz")
		wantCode(t, err, ENOTFOUND)
	})
}
