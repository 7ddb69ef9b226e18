package sshforward

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// strand puts into the cloud what looks like a lease and is not signed: the store
// does not know it, and is known not to be new.
func (w *world) strand(id, account, instance string, whole bool) {
	w.t.Helper()
	w.store.mu.Lock()
	w.store.rebuilt["main"], w.store.rebuilt["far"] = true, true
	w.store.mu.Unlock()
	l := &Lease{
		ID: id, State: Opening, Owner: alice, Channel: "C1",
		Terms: Terms{
			ListenerPort: 443, TargetPort: 22, SSHUser: "ubuntu",
			Instance: Instance{Account: account, ID: instance}, Sources: prefixes("203.0.113.7/32"), Max: 8 * time.Hour,
			Duration: time.Hour,
		},
		OpenBy: time.Now().Add(w.timing.Opening),
	}
	for _, l.Stage = range Stages[1:] {
		if l.Stage == StageClock {
			l.OpenedAt, l.ExpiresAt = time.Now(), time.Now().Add(l.Duration)
		}
		w.cloud.open(l)
		w.cloud.meddle(id, func(f *footprint) { f.proof = ProofMissing })
		if !whole {
			return
		}
	}
}

// What no live lease owns is torn down once it has been so for the grace, and
// not before, however often is looked.
func TestOrphan(t *testing.T) {
	t.Parallel()
	for _, whole := range []bool{true, false} {
		for _, every := range []time.Duration{time.Second, time.Minute, 7 * time.Minute} {
			t.Run(fmt.Sprintf("whole=%t, looked at every %s", whole, every), func(t *testing.T) {
				inWorld(t, func(w *world) {
					w.strand("0rphan1", "main", "i-0dev", whole)
					w.sweep()
					first := time.Now()
					for time.Since(first) < w.timing.Sweep-every {
						w.pass(every)
						w.sweep()
					}
					if len(w.cloud.left()) != 1 || w.orphans != 0 || len(w.store.all()) != 0 {
						t.Fatalf("after %s: %v is left, %d counted, %d recorded", time.Since(first), w.cloud.left(), w.orphans, len(w.store.all()))
					}
					w.sweepFor(every+30*time.Second, every)
					w.pass(lingering)
					w.expect("0rphan1", Closed, Lost)
					w.nothingLeft()
					if w.orphans != 1 {
						t.Errorf("%d orphans were counted", w.orphans)
					}
					l := w.lease("0rphan1")
					if l.Why.IsZero() || l.Owner != "" || l.Channel != "" || l.Instance.Name != "web" {
						t.Errorf("it says %q, of %q on %q", l.Why, l.Owner, l.Instance.Name)
					}
					w.sweepFor(time.Hour, time.Minute)
					if w.orphans != 1 {
						t.Errorf("%d orphans were counted an hour later", w.orphans)
					}
				})
			})
		}
	}
}

// Seen once and then gone, and a day or an hour later once more: AWS's lists
// do that. Nothing follows from it.
func TestOrphanSeenOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.strand("0rphan1", "main", "i-0dev", true)
		listed := true
		w.cloud.distort(func(*Found) bool { return listed })
		for range 5 {
			w.sweep()
			w.pass(time.Minute)
			listed = false
			w.sweepFor(time.Hour, time.Minute)
			listed = true
		}
		if w.orphans > 0 || len(w.cloud.left()) != 1 {
			t.Errorf("%d orphans counted, %v left", w.orphans, w.cloud.left())
		}
	})
}

// A crash forgets how long something was seen, so the next one begins anew.
func TestOrphanAcrossCrash(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.strand("0rphan1", "main", "i-0dev", true)
		w.sweepFor(4*time.Minute, time.Minute)
		w.crash()
		w.start()
		w.sweepFor(4*time.Minute, time.Minute)
		if w.orphans > 0 {
			t.Error("it was torn down too early")
		}
		w.sweepFor(2*time.Minute, time.Minute)
		w.pass(lingering)
		w.nothingLeft()
	})
}

