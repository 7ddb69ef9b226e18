package sshforward

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// lookOver sweeps for a while although something cannot be read, which each round
// has to say.
func (w *world) lookOver(d, every time.Duration, says ...string) {
	w.t.Helper()
	for ; d > 0; d -= every {
		w.pass(min(d, every))
		err := w.keeper().Sweep(context.Background())
		for _, part := range says {
			if err == nil || !strings.Contains(err.Error(), part) {
				w.t.Errorf("the sweep says %v, want %q", err, part)
			}
		}
		synctest.Wait()
	}
}

var allParts = []Part{PartBalancers, PartGroups, PartRules, PartInstances, PartDeadMan}

// Nothing is concluded from what cannot be read: what is open goes on as long as it
// was promised, and ends then.
func TestNothingFollowsFromWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	for _, part := range allParts {
		t.Run(string(part), func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "web", time.Hour)
				w.sweepFor(time.Minute, 10*time.Second)
				w.cloud.hide(part)
				w.lookOver(58*time.Minute, 20*time.Second, string(part)+" could not be read")
				w.expect(id, Open, "")
				if n := w.cloud.count("mend", id); n > 0 {
					t.Errorf("mended %d times", n)
				}
				if w.orphans > 0 || slices.Contains(w.slack.heard(id), "mended") {
					t.Errorf("%d orphans; said %v", w.orphans, w.slack.heard(id))
				}
				w.pass(2 * time.Minute)
				w.expect(id, Closed, Expired)
				w.nothingLeft()
			})
		})
	}
}

// What could be read has its consequences, whatever else could not.
func TestWhatCanBeReadCounts(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		hidden []Part
		break_ func(w *world, id string)
		reason Reason // of the end; empty: it goes on
		says   NoticeKind
	}{
		"the load balancer is gone": {
			[]Part{PartInstances, PartRules, PartGroups, PartDeadMan}, func(w *world, id string) {
				w.cloud.meddle(id, func(f *footprint) { f.balancer, f.registered = false, false })
			}, InstanceGone, NoticeEnded,
		},
		"the group is gone": {
			[]Part{PartInstances, PartBalancers, PartRules}, func(w *world, id string) {
				w.cloud.meddle(id, func(f *footprint) { f.group = false })
			}, InstanceGone, NoticeEnded,
		},
		"the instance is gone": {
			[]Part{PartGroups, PartBalancers, PartRules}, func(w *world, _ string) { w.cloud.terminate("i-0dev") }, InstanceGone, NoticeEnded,
		},
		"the instance's tags": {
			[]Part{PartGroups, PartBalancers, PartRules}, func(w *world, _ string) {
				w.cloud.set("i-0dev", func(in *Instance) { in.Tags = nil })
			}, NotAdmitted, NoticeRejected,
		},
		"the owner has left, and no instance can be seen": {
			[]Part{PartInstances}, func(w *world, _ string) { w.dir.people[alice] = Person{Deactivated: true} }, NotAdmitted, NoticeRejected,
		},
		"the group lets in others": {
			[]Part{PartInstances, PartBalancers}, func(w *world, id string) {
				w.cloud.meddle(id, func(f *footprint) { f.widened = true })
			}, "", NoticeNarrowed,
		},
		"the rule was removed": {
			[]Part{PartInstances, PartBalancers}, func(w *world, id string) {
				w.cloud.meddle(id, func(f *footprint) { f.rule = false })
			}, "", NoticeMended,
		},
		"the instance is not registered": {
			[]Part{PartInstances, PartRules}, func(w *world, id string) {
				w.cloud.meddle(id, func(f *footprint) { f.registered = false })
			}, "", NoticeMended,
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "i-0dev", 8*time.Hour)
				w.sweepFor(time.Minute, 10*time.Second)
				w.cloud.hide(tt.hidden...)
				tt.break_(w, id)
				w.lookOver(time.Minute, 10*time.Second)
				w.pass(lingering + pollEvery)
				if tt.reason == "" {
					w.expect(id, Open, "")
				} else {
					w.expect(id, Closed, tt.reason)
				}
				if len(w.heardOf(id, tt.says)) != 1 {
					t.Errorf("said %v", w.slack.heard(id))
				}
			})
		})
	}
}

// An account of which nothing can be read does not hold up another.
func TestUnreadAccountHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id, far := w.opened(alice, "i-0dev", 8*time.Hour), w.opened(bob, "i-0far", 8*time.Hour)
		w.cloud.script(func(_ context.Context, op string, l *Lease) error {
			if op == "survey" && l.ID == "main" {
				return &Error{Code: EFORBIDDEN, Message: Textf("no")}
			}
			return nil
		})
		w.cloud.terminate("i-0far")
		w.cloud.terminate("i-0dev")
		w.lookOver(time.Minute, 10*time.Second, "sweep account main")
		w.pass(lingering + pollEvery)
		w.expect(far, Closed, InstanceGone)
		w.expect(id, Open, "")
	})
}

// What no look shows to be signed, since that part cannot be read, is neither
// taken over nor torn down until it can.
func TestOrphanThatCannotBeReadIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, part := range []Part{PartBalancers, PartGroups} {
		t.Run(string(part), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.strand("0rphan1", "main", "i-0dev", true)
				w.sweep()
				w.cloud.hide(part)
				w.lookOver(time.Hour, time.Minute, string(part)+" could not be read")
				if w.orphans > 0 || len(w.cloud.left()) != 1 || len(w.store.all()) > 0 {
					t.Fatalf("%d orphans, left %v", w.orphans, w.cloud.left())
				}
				w.cloud.hide()
				w.sweepFor(time.Minute, 30*time.Second) // it has been one all the time
				w.pass(lingering)
				w.expect("0rphan1", Closed, Lost)
				w.nothingLeft()
			})
		})
	}
}

