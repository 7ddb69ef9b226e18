package sshforward

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// drifts are what somebody else may do to an open lease.
var drifts = map[string]func(f *footprint){
	"rule":         func(f *footprint) { f.rule = false },
	"registration": func(f *footprint) { f.registered = false },
	"source":       func(f *footprint) { f.ingress = nil },
	"widened":      func(f *footprint) { f.widened = true },
	"balancer":     func(f *footprint) { f.balancer, f.registered = false, false },
	"group":        func(f *footprint) { f.group = false },
}

// What somebody removed is put back once, within two minutes, and said. When
// it is removed again the lease is closed, and says why.
func TestDriftMended(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"rule", "registration", "source"} {
		t.Run(what, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.sweep()
				id := w.opened(alice, "web", 2*time.Hour)
				w.sweepFor(time.Hour, time.Minute)
				w.cloud.meddle(id, drifts[what])
				w.sweepFor(2*time.Minute, time.Minute)
				w.expect(id, Open, "")
				if n := w.cloud.count("mend", id); n != 1 || !w.cloud.reachable(id) {
					t.Errorf("mended %d times, it is reachable: %t", n, w.cloud.reachable(id))
				}
				w.sweepFor(10*time.Minute, time.Minute)
				if diff := cmp.Diff([]string{"mended"}, w.heardOf(id, NoticeMended, NoticeNarrowed, NoticeStuck)); diff != "" {
					t.Errorf("people heard (-want +got):\n%s", diff)
				}
				if l := w.stored(id); !strings.HasPrefix(l.Resources.InstanceRuleID, "sgr-again") || l.Drift.Missing || !l.Mended {
					t.Errorf("the store does not have what was put back: %+v", l.Resources)
				}

				w.cloud.meddle(id, drifts[what])
				w.sweepFor(2*time.Minute, time.Minute)
				w.pass(lingering)
				w.expect(id, Closed, InstanceGone)
				if why := w.lease(id).Why; !strings.Contains(why.String(), "removed again") {
					t.Errorf("it says %q", why)
				}
				w.nothingLeft()
				if n := len(w.slack.when(id, "ended")); n != 1 {
					t.Errorf("told %d times that it ended", n)
				}
			})
		})
	}
}

// A door that somebody opened wider is narrowed at the next look, each time,
// and said.
func TestDriftNarrowed(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		id := w.opened(alice, "web", 8*time.Hour)
		w.pass(time.Minute)
		for n := range 4 {
			w.cloud.meddle(id, drifts["widened"])
			w.sweepFor(time.Minute, time.Minute)
			if len(w.slack.when(id, "narrowed")) != n+1 || w.cloud.count("mend", id) != n+1 {
				t.Errorf("after %d times: mended %d times, said %d times", n+1, w.cloud.count("mend", id), len(w.slack.when(id, "narrowed")))
			}
			w.sweepFor(10*time.Minute, time.Minute)
		}
		w.expect(id, Open, "")
		if got := w.heardOf(id, NoticeMended); len(got) > 0 {
			t.Errorf("people heard %v", got)
		}
	})
}

// Both at once are one repair, and both are said.
func TestDriftBoth(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 8*time.Hour)
		w.sweepFor(time.Minute, time.Minute)
		w.cloud.meddle(id, drifts["rule"])
		w.sweepFor(time.Minute, time.Minute)
		w.cloud.meddle(id, drifts["widened"])
		w.sweepFor(10*time.Minute, time.Minute)
		if n := w.cloud.count("mend", id); n != 1 || !w.cloud.reachable(id) {
			t.Errorf("mended %d times, it is reachable: %t", n, w.cloud.reachable(id))
		}
		if got := w.heardOf(id, NoticeMended, NoticeNarrowed); !sameWords(got, "mended", "narrowed") {
			t.Errorf("people heard %v", got)
		}
	})
}

