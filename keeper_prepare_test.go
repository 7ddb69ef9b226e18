package sshforward

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// builtAhead has alice ask for production, where bob, carol or dave has to say yes, and
// lets it be built while they think.
func builtAhead(t *testing.T, spec func(w *world, id string)) {
	t.Helper()
	inAdvance(t, nil, func(w *world) {
		id := w.ask(alice, "db", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(time.Minute)
		w.expect(id, Pending, "")
		w.lockedButReady(id)
		spec(w, id)
	})
}

// inAdvance is a world whose policy has everything built while approval is waited
// for; arrange may change that.
func inAdvance(t *testing.T, arrange func(w *world), spec func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.policy.Prepare = PrepareApproval
		if arrange != nil {
			arrange(w)
		}
		w.start()
		defer func() { w.crash() }()
		spec(w)
	})
}

// lockedButReady fails the test unless all that the lease needs is there, and
// nobody is let in.
func (w *world) lockedButReady(id string) {
	w.t.Helper()
	if l := w.stored(id); !l.Prepared.Ready() || !l.Locked() || l.Stage != "" || !l.OpenedAt.IsZero() {
		w.t.Fatalf("it is %s at %q, built ahead: %+v (%s)", l.State, l.Stage, l.Prepared, l.LastError)
	}
	w.cloud.meddle(id, func(f *footprint) {
		if !f.group || !f.rule || !f.balancer || !f.registered {
			w.t.Errorf("it is ready, and has %+v", f)
		}
	})
	w.nobodyIn(id)
}

func (w *world) nobodyIn(id string) {
	w.t.Helper()
	w.cloud.meddle(id, func(f *footprint) {
		if len(f.ingress) > 0 || f.widened {
			w.t.Errorf("at %s somebody is let in: %v, widened %t", time.Since(w.t0), f.ingress, f.widened)
		}
	})
	if w.cloud.reachable(id) {
		w.t.Error("it can be reached")
	}
}

func TestPreparedOpensAtTheLastYes(t *testing.T) {
	builtAhead(t, func(w *world, id string) {
		l := w.stored(id)
		// Approval, opening and the hour itself, whenever the yes comes.
		if want := l.ApproveBy.Add(w.timing.Opening + time.Hour); !l.End().Equal(want) {
			t.Errorf("it may last until %s, want %s", l.End(), want)
		}
		w.cloud.meddle(id, func(f *footprint) {
			if !f.until.Equal(l.End()) || f.tags.State != Opening {
				t.Errorf("the tags say %s until %s, want %s", f.tags.State, f.until, l.End())
			}
		})
		w.pass(3 * time.Hour)
		w.lockedButReady(id)
		yes := time.Now()
		w.must(bob, ApproveLease{ID: id})
		w.pass(0)
		w.expect(id, Open, "")
		l = w.lease(id)
		if !l.OpenedAt.Equal(yes) || !l.ExpiresAt.Equal(yes.Add(time.Hour)) || !w.cloud.reachable(id) {
			t.Errorf("approved at %s, opened %s, until %s, reachable %t", yes, l.OpenedAt, l.ExpiresAt, w.cloud.reachable(id))
		}
		for _, s := range []Stage{StageGroup, StageBalancer, StageHealth, StageRegister} {
			if n := w.cloud.count("open/"+string(s), id); n != 1 {
				t.Errorf("stage %s was done %d times", s, n)
			}
		}
		w.pass(2 * time.Hour)
		w.expect(id, Closed, Expired)
		w.nothingLeft()
		// Three hours and a minute locked, one open.
		if got := w.lease(id).Billed(); got < 4*time.Hour || got > 4*time.Hour+5*time.Minute {
			t.Errorf("AWS charged for %s", got)
		}
	})
}

// Whatever has been built when the last yes comes is not built again, and what
// was checked before it is checked once more.
func TestApprovedWhileBeingBuilt(t *testing.T) {
	for _, s := range Stages[:len(Stages)-1] {
		t.Run(string(s), func(t *testing.T) {
			inAdvance(t, nil, func(w *world) {
				hold := make(chan struct{})
				checks := 0
				w.cloud.script(func(ctx context.Context, op string, l *Lease) error {
					if op == "find" && l.ID == "i-0prod" {
						if checks++; checks == 1 && s == StageCheck {
							<-hold
						}
					}
					if op == "open/"+string(s) && l.Waiting() {
						<-hold
					}
					return nil
				})
				id := w.ask(alice, "db", time.Hour)
				w.must(alice, ConfirmLease{ID: id})
				w.pass(20 * time.Second)
				if at := w.stored(id).Stage; at != s {
					t.Fatalf("it is at %s", at)
				}
				w.must(bob, ApproveLease{ID: id})
				w.pass(0)
				w.expect(id, Opening, "")
				w.nobodyInYet(id)
				close(hold)
				w.pass(time.Minute)
				w.expect(id, Open, "")
				if checks != 2 {
					t.Errorf("instance and policy were looked at %d times, want before and after the yes", checks)
				}
			})
		})
	}
}

func (w *world) nobodyInYet(id string) {
	w.t.Helper()
	if w.cloud.reachable(id) {
		w.t.Error("it can be reached")
	}
}

