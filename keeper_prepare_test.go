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

// An ingress rule in the group of a lease of which a yes is missing is taken out,
// and whoever is on call hears of it, whatever has been built.
func TestLockedDoorIsKeptLocked(t *testing.T) {
	widened := func(f *footprint) { f.widened = true }
	leased := func(f *footprint) { f.ingress = prefixes("203.0.113.7/32") }
	for name, meddle := range map[string]func(*footprint){"to others": widened, "to the requester": leased} {
		t.Run(name, func(t *testing.T) {
			builtAhead(t, func(w *world, id string) {
				w.cloud.meddle(id, meddle)
				w.sweepFor(20*time.Second, 5*time.Second)
				w.lockedButReady(id)
				if got := w.heardOf(id, NoticeNarrowed, NoticeMended); !sameWords(got, "narrowed") {
					t.Errorf("told %v", got)
				}
				w.must(bob, ApproveLease{ID: id})
				w.pass(0)
				w.expect(id, Open, "")
			})
		})
		t.Run(name+", while it is being built", func(t *testing.T) {
			inAdvance(t, nil, func(w *world) {
				w.cloud.script(func(ctx context.Context, op string, l *Lease) error {
					if op == "open/"+string(StageService) {
						return &Error{Code: EUNAVAILABLE, Message: Textf("Not yet.")}
					}
					return nil
				})
				id := w.ask(alice, "db", time.Hour)
				w.must(alice, ConfirmLease{ID: id})
				w.pass(time.Minute)
				w.cloud.meddle(id, meddle)
				w.sweep()
				w.pass(time.Minute)
				w.nobodyIn(id)
				if got := w.heardOf(id, NoticeNarrowed); !sameWords(got, "narrowed") {
					t.Errorf("told %v", got)
				}
			})
		})
	}
}

// If the ingress rule cannot be taken out, that is an alarm until it is.
func TestLockedDoorThatCannotBeLocked(t *testing.T) {
	builtAhead(t, func(w *world, id string) {
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "mend" {
				return &Error{Code: EFORBIDDEN, Message: Textf("My role lacks a permission.")}
			}
			return nil
		})
		w.cloud.meddle(id, func(f *footprint) { f.widened = true })
		w.sweepFor(3*time.Minute, 30*time.Second)
		if got := w.heardOf(id, NoticeStuck); !sameWords(got, "stuck") {
			t.Errorf("told %v", got)
		}
		w.must(bob, DenyLease{ID: id})
		w.pass(3 * time.Minute)
		w.expect(id, Closed, Denied)
		w.nothingLeft()
	})
}

// A lease that an old backup has as waiting, and that was opened since, ends at the
// first look: by the records there are nobody may be in, and a locked door would
// leave who is. The receipt says that it was open.
func TestOldBackupOfAWaitingLease(t *testing.T) {
	for _, prepare := range []Prepare{PrepareNever, PrepareApproval} {
		inAdvance(t, func(w *world) { w.policy.Prepare = prepare }, func(w *world) {
			id := w.ask(alice, "db", time.Hour)
			w.must(alice, ConfirmLease{ID: id})
			w.pass(time.Minute)
			old := w.stored(id)
			w.must(bob, ApproveLease{ID: id})
			w.pass(time.Minute)
			w.expect(id, Open, "")
			was := w.lease(id)
			w.crash()
			w.store.mu.Lock()
			w.store.leases[id] = old
			w.store.mu.Unlock()
			w.start()
			w.sweep()
			w.pass(time.Second)
			w.nobodyInYet(id)
			if l := w.lease(id); l.State != Closing || l.AccessEndedAt.IsZero() {
				t.Errorf("with prepare %s it is %s, and access ended at %s", prepare, l.State, l.AccessEndedAt)
			}
			w.pass(3 * time.Minute)
			w.expect(id, Closed, Lost)
			if l := w.lease(id); !l.OpenedAt.Equal(was.OpenedAt) {
				t.Errorf("the receipt says that it was opened at %s", l.OpenedAt)
			}
			w.sweepFor(10*time.Minute, 30*time.Second)
			w.nothingLeft()
		})
	}
}

// What is missing of a lease that is ready is put back, but for what lets people
// in.
func TestPreparedIsMended(t *testing.T) {
	builtAhead(t, func(w *world, id string) {
		w.cloud.meddle(id, func(f *footprint) { f.rule, f.registered = false, false })
		w.sweepFor(30*time.Second, 5*time.Second)
		w.lockedButReady(id)
	})
}

