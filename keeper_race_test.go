package sshforward

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// atOnce gives commands at the same instant and returns their errors.
func (w *world) atOnce(cmds ...func() error) []error {
	errs := make([]error, len(cmds))
	var wg sync.WaitGroup
	for i, cmd := range cmds {
		wg.Go(func() { errs[i] = cmd() })
	}
	wg.Wait()
	synctest.Wait()
	return errs
}

func (w *world) giving(user string, cmd Command) func() error {
	return func() error { _, err := w.do(user, cmd); return err }
}

// slowStore makes concurrent writers meet: each write takes a moment.
func slowStore(_ context.Context, op, _ string) error {
	if op == "put" {
		time.Sleep(time.Millisecond)
	}
	return nil
}

// oneWins holds errs to one success, and conflicts that say what is so.
func oneWins(t *testing.T, errs []error, says string) {
	t.Helper()
	won := 0
	for _, err := range errs {
		if err == nil {
			won++
			continue
		}
		wantCode(t, err, ECONFLICT)
		if !strings.Contains(told(err), says) {
			t.Errorf("the one who came too late was told %q, want something with %q", told(err), says)
		}
	}
	if won != 1 {
		t.Errorf("%d of %d won", won, len(errs))
	}
}

func TestTwoConfirms(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{0, 1, 3} {
		t.Run(fmt.Sprintf("at most %d leases", limit), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				w.policy.LeasesPerUser = limit
				w.start()
				defer func() { w.crash() }()
				id := w.ask(alice, "web", time.Hour)
				w.store.script(slowStore)
				click := w.giving(alice, ConfirmLease{ID: id})
				oneWins(t, w.atOnce(click, click, click), "is opening already")
				w.pass(time.Minute)
				w.expect(id, Open, "")
				if n := w.cloud.count("open/group", id); n != 1 {
					t.Errorf("the group was made %d times", n)
				}
			})
		})
	}
}

func TestConfirmAndCancel(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.ask(alice, "web", time.Hour)
		w.store.script(slowStore)
		errs := w.atOnce(w.giving(alice, ConfirmLease{ID: id}), w.giving(alice, CancelLease{id}))
		oneWins(w.t, errs, "already")
		w.pass(time.Minute)
		want, reason := Open, Reason("")
		if errs[0] != nil {
			want, reason = Closed, Cancelled
		}
		w.expect(id, want, reason)
	})
}

func TestLeasesPerUser(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.policy.LeasesPerUser = 2
		w.start()
		defer func() { w.crash() }()
		var clicks []func() error
		for range 5 {
			clicks = append(clicks, w.giving(alice, ConfirmLease{ID: w.ask(alice, "web", time.Hour)}))
		}
		w.store.script(slowStore)
		clicks = append(clicks, w.giving(bob, ConfirmLease{ID: w.ask(bob, "web", time.Hour)}))
		errs := w.atOnce(clicks...)
		if errs[5] != nil {
			t.Errorf("other people's leases counted: %v", errs[5])
		}
		won := 0
		for _, err := range errs[:5] {
			if err == nil {
				won++
				continue
			}
			wantCode(t, err, EQUOTA)
			if !strings.Contains(told(err), "Try: close ") {
				t.Errorf("%q does not say what to do", told(err))
			}
		}
		if won != 2 {
			t.Errorf("%d leases were opened, policy allows 2", won)
		}
		_, err := w.do(alice, OpenLease{Instance: "two"})
		wantCode(t, err, EQUOTA)

		// What is closing leaves room.
		w.pass(time.Minute)
		open := w.list(alice, false)
		i := slices.IndexFunc(open, func(l *Lease) bool { return l.State == Open })
		w.must(alice, CloseLease{Ref: open[i].ID})
		w.ask(alice, "two", time.Hour)
	})
}