// What will never open goes down by the one way, leaves nothing, and its receipt
// is true: nobody was let in, and the load balancer cost from when it was made.
func TestPreparedForNothing(t *testing.T) {
	for name, tt := range map[string]struct {
		end    func(w *world, id string)
		reason Reason
		told   []string
	}{
		"denied":    {func(w *world, id string) { w.must(bob, DenyLease{ID: id, Because: "no"}) }, Denied, []string{"ended"}},
		"cancelled": {func(w *world, id string) { w.must(alice, CancelLease{id}) }, Cancelled, []string{"ended"}},
		"closed":    {func(w *world, id string) { w.must(alice, CloseLease{Ref: id}) }, Cancelled, []string{"ended"}},
		"lapsed":    {func(w *world, id string) { w.pass(w.timing.Approval) }, Lapsed, []string{"ended"}},
		"instance gone": {func(w *world, id string) {
			w.cloud.terminate("i-0prod")
			w.sweepFor(time.Minute, 5*time.Second)
		}, InstanceGone, []string{"ended"}},
		"load balancer gone": {func(w *world, id string) {
			w.cloud.meddle(id, func(f *footprint) { f.balancer, f.registered = false, false })
			w.sweepFor(time.Minute, 5*time.Second)
		}, InstanceGone, []string{"ended"}},
		"other tags": {func(w *world, id string) {
			w.cloud.set("i-0prod", func(in *Instance) { in.Tags = nil })
			w.sweepFor(time.Minute, 5*time.Second)
		}, NotAdmitted, []string{"ended"}},
		"instance stopped at the last yes": {func(w *world, id string) {
			w.cloud.set("i-0prod", func(in *Instance) { in.Running, in.State = false, "stopped" })
			w.must(bob, ApproveLease{ID: id})
		}, Failed, []string{"failed"}},
		"policy changed at the last yes": {func(w *world, id string) {
			w.k.policy.Rules[0].Users = []string{carol}
			w.must(bob, ApproveLease{ID: id})
		}, Failed, []string{"failed"}},
	} {
		t.Run(name, func(t *testing.T) {
			builtAhead(t, func(w *world, id string) {
				w.pass(30 * time.Minute)
				tt.end(w, id)
				w.pass(3 * time.Minute)
				if w.store.mu.Lock(); !slices.Contains(w.store.puts, id+" closing") {
					t.Error("it was closed without closing, and something of it was in AWS")
				}
				w.store.mu.Unlock()
				w.expect(id, Closed, tt.reason)
				w.nothingLeft()
				l := w.lease(id)
				if !l.OpenedAt.IsZero() || !l.AccessEndedAt.IsZero() || l.Overstay() != 0 || l.Billed() < 30*time.Minute {
					t.Errorf("the receipt: opened %s, access ended %s, overstay %s, charged for %s", l.OpenedAt, l.AccessEndedAt, l.Overstay(), l.Billed())
				}
				if got := w.heardOf(id, NoticeEnded, NoticeFailed, NoticeRejected, NoticeReady); !sameWords(got, tt.told...) {
					t.Errorf("told %v, want %v", got, tt.told)
				}
				events := strings.Join(w.heard(), "\n")
				if strings.Contains(events, "access_ended") || !strings.Contains(events, "closed ok") {
					t.Errorf("the audit record has:\n%s", events)
				}
				if n := w.cloud.count("open/"+string(StageClock), id); n != 0 {
					t.Errorf("the door was opened %d times", n)
				}
			})
		})
	}
}

// Nobody is asked to approve what cannot be opened: the requester hears of it at
// once.
func TestPreparingFails(t *testing.T) {
	for name, tt := range map[string]struct {
		fail  func(op string, l *Lease) error
		after time.Duration
	}{
		"for good": {func(op string, l *Lease) error {
			if op == "open/"+string(StageBalancer) {
				return &Error{Code: EQUOTA, Message: Textf("There is no room.")}
			}
			return nil
		}, time.Second},
		"again and again": {func(op string, l *Lease) error {
			if op == "open/"+string(StageHealth) {
				return &Error{Code: EUNAVAILABLE, Message: Textf("There is no room.")}
			}
			return nil
		}, 10*time.Minute + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			inAdvance(t, nil, func(w *world) {
				w.cloud.script(func(_ context.Context, op string, l *Lease) error { return tt.fail(op, l) })
				id := w.ask(alice, "db", time.Hour)
				w.must(alice, ConfirmLease{ID: id})
				w.pass(tt.after)
				if l := w.lease(id); l.Reason != Failed || !strings.Contains(l.Why.String(), "There is no room.") {
					t.Fatalf("it is %s, %s: %s", l.State, l.Reason, l.Why)
				}
				if got := w.heardOf(id, NoticeFailed, NoticeEnded); !sameWords(got, "failed") {
					t.Errorf("told %v", got)
				}
				_, err := w.do(bob, ApproveLease{ID: id})
				wantCode(t, err, ECONFLICT)
				w.pass(2 * time.Minute)
				w.expect(id, Closed, Failed)
				w.nothingLeft()
			})
		})
	}
}