// What cannot be put back closes the lease within two minutes, and it says
// plainly why.
func TestDriftLost(t *testing.T) {
	t.Parallel()
	state := func(s string) func(w *world, id string) {
		return func(w *world, _ string) {
			w.cloud.set("i-0dev", func(in *Instance) { in.Running, in.State = false, s })
		}
	}
	for _, tt := range []struct {
		name string
		do   func(w *world, id string)
		says string
	}{
		{"balancer", func(w *world, id string) { w.cloud.meddle(id, drifts["balancer"]) }, "Its load balancer was deleted by somebody else."},
		{"group", func(w *world, id string) { w.cloud.meddle(id, drifts["group"]) }, "Its security group was deleted by somebody else."},
		{"everything", func(w *world, id string) {
			w.cloud.meddle(id, func(f *footprint) { f.balancer, f.registered, f.group, f.rule = false, false, false, false })
		}, "Its load balancer was deleted by somebody else."},
		{"instance", func(w *world, _ string) { w.cloud.terminate("i-0dev") }, "The instance i-0dev was terminated."},
		{"terminated", state("terminated"), "The instance i-0dev was terminated."},
		{"shutting down", state("shutting-down"), "The instance i-0dev was terminated."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.sweep()
				id := w.opened(alice, "web", 8*time.Hour)
				other := w.opened(bob, "two", 8*time.Hour)
				w.sweepFor(10*time.Minute, time.Minute)
				tt.do(w, id)
				w.sweepFor(2*time.Minute, time.Minute)
				w.pass(2 * lingering)
				w.expect(id, Closed, InstanceGone)
				w.expect(other, Open, "")
				if why := w.lease(id).Why; why.String() != tt.says {
					t.Errorf("it says %q", why)
				}
				if diff := cmp.Diff([]string{other}, w.cloud.left()); diff != "" {
					t.Errorf("left in the cloud (-want +got):\n%s", diff)
				}
				if n := len(w.slack.when(id, "ended")); n != 1 {
					t.Errorf("told %d times that it ended", n)
				}
			})
		})
	}
}

// AWS's lists are right only eventually: what one of them leaves out, or does
// not have yet, is not gone.
func TestDriftEventuallyConsistent(t *testing.T) {
	t.Parallel()
	for name, forget := range map[string]func(*Found) bool{
		"nothing listed": func(*Found) bool { return false },
		"no balancer":    func(f *Found) bool { f.Balancer, f.Registered = false, false; return true },
		"no group":       func(f *Found) bool { f.Group = false; return true },
		"no rule":        func(f *Found) bool { f.Rule = false; return true },
		"no source":      func(f *Found) bool { f.Ingress = nil; return true },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				// A lease opened a moment ago, of which this is not listed yet.
				id := w.opened(alice, "web", 8*time.Hour)
				w.cloud.distort(forget)
				w.sweepFor(listDelay+5*time.Second, time.Second)
				w.cloud.distort(nil)
				w.sweepFor(time.Minute, time.Second)
				// One list in a while leaves it out.
				for range 5 {
					w.cloud.distort(forget)
					w.sweep()
					w.cloud.distort(nil)
					w.sweepFor(time.Minute, time.Minute)
				}
				w.expect(id, Open, "")
				if n := w.cloud.count("mend", id); n > 0 || len(w.heardOf(id, NoticeMended)) > 0 {
					t.Errorf("mended %d times", n)
				}
			})
		})
	}
}

// What was just mended is still listed as it was. It is not mended again for
// that, nor closed.
func TestDriftListedLate(t *testing.T) {
	t.Parallel()
	for _, what := range []string{"rule", "widened"} {
		t.Run(what, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "web", 8*time.Hour)
				w.sweepFor(time.Minute, time.Minute)
				w.cloud.meddle(id, drifts[what])
				w.cloud.distort(func(f *Found) bool {
					var mended time.Time
					for _, c := range w.cloud.calls {
						if c.op == "mend" {
							mended = c.at
						}
					}
					if !mended.IsZero() && time.Since(mended) < listDelay {
						f.Rule, f.Widened = f.Rule && what != "rule", f.Widened || what == "widened"
					}
					return true
				})
				w.sweepFor(2*time.Minute, time.Second)
				w.expect(id, Open, "")
				if n := w.cloud.count("mend", id); n != 1 {
					t.Errorf("mended %d times", n)
				}
			})
		})
	}
}

