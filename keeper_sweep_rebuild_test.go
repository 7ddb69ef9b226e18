package sshforward

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward/internal/testenv"
)

// loseStore ends the process and begins a new one with an empty store.
func (w *world) loseStore() {
	w.crash()
	w.store = newMemStore(w.t)
	w.cloud.store++
	w.start()
}

func (w *world) isRebuilt(account string) bool {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	return w.store.rebuilt[account]
}

// The store is lost. What was open goes on until the end in its tags, and its
// owner can do with it what could be done before.
func TestLostStore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		id := w.opened(alice, "web", time.Hour)
		other := w.opened(bob, "two", 2*time.Hour)
		was := w.lease(id)
		w.pass(10 * time.Minute)
		w.loseStore()
		heard := len(w.slack.heard(id))
		w.sweep()
		w.expect(id, Open, "")
		l := w.lease(id)
		want := []any{was.Owner, was.Instance.ID, was.ListenerPort, was.TargetPort, was.SSHCommand(), FormatSources(was.Sources),
			was.ExpiresAt.Unix(), was.OpenedAt.Unix(), was.Max}
		got := []any{l.Owner, l.Instance.ID, l.ListenerPort, l.TargetPort, l.SSHCommand(), FormatSources(l.Sources), l.ExpiresAt.Unix(),
			l.OpenedAt.Unix(), l.Max}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("rebuilt (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]string{id}, ids(w.list(alice, false))); diff != "" {
			t.Errorf("listed (-want +got):\n%s", diff)
		}
		if !w.cloud.reachable(id) || !w.cloud.reachable(other) {
			t.Error("the session was dropped")
		}

		w.must(alice, ExtendLease{"web", 30 * time.Minute})
		_, err := w.do(alice, ExtendLease{id, 8 * time.Hour})
		wantCode(t, err, EFORBIDDEN)
		w.must(bob, CloseLease{Ref: other})
		w.sweepFor(10*time.Minute, time.Minute)
		w.expect(other, Closed, ClosedByUser)
		w.expect(id, Open, "")
		end := was.ExpiresAt.Add(30 * time.Minute)
		w.sweepFor(time.Until(end)-time.Second, time.Minute)
		w.expect(id, Open, "")
		w.pass(time.Until(end))
		w.expect(id, Closing, Expired)
		w.pass(lingering)
		w.expect(id, Closed, Expired)
		w.nothingLeft()
		if o := w.lease(id).Overstay(); o > 0 {
			t.Errorf("access lasted %s too long", o)
		}
		after := slices.DeleteFunc(w.slack.heard(id)[heard:], func(s string) bool { return s == "reminder" })
		if diff := cmp.Diff([]string{"new card", "rebuilt", "ended"}, after); diff != "" {
			t.Errorf("people heard (-want +got):\n%s", diff)
		}
		if w.orphans > 0 {
			t.Errorf("%d orphans were counted", w.orphans)
		}
	})
}

// What was not open yet, is not whole or has no time left is closed.
func TestLostStoreCloses(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(w *world) (id string){
		"half-created": func(w *world) string {
			w.cloud.script(hangIn("main", "open/balancer"))
			id := w.ask(alice, "web", time.Hour)
			w.must(alice, ConfirmLease{ID: id})
			w.pass(30 * time.Second)
			return id
		},
		"not in service": func(w *world) string {
			id := w.ask(alice, "web", time.Hour)
			w.must(alice, ConfirmLease{ID: id})
			w.pass(untilInService / 2)
			return id
		},
		"overdue": func(w *world) string {
			id := w.opened(alice, "web", 10*time.Minute)
			w.crash()
			w.pass(20 * time.Minute)
			return id
		},
		"at its end": func(w *world) string {
			id := w.opened(alice, "web", 10*time.Minute)
			w.crash()
			w.pass(10 * time.Minute)
			return id
		},
		"closing": func(w *world) string {
			id := w.opened(alice, "web", time.Hour)
			w.must(alice, CloseLease{Ref: id})
			w.pass(time.Second)
			return id
		},
		"without its load balancer": func(w *world) string {
			id := w.opened(alice, "web", time.Hour)
			w.cloud.meddle(id, func(f *footprint) { f.balancer, f.registered = false, false })
			return id
		},
		"on an instance that is gone": func(w *world) string {
			id := w.ask(alice, "web", time.Hour)
			w.must(alice, ConfirmLease{ID: id})
			w.pass(untilInService / 2)
			w.cloud.terminate("i-0dev")
			return id
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := prepare(w)
				w.cloud.script(nil)
				w.loseStore()
				w.sweep()
				w.pass(2 * lingering)
				w.expect(id, Closed, Lost)
				w.nothingLeft()
				l := w.lease(id)
				if l.Why.IsZero() {
					t.Error("it does not say why")
				}
				if got := w.heardOf(id, NoticeRebuilt, NoticeFailed); len(got) > 0 {
					t.Errorf("people heard %v", got)
				}
				if got := w.slack.shows(id); got != "closed" {
					t.Errorf("the card shows %q", got)
				}
			})
		})
	}
}

