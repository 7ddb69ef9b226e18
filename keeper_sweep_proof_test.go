package sshforward

import (
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// After a lost store only a signature has a lease go on. What looks like an open
// lease and is not signed is shut after the grace, and nobody is told that it is
// theirs.
func TestUnprovenIsNotRebuilt(t *testing.T) {
	t.Parallel()
	for _, proof := range []Proof{ProofMissing, ProofWrong, "unchecked"} {
		t.Run(string(proof), func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "web", 8*time.Hour)
				w.cloud.distort(func(f *Found) bool {
					if f.Proof = proof; proof == "unchecked" {
						f.Proof = ProofUnchecked
					}
					f.Lease.Card = Card{Channel: "C0OPS", TS: "1700000000.000100"}
					return true
				})
				w.loseStore()
				w.sweep()
				if got := w.store.all(); len(got) != 0 {
					t.Fatalf("taken over at once: %v", got)
				}
				w.sweepFor(w.timing.Sweep+time.Minute, time.Minute)
				w.pass(lingering)
				w.expect(id, Closed, Lost)
				w.nothingLeft()
				if l := w.lease(id); l.Owner != "" || l.Channel != "" || l.Card.Channel == "C0OPS" {
					t.Errorf("the tags' words were believed: owner %q, channel %q, card in %q", l.Owner, l.Channel, l.Card.Channel)
				}
			})
		})
	}
}

// An old backup is put back as the store: what proves that it is this store's
// goes on to its end, though the store has long been known.
func TestProvenLeaseOfAnOldBackupGoesOn(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		id := w.opened(alice, "web", time.Hour)
		end := w.lease(id).ExpiresAt
		w.crash()
		w.store = newMemStore(t)
		w.store.rebuilt["main"], w.store.rebuilt["far"] = true, true
		w.start()
		w.sweepFor(w.timing.Sweep+time.Minute, time.Minute)
		w.expect(id, Open, "")
		if l := w.lease(id); l.Owner != alice || l.ExpiresAt.Sub(end).Abs() > time.Second {
			t.Errorf("owner %q until %s, want %q until %s", l.Owner, l.ExpiresAt, alice, end)
		}
		w.sweepFor(time.Until(end)+time.Minute, time.Minute)
		w.pass(lingering)
		w.expect(id, Closed, Expired)
		w.nothingLeft()
	})
}

// The backup has the lease, but not that it was extended since.
func TestLaterEndThatIsProvenWins(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.pass(20 * time.Second)
		old := w.lease(id)
		w.must(alice, ExtendLease{id, 30 * time.Minute})
		w.pass(20 * time.Second)
		end := w.lease(id).ExpiresAt
		w.crash()
		w.store = newMemStore(t)
		old.Revision = 0
		if err := w.store.Put(context.Background(), old); err != nil {
			t.Fatal(err)
		}
		w.start()
		w.sweep()
		if got := w.lease(id).ExpiresAt; got.Sub(end).Abs() > time.Second {
			t.Errorf("it ends at %s, want %s as the tags prove", got, end)
		}
		w.cloud.meddle(id, func(f *footprint) { f.until, f.proof = f.until.Add(8*time.Hour), ProofWrong })
		w.sweepFor(2*time.Minute, 20*time.Second)
		if got := w.lease(id).ExpiresAt; got.Sub(end).Abs() > time.Second {
			t.Errorf("it ends at %s after its tags were forged, want %s", got, end)
		}
	})
}

// Two bots of one deployment, each with a store of its own: neither tears down
// what the other one has open, and when that one is gone the end is kept.
func TestAnotherStoresLeaseIsLeftAloneUntilItsEnd(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		end := w.lease(id).ExpiresAt
		w.loseStore() // the other bot's
		w.store.mu.Lock()
		w.store.rebuilt["main"], w.store.rebuilt["far"] = true, true
		w.store.mu.Unlock()
		w.sweepFor(time.Until(end)-time.Minute, time.Minute)
		if !w.cloud.reachable(id) || len(w.store.all()) != 0 {
			t.Fatalf("another bot's lease was touched before its end: %v", w.store.all())
		}
		w.sweepFor(w.timing.Sweep+3*time.Minute, time.Minute)
		w.pass(lingering)
		w.expect(id, Closed, Lost)
		w.nothingLeft()
	})
}

// Tags that somebody changed are put right while the store knows better, and the
// operators hear of it. What is only not signed is signed, without a word.
func TestTagsArePutRight(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		distort func(*Found)
		heard   bool
	}{
		"changed":  {func(f *Found) { f.Retagged, f.Proof = true, ProofWrong }, true},
		"unsigned": {func(f *Found) { f.Unsigned, f.Proof = true, ProofMissing }, false},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "web", time.Hour)
				w.pass(20 * time.Second)
				var mended atomic.Bool
				w.cloud.distort(func(f *Found) bool {
					if !mended.Load() {
						c.distort(f)
					}
					return true
				})
				w.cloud.afterwards(func(op string, _ *Lease) error {
					mended.CompareAndSwap(false, op == "mend")
					return nil
				})
				w.sweepFor(time.Minute, 5*time.Second)
				w.expect(id, Open, "")
				if n := w.cloud.count("mend", id); n != 1 {
					t.Errorf("mended %d times, want once", n)
				}
				if heard := slices.Contains(w.slack.heard(id), string(NoticeRetagged)); heard != c.heard {
					t.Errorf("the operators heard of it: %t, want %t", heard, c.heard)
				}
			})
		})
	}
}
