package provisioner_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// What the receipt says was seen: the moment at which AWS said that nothing is
// behind the load balancer any more, or else that it accepted the end.
func TestEndIsReadBack(t *testing.T) {
	for name, tt := range map[string]struct {
		deregister time.Duration
		seen       bool
	}{"at once": {-1, true}, "as usual": {500 * time.Millisecond, true}, "after a second": {time.Second, true},
		"too late": {10 * time.Second, false}} {
		inFakeNamed(t, name, worldOptions{fake: fakeaws.Options{DeregisterDelay: tt.deregister}}, func(w *world) {
			l := w.lease("web-1")
			w.open(l)
			w.startClosing(l)
			began := time.Now()
			step, err := w.p.Close(w.ctx, l)
			r := step.Resources
			if err != nil || !r.BalancerGone || r.EndSeenAt.IsZero() == tt.seen || r.EndAcceptedAt.IsZero() != tt.seen {
				w.Fatalf("%+v, %v", r, err)
			}
			if took := time.Since(began); took > 2*time.Second {
				w.Errorf("deleting waited %s", took)
			}
			if tt.seen && r.EndSeenAt.Sub(began) < tt.deregister {
				w.Errorf("seen %s after the call, and it ended %s after it", r.EndSeenAt.Sub(began), tt.deregister)
			}
		})
	}
}

// Nothing can be read: not whose the load balancer is, not what the rule is. What
// the store has recorded is removed all the same, and only "nothing is left" is not
// said.
func TestCloseWhileNothingCanBeRead(t *testing.T) {
	inFake(t, worldOptions{fake: fakeaws.Instant()}, func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.open(l)
		w.cloud.SetFault(fakeaws.Either(
			fakeaws.Failing("ec2:Describe*", fakeaws.Fault{Code: "Unavailable", Status: 503}),
			fakeaws.Failing("elasticloadbalancing:Describe*", fakeaws.Fault{Code: "InternalFailure", Status: 500}),
		))
		w.startClosing(l)
		began := time.Now()
		step, _ := w.p.Close(w.ctx, l)
		l.Resources = step.Resources
		if r := step.Resources; !r.BalancerGone || !r.RuleGone || !r.GroupGone || r.EndAcceptedAt.IsZero() {
			w.Errorf("after %s: %+v", time.Since(began), r)
		}
		if _, err := w.cloud.Home().Route(sshforward.Name(deployment, l.ID), netip.MustParseAddr("203.0.113.7"), 22); err == nil {
			w.Error("it still lets people in")
		}
		w.cloud.SetFault(nil)
		w.close(l)
		w.clean(before)
	})
}

// The store has no record: then nothing is removed that cannot be looked at.
func TestCloseUnrecordedWhileNothingCanBeRead(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		w.startClosing(l)
		l.Resources = sshforward.Resources{}
		w.cloud.SetFault(fakeaws.Failing("elasticloadbalancing:Describe*", fakeaws.Fault{Code: "InternalFailure", Status: 500}))
		_, err := w.p.Close(w.ctx, l)
		w.wantCode(err, sshforward.EUNAVAILABLE)
		if _, ok := w.cloud.Home().LoadBalancer(sshforward.Name(deployment, l.ID)); !ok {
			w.Error("a load balancer was deleted that may be anybody's")
		}
	})
}

// Every answer takes longer than an attempt has at first. Access ends within the
// step, and all of it goes in the end: no call is begun anew for ever.
func TestCloseWhileAWSIsSlow(t *testing.T) {
	for _, takes := range []time.Duration{25 * time.Second, 50 * time.Second} {
		inFakeNamed(t, takes.String(), worldOptions{}, func(w *world) {
			before := w.foreign()
			l := w.lease("web-1")
			w.open(l)
			w.restart()
			w.cloud.SetFault(fakeaws.Failing("*", fakeaws.Fault{Delay: takes}))
			w.startClosing(l)
			began := time.Now()
			for rounds := 0; ; rounds++ {
				ctx, cancel := context.WithTimeout(w.ctx, 3*time.Minute) // the keeper's
				step, err := w.p.Close(ctx, l)
				cancel()
				if l.Resources = step.Resources; err == nil && step.Wait == 0 {
					break
				}
				if rounds == 0 && !l.Resources.BalancerGone {
					w.Fatalf("after one round of %s: %+v, %v", time.Since(began), l.Resources, err)
				}
				if rounds == 10 {
					w.Fatalf("closing does not end: %v", err)
				}
				w.sleep(step.Wait)
			}
			w.cloud.SetFault(nil)
			w.clean(before)
		})
	}
}

// A connection that says nothing costs one attempt and not the step.
func TestSilentConnection(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		hung := false
		w.wire.set(func(op string) trouble {
			w.wire.mu.Lock()
			defer w.wire.mu.Unlock()
			first := !hung
			hung = true
			return trouble{hangs: first}
		})
		began := time.Now()
		if _, err := w.p.List(w.ctx, l.Instance.Account); err != nil {
			w.Fatal(err)
		}
		if took := time.Since(began); took < 20*time.Second || took > 25*time.Second {
			w.Errorf("it took %s", took)
		}
	})
}
