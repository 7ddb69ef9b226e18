package sshforward

import (
	"context"
	"testing"
	"time"
)

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