// Nothing is built ahead beyond a quarter of the quota, and what is not says so
// and opens all the same.
func TestRoomToPrepare(t *testing.T) {
	inAdvance(t, func(w *world) {
		w.cloud.quota = 11
		w.policy.LeasesPerUser = 0
	}, func(w *world) {
		var ids []string
		for i := range 4 {
			r := w.must(alice, OpenLease{Instance: "db", Duration: time.Hour, Because: "x", Sources: prefixes(fmt.Sprintf("203.0.113.%d/32", 10+i))})
			ids = append(ids, r.Lease.ID)
		}
		done := make(chan struct{})
		for _, id := range ids { // all at once
			go func() { _, _ = w.do(alice, ConfirmLease{ID: id}); done <- struct{}{} }()
		}
		for range ids {
			<-done
		}
		w.pass(time.Minute)
		var built, cold []string
		for _, id := range ids {
			if l := w.lease(id); l.Prepared.Begun() {
				built = append(built, id)
				w.lockedButReady(id)
			} else if !l.Prepared.Cold.IsZero() {
				cold = append(cold, id)
			}
		}
		if len(built) != 2 || len(cold) != 2 || len(w.cloud.left()) != 2 {
			t.Fatalf("built ahead %v, cold %v, in AWS %v", built, cold, w.cloud.left())
		}
		w.must(bob, ApproveLease{ID: cold[0]})
		w.pass(time.Minute)
		w.expect(cold[0], Open, "")
		w.must(bob, DenyLease{ID: built[0]})
		w.pass(time.Minute)
		id := w.ask(alice, "db", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(time.Minute)
		w.lockedButReady(id)
	})
}

// At the prompt, a few at a time for each person; what is confirmed without an
// approval opens at once, and what is not goes by itself.
func TestPreparedAtThePrompt(t *testing.T) {
	inAdvance(t, func(w *world) {
		w.policy.Rules[1].Prepare = PreparePrompt
		w.policy.LeasesPerUser = 0
	}, func(w *world) {
		var ids []string
		for range 4 {
			ids = append(ids, w.ask(alice, "i-0dev", time.Hour))
		}
		w.pass(time.Minute)
		for _, id := range ids[:3] {
			w.expect(id, Requested, "")
			w.lockedButReady(id)
		}
		if l := w.lease(ids[3]); l.Prepared.Begun() || l.Prepared.Cold.IsZero() {
			t.Errorf("the fourth: %+v", l.Prepared)
		}
		w.must(alice, ConfirmLease{ID: ids[0]})
		w.pass(0)
		w.expect(ids[0], Open, "")
		w.must(alice, CancelLease{ids[1]})
		w.pass(time.Minute)
		w.expect(ids[1], Closed, Cancelled)
		w.pass(w.timing.Confirm)
		w.expect(ids[2], Closed, Lapsed)
		w.expect(ids[3], Closed, Lapsed)
		if got := w.cloud.left(); !slices.Equal(got, ids[:1]) {
			t.Errorf("in AWS: %v", got)
		}
	})
}

// What needs no approval, and what goes past it, is not built ahead of the click.
func TestWhatIsNotPrepared(t *testing.T) {
	for _, tt := range []struct {
		policy, rule Prepare
		instance     string
		urgent       bool
	}{
		{PrepareApproval, "", "i-0dev", false},
		{PrepareApproval, PrepareNever, "i-0prod", false},
		{PrepareNever, "", "i-0prod", false},
		{"", "", "i-0prod", false},
		{PrepareApproval, "", "i-0prod", true},
	} {
		inAdvance(t, func(w *world) {
			w.policy.Prepare = tt.policy
			for i := range w.policy.Rules {
				w.policy.Rules[i].Prepare = tt.rule
			}
			w.policy.Rules[0].Urgent = &Urgent{Users: []string{alice}, Max: time.Hour}
		}, func(w *world) {
			l := w.must(alice, OpenLease{Instance: tt.instance, Duration: time.Hour, Because: "x", Urgent: tt.urgent}).Lease
			if l.Prepare != "" && l.Prepare != PrepareNever || l.Prepared.Begun() {
				t.Errorf("%+v: %q, %+v", tt, l.Prepare, l.Prepared)
			}
			w.pass(time.Minute)
			w.must(alice, ConfirmLease{ID: l.ID, Urgent: tt.urgent})
			w.pass(0)
			if l := w.lease(l.ID); l.Prepared.Begun() {
				t.Errorf("%+v: %+v", tt, l.Prepared)
			}
		})
	}
}

// A store that is lost while a yes is missing: the tags say that it was not open,
// so it is taken down and never opened.
func TestLostStoreNeverOpensWhatWaits(t *testing.T) {
	builtAhead(t, func(w *world, id string) {
		w.crash()
		w.store.mu.Lock()
		w.store.leases, w.store.dueAt, w.store.rebuilt = make(map[string]*Lease), make(map[string]time.Time), make(map[string]bool)
		w.store.mu.Unlock()
		w.start()
		w.sweep()
		w.expect(id, Closing, Lost)
		w.pass(3 * time.Minute)
		w.expect(id, Closed, Lost)
		w.nothingLeft()
		if n := w.cloud.count("open/"+string(StageClock), id); n != 0 {
			t.Error("it was opened")
		}
	})
}