// At one instant a lease is extended or it expires, never both.
func TestExtendAndExpiry(t *testing.T) {
	t.Parallel()
	won := map[bool]int{}
	for n := range 20 {
		inWorld(t, func(w *world) {
			id := w.opened(alice, "web", 6*time.Minute)
			w.store.script(slowStore)
			end := w.lease(id).ExpiresAt
			// Around the last millisecond, where writes cross.
			time.Sleep(time.Until(end.Add(time.Duration(n-15) * 200 * time.Microsecond)))
			_, err := w.do(alice, ExtendLease{id, time.Hour})
			won[err == nil]++
			w.pass(time.Minute)
			if err == nil {
				w.expect(id, Open, "")
				if !w.cloud.reachable(id) {
					t.Error("extended, but torn down")
				}
				if got := w.lease(id).ExpiresAt.Sub(end); got != time.Hour {
					t.Errorf("extended by %s", got)
				}
				return
			}
			wantCode(t, err, ECONFLICT)
			w.expect(id, Closed, Expired)
			w.nothingLeft()
		})
	}
	if won[true] == 0 || won[false] == 0 {
		t.Errorf("only one side ever won: %v", won)
	}
}

func TestExtendAndClose(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.store.script(slowStore)
		errs := w.atOnce(w.giving(alice, CloseLease{Ref: id}), w.giving(alice, ExtendLease{id, time.Hour}), w.giving(admin, CloseLease{Ref: id}))
		w.pass(time.Minute)
		if (errs[0] == nil) == (errs[2] == nil) {
			t.Errorf("of two closes exactly one should win: %v and %v", errs[0], errs[2])
		}
		reason := ClosedByUser
		if errs[0] != nil {
			reason = ClosedByAdmin
		}
		w.expect(id, Closed, reason)
		w.nothingLeft()
	})
}

// A second process, or a copy read long ago, cannot undo what came after it.
func TestStaleWriter(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		old := w.stored(id)
		w.must(alice, CloseLease{Ref: id})
		w.pass(time.Minute)
		old.ExpiresAt = old.ExpiresAt.Add(time.Hour)
		wantCode(t, w.store.Put(context.Background(), old), ECONFLICT)
		w.expect(id, Closed, ClosedByUser)
	})
}

// closeAfter types close once a hanging step has begun, and wants the access
// and the step to end at that moment.
func TestCloseInterruptsStep(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"find", "open/group", "open/balancer", "open/service", "open/clock", "extend"} {
		t.Run(op, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.ask(alice, "web", time.Hour)
				if op == "extend" {
					w.must(alice, ConfirmLease{ID: id})
					w.pass(time.Minute)
				}
				w.cloud.script(func(ctx context.Context, o string, _ *Lease) error {
					if o == op {
						return hang(ctx)
					}
					return nil
				})
				if op == "extend" {
					w.must(alice, ExtendLease{id, time.Hour})
				} else {
					w.must(alice, ConfirmLease{ID: id})
				}
				w.pass(20 * time.Second)
				typed := time.Now()
				w.must(alice, CloseLease{Ref: id})
				synctest.Wait()
				if len(w.cloud.times("close", id)) == 0 || !w.cloud.times("close", id)[0].Equal(typed) {
					t.Errorf("typed close at %s, teardown began at %v", w.since(typed), w.cloud.times("close", id))
				}
				w.pass(2 * lingering)
				w.expect(id, Closed, ClosedByUser)
				w.nothingLeft()
			})
		})
	}
}

// A close may come between the worker's look at the lease and its step, when
// there is nothing to interrupt yet. It must not wait for the step then.
func TestCloseBeforeStepBegins(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.ask(alice, "web", time.Hour)
		w.cloud.script(func(ctx context.Context, op string, _ *Lease) error {
			if op == "open/name" {
				return hang(ctx)
			}
			return nil
		})
		// Who reads the lease when it has just come to that stage goes on with
		// that copy a little later; the close falls in between.
		look := w.t0.Add(untilInService)
		w.store.mu.Lock()
		w.store.read = func(l *Lease) {
			if l.Stage == StageName && time.Now().Equal(look) {
				time.Sleep(5 * time.Millisecond)
			}
		}
		w.store.mu.Unlock()
		w.must(alice, ConfirmLease{ID: id})
		w.pass(untilInService + time.Millisecond)
		w.must(alice, CloseLease{Ref: id})
		w.pass(2 * lingering)
		w.expect(id, Closed, ClosedByUser)
	})
}