// A lease that begins while somebody looks is not taken for an orphan, at
// whatever moment the picture is taken and however long the answer takes.
func TestSweepWhileOpening(t *testing.T) {
	t.Parallel()
	for _, slow := range []string{"before the picture", "after the picture"} {
		t.Run(slow, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.timing.Sweep = time.Second
				w.start()
				defer func() { w.crash() }()
				w.sweep() // or the account would be new
				look := func() { time.Sleep(10 * time.Second) }
				w.cloud.mu.Lock()
				w.cloud.before = func(_ context.Context, op string, _ *Lease) error {
					if op == "survey" && slow == "before the picture" {
						look()
					}
					return nil
				}
				w.cloud.after = func(op string, _ *Lease) error {
					if op == "survey" && slow == "after the picture" {
						look()
					}
					return nil
				}
				w.cloud.mu.Unlock()
				looking := make(chan struct{})
				go func() {
					defer close(looking)
					for range 6 {
						if err := w.keeper().Sweep(context.Background()); err != nil {
							t.Errorf("sweep: %v", err)
						}
					}
				}()
				var all []string
				for range 10 {
					w.pass(3 * time.Second)
					id := w.ask(alice, "web", 5*time.Minute)
					w.must(alice, ConfirmLease{ID: id})
					all = append(all, id)
				}
				<-looking
				w.pass(time.Minute)
				for _, id := range all {
					w.expect(id, Open, "")
				}
				if w.orphans > 0 {
					t.Errorf("%d orphans were counted", w.orphans)
				}
			})
		})
	}
}

// A lease is closed while somebody looks, and AWS goes on listing it for some
// seconds. Its receipt stays what it is.
func TestSweepWhileClosing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.timing.Sweep = time.Second
		w.start()
		defer func() { w.crash() }()
		w.sweep()
		id := w.opened(alice, "web", time.Hour)
		picture := w.cloud.leases[id].found(w.cloud.store)
		w.must(alice, CloseLease{Ref: id})
		w.pass(lingering)
		w.expect(id, Closed, ClosedByUser)
		receipt := w.lease(id)
		w.cloud.meddle(id, func(f *footprint) { f.group = true })
		w.cloud.distort(func(f *Found) bool { *f = picture; return true })
		w.sweepFor(listDelay-2*time.Second, time.Second)
		w.cloud.meddle(id, func(f *footprint) { f.group = false })
		w.sweepFor(time.Minute, time.Second)
		l := w.lease(id)
		if l.State != Closed || !l.ClosedAt.Equal(receipt.ClosedAt) || !l.AccessEndedAt.Equal(receipt.AccessEndedAt) || w.orphans > 0 {
			t.Errorf("it is %s, ended at %s, closed at %s, %d orphans", l.State, w.since(l.AccessEndedAt), w.since(l.ClosedAt), w.orphans)
		}
	})
}

// Something of a closed lease is there again, or still. It is closed once
// more, for the reason it was closed for, and without a false alarm.
func TestClosedLeaseStillThere(t *testing.T) {
	t.Parallel()
	for _, balancer := range []bool{true, false} {
		t.Run(fmt.Sprintf("balancer=%t", balancer), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.sweep()
				id := w.opened(alice, "web", time.Hour)
				w.must(alice, CloseLease{Ref: id})
				w.pass(time.Hour)
				w.expect(id, Closed, ClosedByUser)
				ended := w.lease(id).AccessEndedAt
				w.cloud.meddle(id, func(f *footprint) { f.group, f.balancer, f.rule = true, balancer, true })
				w.sweepFor(w.timing.Sweep, time.Minute)
				w.expect(id, Closed, ClosedByUser)
				w.sweepFor(time.Minute, time.Minute)
				if balancer {
					w.expect(id, Closing, ClosedByUser)
				}
				w.pass(2 * lingering)
				l := w.lease(id)
				w.expect(id, Closed, ClosedByUser)
				w.nothingLeft()
				if !l.AccessEndedAt.After(ended) == balancer || l.ClosedBy != alice || w.orphans != 1 {
					t.Errorf("access ended at %s, before that %s; closed by %s; %d orphans", w.since(l.AccessEndedAt), w.since(ended), l.ClosedBy,
						w.orphans)
				}
				if got := w.alarms(id); len(got) > 0 {
					t.Errorf("operators heard %v", got)
				}
				if got := w.slack.shows(id); got != "closed" {
					t.Errorf("the card shows %q", got)
				}
			})
		})
	}
}