// An orphan goes also while something is not read that says nothing of it.
func TestOrphanGoesInAnOutage(t *testing.T) {
	t.Parallel()
	for _, part := range []Part{PartInstances, PartRules, PartDeadMan} {
		t.Run(string(part), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.strand("0rphan1", "main", "i-0dev", true)
				w.cloud.hide(part)
				w.lookOver(w.timing.Sweep+time.Minute, time.Minute, string(part))
				w.pass(lingering)
				w.expect("0rphan1", Closed, Lost)
				w.nothingLeft()
			})
		})
	}
}

// The store is lost in the middle of an outage: what can be proven goes on and ends
// when it was promised to, and what could not be told of it is made up for.
func TestLostStoreInAnOutage(t *testing.T) {
	t.Parallel()
	for _, parts := range [][]Part{{PartInstances}, {PartBalancers}, {PartRules, PartDeadMan}, {PartGroups}} {
		for _, ends := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, over before it ends: %t", parts, ends), func(t *testing.T) {
				inWorld(t, func(w *world) {
					w.sweep()
					id := w.opened(alice, "web", time.Hour)
					was := w.lease(id)
					w.pass(time.Minute)
					w.cloud.hide(parts...)
					w.loseStore()
					w.lookOver(40*time.Minute, time.Minute, string(parts[0]))
					unknown := slices.Contains(parts, PartGroups)
					if _, err := w.keeper().ledger.get(context.Background(), id); (err != nil) != unknown {
						t.Fatalf("known: %v", err)
					}
					if unknown && w.isRebuilt("main") {
						t.Error("the account counts as looked at")
					}
					if ends {
						w.cloud.hide()
						w.sweepFor(time.Minute, 30*time.Second)
						l := w.lease(id)
						if l.Instance.Name != "web" || l.Instance.PrivateIP != was.Instance.PrivateIP || l.Rule != "development" ||
							l.Owner != alice || !l.ExpiresAt.Equal(was.ExpiresAt) {
							t.Errorf("it is %+v", l)
						}
						w.expect(id, Open, "")
					} else if unknown {
						return // nobody can tell
					}
					w.pass(time.Until(was.ExpiresAt) + lingering + pollEvery)
					w.expect(id, Closed, Expired)
					w.nothingLeft()
				})
			})
		}
	}
}

// Whether policy would still let in what cannot be seen is not known: after five
// minutes that is an alarm, once, and it is over when it can be seen again.
func TestInstancesThatCannotBeSeenAreNotJudged(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "i-0dev", 8*time.Hour)
		w.sweepFor(time.Minute, 30*time.Second)
		w.cloud.hide(PartInstances)
		w.lookOver(4*time.Minute, 30*time.Second)
		if w.lease(id).Unjudged {
			t.Error("an alarm before five minutes")
		}
		w.lookOver(20*time.Minute, 30*time.Second)
		if !w.lease(id).Unjudged || len(w.heardOf(id, NoticeUnjudged)) != 1 {
			t.Errorf("said %v", w.slack.heard(id))
		}
		w.cloud.hide()
		w.sweepFor(time.Minute, 30*time.Second)
		if w.lease(id).Unjudged {
			t.Error("it is still an alarm")
		}
		w.expect(id, Open, "")
	})
}

// Two looks that say no count, also with one between them that could not tell.
func TestPatienceOutlastsALookThatCannotTell(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "i-0dev", 8*time.Hour)
		w.sweepFor(time.Minute, 30*time.Second)
		w.cloud.meddle(id, func(f *footprint) { f.rule = false })
		w.cloud.set("i-0dev", func(in *Instance) { in.Tags = nil })
		w.sweep()
		w.cloud.hide(PartInstances, PartRules)
		w.lookOver(time.Minute, 30*time.Second)
		w.expect(id, Open, "")
		w.cloud.hide()
		w.sweep()
		w.pass(lingering + pollEvery)
		w.expect(id, Closed, NotAdmitted)
	})
}

// Who gives up a lease is told that not all of its account could be looked at, and
// what could be.
func TestAbandonSaysWhatCouldNotBeRead(t *testing.T) {
	t.Parallel()
	for part, says := range map[Part]string{
		PartBalancers: "something of it is still there. Not all of account main could be looked at: AWS could not look",
		PartRules:     "its load balancer is still there: it may still let people in. Not all of account main could be looked at",
		PartGroups:    "its load balancer is still there: it may still let people in. Not all of account main could be looked at",
		PartInstances: "its load balancer is still there: it may still let people in. Its load balancer was not seen gone.",
	} {
		t.Run(string(part), func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "web", time.Hour)
				w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
					if op == "close" {
						return Errorf(EFORBIDDEN, "no")
					}
					return nil
				})
				w.must(alice, CloseLease{Ref: id})
				w.pass(2 * time.Minute)
				w.cloud.hide(part)
				r := w.must(admin, AbandonLease{ID: id, Because: "the account is closed"})
				got := strings.Replace(r.Lease.Unproved(*r.Remains).String(), "Access was not seen to end. ", "", 1)
				if !strings.Contains(got, says) {
					t.Errorf("it says %q, not %q", got, says)
				}
			})
		})
	}
}