// With a store that is lost nothing is an orphan, however often is looked, and
// nothing is taken over twice.
func TestLostStoreLookedAtOften(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 2*time.Hour)
		w.loseStore()
		errs := w.atOnce(
			func() error { return w.keeper().Sweep(context.Background()) },
			func() error { return w.keeper().Sweep(context.Background()) },
		)
		if errs[0] != nil || errs[1] != nil {
			t.Errorf("sweeps at the same time: %v", errs)
		}
		w.sweepFor(time.Hour, 10*time.Second)
		w.expect(id, Open, "")
		if n := len(w.slack.when(id, "rebuilt")); n != 1 || w.orphans > 0 {
			t.Errorf("told %d times; %d orphans", n, w.orphans)
		}
		w.must(alice, CloseLease{Ref: id})
		w.sweepFor(time.Hour, 10*time.Second)
		w.expect(id, Closed, ClosedByUser)
		if n := len(w.slack.when(id, "rebuilt")); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// The account is taken for rebuilt only after all of it was, whatever fails or
// dies in between.
func TestLostStoreInterrupted(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"survey", "put", "set-rebuilt", "active"} {
		for n := 1; n <= testenv.UnlessRaced(3, 1); n++ {
			for _, dies := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s %d, dies=%t", op, n, dies), func(t *testing.T) {
					inWorld(t, func(w *world) {
						var open []string
						for _, instance := range []string{"web", "two", "web"} {
							open = append(open, w.opened(alice, instance, time.Hour))
						}
						half := w.ask(bob, "two", time.Hour)
						w.must(bob, ConfirmLease{ID: half})
						w.pass(time.Second)
						w.loseStore()

						var mu sync.Mutex
						calls, broken := 0, false
						fault := func(o string) error {
							mu.Lock()
							defer mu.Unlock()
							if o == op {
								calls++
							}
							if broken = broken || o == op && calls == n; broken && (dies || o == op && calls == n) {
								return unavailable("It")
							}
							return nil
						}
						w.store.script(func(_ context.Context, o, id string) error {
							if o == "set-rebuilt" && id == "far" {
								return nil
							}
							return fault(o)
						})
						w.cloud.script(func(_ context.Context, o string, l *Lease) error {
							if o == "survey" && l.ID == "far" {
								return nil
							}
							return fault(o)
						})
						err := w.keeper().Sweep(context.Background())
						if err != nil && strings.Contains(err.Error(), "account main") && w.isRebuilt("main") {
							t.Errorf("taken for rebuilt though %v", err)
						}
						if dies {
							w.crash()
						}
						w.store.script(nil)
						w.cloud.script(nil)
						if dies {
							w.start()
						}
						w.sweepFor(20*time.Minute, time.Minute)
						if !w.isRebuilt("main") || !w.isRebuilt("far") {
							t.Error("never taken for rebuilt")
						}
						for _, id := range open {
							w.expect(id, Open, "")
							if n := len(w.slack.when(id, "rebuilt")); n < 1 || n > 2 || n > 1 && !dies && op != "put" {
								t.Errorf("told %d times", n)
							}
						}
						w.expect(half, Closed, Lost)
						if w.orphans > 0 {
							t.Errorf("%d orphans were counted", w.orphans)
						}
					})
				})
			}
		}
	}
}

// One account answers later than the other. What is in it is then taken over
// and not torn down.
func TestLostStoreAndUnreachableAccount(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		near, far := w.opened(alice, "web", 2*time.Hour), w.opened(bob, "far", 2*time.Hour)
		w.loseStore()
		w.cloud.script(func(ctx context.Context, op string, l *Lease) error {
			if op == "survey" && l.ID == "far" {
				return unavailable("AWS")
			}
			return nil
		})
		for range 20 {
			w.pass(time.Minute)
			_ = w.keeper().Sweep(context.Background())
		}
		w.expect(near, Open, "")
		if w.isRebuilt("far") || !w.isRebuilt("main") || !w.cloud.reachable(far) {
			t.Errorf("rebuilt: far %t, main %t; far is reachable: %t", w.isRebuilt("far"), w.isRebuilt("main"), w.cloud.reachable(far))
		}
		w.cloud.script(nil)
		w.sweep()
		w.expect(far, Open, "")
	})
}

// The tags say whole seconds, and their end is rounded up. A lease rebuilt
// from them is not moved about in AWS for that, and not longer than policy
// allows.
func TestLostStoreWithCoarseTags(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.pass(300 * time.Millisecond)
		id := w.opened(alice, "web", 8*time.Hour)
		w.cloud.meddle(id, func(f *footprint) {
			f.until = f.until.Truncate(time.Second).Add(time.Second)
			f.tags.OpenedAt = f.tags.OpenedAt.Truncate(time.Second)
		})
		w.loseStore()
		w.sweepFor(time.Hour, time.Minute)
		w.expect(id, Open, "")
		if n := w.cloud.count("extend", id); n > 0 {
			t.Errorf("the end was moved %d times", n)
		}
		_, err := w.do(alice, ExtendLease{id, time.Minute})
		wantCode(t, err, EFORBIDDEN)
	})
}