// From half a picture nothing is concluded, and the other account is looked
// at all the same.
func TestSweepOfUnreachableAccount(t *testing.T) {
	t.Parallel()
	for name, bad := range misbehave {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.strand("0rphan1", "main", "i-0dev", true)
				w.strand("0rphan2", "far", "i-0far", true)
				open := w.opened(alice, "web", 8*time.Hour)
				w.cloud.terminate("i-0dev")
				w.cloud.script(func(ctx context.Context, op string, l *Lease) error {
					if op == "survey" && l.ID == "main" {
						return bad(ctx)
					}
					return nil
				})
				for range 10 {
					if err := w.keeper().Sweep(context.Background()); err == nil {
						t.Error("sweep says nothing of it")
					}
					w.pass(time.Minute)
				}
				w.expect(open, Open, "")
				w.expect("0rphan2", Closed, Lost)
				if diff := cmp.Diff([]string{"0rphan1", open}, w.cloud.left(), cmpopts.SortSlices(strings.Compare)); diff != "" {
					t.Errorf("left in the cloud (-want +got):\n%s", diff)
				}
				w.cloud.script(nil)
				w.sweepFor(6*time.Minute, time.Minute)
				w.pass(lingering)
				w.expect(open, Closed, InstanceGone)
				w.nothingLeft()
			})
		})
	}
}

// The store cannot be read: nothing is concluded, nothing torn down and nothing
// counted until it can. A record that cannot be written does not keep an orphan
// alive: its teardown goes on in memory.
func TestSweepOnBrokenStore(t *testing.T) {
	t.Parallel()
	for _, broken := range []string{"put", "active", "lease", "rebuilt"} {
		t.Run(broken, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.strand("0rphan1", "main", "i-0dev", true)
				w.store.script(func(_ context.Context, op, _ string) error {
					if op == broken {
						return unavailable("The store")
					}
					return nil
				})
				for n := range 10 {
					w.pass(time.Minute)
					if err := w.keeper().Sweep(context.Background()); err == nil && n > 5 && broken != "put" {
						t.Error("sweep says nothing of it")
					}
				}
				if gone := broken == "put"; gone != (len(w.cloud.left()) == 0) || gone != (w.orphans == 1) {
					t.Errorf("%d orphans, %v left", w.orphans, w.cloud.left())
				}
				w.store.script(nil)
				w.sweepFor(7*time.Minute, time.Minute)
				w.pass(lingering)
				w.nothingLeft()
				if w.orphans != 1 {
					t.Errorf("%d orphans were counted", w.orphans)
				}
			})
		})
	}
}

// Two names for one account: each sees the leases of the other and leaves
// them alone.
func TestSweepOfSharedAccount(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		id := w.opened(alice, "web", 2*time.Hour)
		w.cloud.meddle(id, func(f *footprint) { f.tags.Instance.Account = "far" })
		for range 20 {
			w.pass(time.Minute)
			if err := w.keeper().sweepAccount(context.Background(), "far"); err != nil {
				t.Error(err)
			}
		}
		w.expect(id, Open, "")
		if w.orphans > 0 {
			t.Errorf("%d orphans were counted", w.orphans)
		}
	})
}