// What cannot be mended is tried for ever at a slow pace, and is an alarm.
func TestDriftCannotBeMended(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 8*time.Hour)
		w.sweepFor(time.Minute, time.Minute)
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "mend" {
				return &Error{Code: EFORBIDDEN, Message: Textf("AWS does not allow it.")}
			}
			return nil
		})
		w.cloud.meddle(id, drifts["rule"])
		w.sweepFor(time.Hour, time.Minute)
		l := w.lease(id)
		if l.State != Open || !l.Stuck() || l.LastError.String() != "AWS does not allow it." {
			t.Errorf("it is %s, stuck %t: %s", l.State, l.Stuck(), l.LastError)
		}
		if n := w.cloud.count("mend", id); n < 20 || n > 45 {
			t.Errorf("tried %d times in an hour", n)
		}
		// Worse may come meanwhile.
		w.cloud.meddle(id, drifts["balancer"])
		w.sweepFor(2*time.Minute, time.Minute)
		w.pass(lingering)
		w.expect(id, Closed, InstanceGone)
		w.nothingLeft()
	})
}

// A dead-man switch that somebody deleted is set again, which is nobody's news:
// it says nothing and does not use up the one time that rules are put back.
func TestDeadManSetAgain(t *testing.T) {
	l := Lease{ID: "k7m2q3x", State: Open, ExpiresAt: at(60), Work: Work{Resources: Resources{Until: at(60)}}}
	l.drifted(at(1), Drift{Unarmed: true})
	if a := Next(&l, at(1)); a.Kind != ActionMend || !due(a.At, at(1)) {
		t.Fatalf("Next: %+v, want a mend at once", a)
	}
	l.mended(at(2))
	if len(l.Owed) > 0 || l.Mended || Next(&l, at(2)).Kind == ActionMend {
		t.Errorf("after mending: owed %v, mended %t, next %v", l.Owed, l.Mended, Next(&l, at(2)).Kind)
	}
}

// A load balancer that somebody else gave another shape may let in anybody: its
// lease is closed at the first look, which is an alarm and says why.
func TestReshapedBalancerClosesTheLease(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		id := w.opened(alice, "web", 8*time.Hour)
		w.sweepFor(time.Minute, 20*time.Second)
		w.cloud.meddle(id, func(f *footprint) { f.reshaped = true })
		w.sweep()
		w.pass(lingering + pollEvery)
		w.expect(id, Closed, InstanceGone)
		if why := w.lease(id).Why.String(); !strings.Contains(why, "other groups or listeners") {
			t.Errorf("it says %q", why)
		}
		if got := w.heardOf(id, NoticeReshaped, NoticeEnded, NoticeMended, NoticeNarrowed); !sameWords(got, "reshaped", "ended") {
			t.Errorf("people heard %v", got)
		}
		w.nothingLeft()
	})
}

// After a lost store nothing goes on through a load balancer of another shape.
func TestReshapedBalancerIsNotTakenOver(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		id := w.opened(alice, "web", 8*time.Hour)
		w.cloud.meddle(id, func(f *footprint) { f.reshaped = true })
		w.loseStore()
		w.sweep()
		w.pass(lingering + pollEvery)
		w.expect(id, Closed, Lost)
		if got := w.heardOf(id, NoticeReshaped); len(got) != 1 {
			t.Errorf("people heard %v", w.slack.heard(id))
		}
		w.nothingLeft()
	})
}

// The last yes comes while somebody whom no yes let in is still there: they go first,
// however long that takes, and only then the others are let in.
func TestApprovedWhileTheDoorIsAjar(t *testing.T) {
	inAdvance(t, nil, func(w *world) {
		id := w.ask(alice, "db", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(5 * time.Minute)
		var works atomic.Bool
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "mend" && !works.Load() {
				return Errorf(EUNAVAILABLE, "AWS does not answer.")
			}
			return nil
		})
		w.cloud.meddle(id, drifts["widened"])
		w.sweepFor(2*time.Minute, time.Minute)
		w.must(bob, ApproveLease{ID: id})
		w.pass(2 * time.Minute)
		w.expect(id, Opening, "")
		w.nobodyInYet(id)
		works.Store(true)
		w.pass(2 * time.Minute)
		w.expect(id, Open, "")
		if got := w.heardOf(id, NoticeNarrowed); !sameWords(got, "narrowed") {
			t.Errorf("said %q", got)
		}
	})
}
