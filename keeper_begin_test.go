package sshforward

import (
	"context"
	"testing"
	"time"
)

// putBack ends the process and begins a new one on a backup that has leases as they
// were.
func (w *world) putBack(leases ...*Lease) {
	w.t.Helper()
	w.crash()
	w.store = newMemStore(w.t)
	w.store.rebuilt["main"], w.store.rebuilt["far"] = true, true
	for _, l := range leases {
		l = l.Clone()
		l.Revision = 1
		w.store.leases[l.ID], w.store.dueAt[l.ID] = l, l.DueAt
	}
	w.start()
}

// An old backup is put back when the ends that it has are over: a lease that was
// extended since goes on to the end that its tags prove, and only such a one.
func TestOverdueInTheBackupAndExtendedSince(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		spoil func(w *world, id string)
		goes  bool
	}{
		"as it was": {func(*world, string) {}, true},
		"the instances cannot be read": {func(w *world, _ string) {
			w.cloud.hide(PartInstances, PartDeadMan)
		}, true},
		"forged": {func(w *world, id string) { w.cloud.meddle(id, func(f *footprint) { f.proof = ProofWrong }) }, false},
		"of another store": {func(w *world, id string) {
			w.cloud.meddle(id, func(f *footprint) { f.proof = ProofElsewhere })
		}, false},
		"cannot be read":             {func(w *world, _ string) { w.cloud.hide(PartGroups) }, false},
		"the account does not tell":  {func(w *world, _ string) { w.cloud.script(blocked("main")) }, false},
		"the account says nothing":   {func(w *world, _ string) { w.cloud.script(hanging("survey")) }, false},
		"it was not extended at all": {func(w *world, id string) { w.cloud.meddle(id, func(f *footprint) { f.until = w.t0 }) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "web", time.Hour)
				w.pass(20 * time.Second)
				old := w.lease(id)
				w.must(alice, ExtendLease{id, 2 * time.Hour})
				w.pass(20 * time.Second)
				end := w.lease(id).ExpiresAt
				w.pass(2 * time.Hour)
				tt.spoil(w, id)
				w.putBack(old)
				w.pass(7 * time.Second)
				w.cloud.script(nil)
				w.cloud.hide()
				w.pass(time.Minute)
				if !tt.goes {
					w.expect(id, Closed, Expired)
					return
				}
				w.expect(id, Open, "")
				if l := w.lease(id); l.ExpiresAt.Sub(end).Abs() > time.Second {
					t.Errorf("it ends at %s, want %s", l.ExpiresAt, end)
				}
				w.pass(time.Until(end) + lingering + pollEvery)
				w.expect(id, Closed, Expired)
				w.nothingLeft()
			})
		})
	}
}

// hanging is an AWS that says nothing to one kind of call.
func hanging(what string) func(context.Context, string, *Lease) error {
	return func(ctx context.Context, op string, _ *Lease) error {
		if op == what {
			return hang(ctx)
		}
		return nil
	}
}

// An account that says nothing holds up the end of what is overdue there for five
// seconds, and nothing else; what a person closes waits for nothing.
func TestOverdueInAnAccountThatSaysNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		near, far := w.opened(alice, "i-0dev", time.Hour), w.opened(bob, "i-0far", time.Hour)
		two := w.opened(carol, "i-0two", time.Hour)
		w.crash()
		w.cloud.script(func(ctx context.Context, op string, l *Lease) error {
			if op == "survey" && l.ID == "main" {
				return hang(ctx)
			}
			return nil
		})
		w.pass(2 * time.Hour)
		w.start()
		w.pass(time.Second)
		if l := w.lease(far); l.State != Closing && l.State != Closed {
			t.Errorf("the other account's is %s", l.State)
		}
		w.expect(near, Open, "")
		w.must(carol, CloseLease{Ref: two})
		w.pass(time.Second)
		if w.cloud.reachable(two) {
			t.Error("what was closed by hand is still reachable")
		}
		w.pass(4 * time.Second)
		if w.cloud.reachable(near) {
			t.Error("it is reachable more than five seconds after the start")
		}
		w.pass(lingering + pollEvery)
		w.expect(near, Closed, Expired)
	})
}

// The backup is from when a lease was opening, and its time for that is over: it goes
// on to the end that its tags prove.
func TestOpenedSinceTheBackup(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		id := w.ask(alice, "i-0prod", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.must(bob, ApproveLease{ID: id})
		old := w.lease(id)
		w.pass(untilInService + time.Minute)
		w.expect(id, Open, "")
		end := w.lease(id).ExpiresAt
		w.pass(30 * time.Minute)
		if old.State != Opening {
			t.Fatalf("the backup has it as %s", old.State)
		}
		w.putBack(old)
		w.sweepFor(10*time.Minute, 30*time.Second)
		w.expect(id, Open, "")
		if l := w.lease(id); l.ExpiresAt.Sub(end).Abs() > time.Second || l.Resources.Until.IsZero() {
			t.Errorf("it ends at %s, want %s", l.ExpiresAt, end)
		}
		w.pass(time.Until(end) + lingering + pollEvery)
		w.expect(id, Closed, Expired)
		w.nothingLeft()
	})
}
