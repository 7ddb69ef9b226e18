package sshforward

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward/internal/testenv"
)

// misbehave is what one bad lease does to its worker.
var misbehave = map[string]func(context.Context) error{
	"hang":    hang,
	"panic":   func(context.Context) error { panic("scripted") },
	"error":   func(context.Context) error { return errors.New("no code at all") },
	"refused": func(context.Context) error { return &Error{Code: EFORBIDDEN, Message: Textf("AWS says no.")} },
}

// One lease whose teardown never works is stuck and stays so, for all to see,
// and is done once it can be. No other lease notices.
func TestStuckTeardown(t *testing.T) {
	t.Parallel()
	for name, bad := range misbehave {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				stuck := w.opened(alice, "web", 5*time.Minute)
				end := w.lease(stuck).ExpiresAt
				w.cloud.script(func(ctx context.Context, op string, l *Lease) error {
					if l.ID == stuck && op == "close" {
						return bad(ctx)
					}
					return nil
				})
				w.pass(4 * time.Minute)
				other := w.opened(bob, "two", 5*time.Minute)
				promised := w.lease(other).ExpiresAt
				w.pass(time.Until(promised.Add(lingering)))
				w.expect(other, Closed, Expired)
				if got := w.lease(other).AccessEndedAt; !got.Equal(promised) {
					t.Errorf("the other lease ended at %s, promised was %s", w.since(got), w.since(promised))
				}

				w.pass(time.Hour)
				l := w.lease(stuck)
				if l.State != Closing || !l.Stuck() || !strings.Contains(w.slack.shows(stuck), "stuck") {
					t.Errorf("it is %s after %d failures, its card shows %q", l.State, l.Attempts, w.slack.shows(stuck))
				}
				tries := w.cloud.times("close", stuck)
				if n := len(tries); n < 12 || n > 80 { // a hang takes three minutes of each
					t.Errorf("tried %d times in an hour", n)
				}
				if pause := time.Since(tries[len(tries)-1]); pause > 5*time.Minute {
					t.Errorf("the last try is %s ago", pause)
				}

				w.cloud.script(nil)
				w.pass(5 * time.Minute)
				w.expect(stuck, Closed, Expired)
				w.nothingLeft()
				l = w.lease(stuck)
				if want := l.AccessEndedAt.Sub(end); l.Overstay() != want || want < time.Hour {
					t.Errorf("the receipt says %s too long, want %s", l.Overstay(), want)
				}
				if n := len(w.slack.when(stuck, "ended")); n != 1 {
					t.Errorf("told %d times that it ended", n)
				}
			})
		})
	}
}

// A step that hangs does not outlive the promised end.
func TestHangingExtendAtExpiry(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 30*time.Minute)
		end := w.lease(id).ExpiresAt.Add(10 * time.Second)
		w.cloud.script(func(ctx context.Context, op string, _ *Lease) error {
			if op == "extend" {
				return hang(ctx)
			}
			return nil
		})
		w.pass(29*time.Minute + 45*time.Second)
		w.must(alice, ExtendLease{id, 10 * time.Second})
		w.pass(time.Until(end.Add(time.Second)))
		if got := w.lease(id).AccessEndedAt; !got.Equal(end) {
			t.Errorf("access ended at %s, promised was %s", w.since(got), w.since(end))
		}
	})
}

// Nor does the last step of an opening outlive the time there is to open.
func TestHangingClockAtOpenBy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.timing.Opening = 40 * time.Second
		w.start()
		defer func() { w.crash() }()
		w.cloud.script(hangIn("main", "open/clock"))
		id := w.ask(alice, "web", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.to(w.timing.Opening)
		if l := w.lease(id); l.State != Closing || l.Reason != Failed || !l.AccessEndedAt.Equal(time.Now()) {
			t.Errorf("it is %s %q, access ended at %s", l.State, l.Reason, w.since(l.AccessEndedAt))
		}
	})
}

// crowd has many leases of one account hang in a step of opening at once.
func (w *world) crowd(instance string, n int) {
	w.t.Helper()
	for i := range n {
		user := fmt.Sprintf("U%d", i)
		w.must(user, ConfirmLease{ID: w.ask(user, instance, time.Hour)})
	}
}

func hangIn(account, op string) func(context.Context, string, *Lease) error {
	return func(ctx context.Context, o string, l *Lease) error {
		if o == op && l.Instance.Account == account {
			return hang(ctx)
		}
		return nil
	}
}

// An account that does not answer delays only itself.
func TestHangingAccount(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.script(hangIn("far", "open/group"))
		w.crowd("far", stepsPerAccount+8)
		w.pass(time.Second)
		id := w.opened(alice, "web", 5*time.Minute)
		if got := w.lease(id).OpenedAt.Sub(w.t0); got != time.Second+untilInService {
			t.Errorf("opened after %s", got)
		}
	})
}

// Nor does an account with more leases that are overdue than one tick starts: the
// others are not hidden behind them.
func TestManyOverdueInOneAccount(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 5*time.Minute)
		end := w.lease(id).ExpiresAt
		w.pass(time.Until(end.Add(-2 * time.Second)))
		w.cloud.script(hangIn("far", "close"))
		w.store.mu.Lock()
		for i := range testenv.UnlessRaced(dueAtOnce, dueAtOnce/20) {
			l := &Lease{ID: fmt.Sprintf("far%05d", i), State: Closing}
			l.Owner, l.RequestedAt, l.Instance = alice, w.t0, Instance{Account: "far", ID: "i-0far"}
			l.Reason, l.OpenedAt, l.ExpiresAt, l.ClosingAt, l.NextTryAt, l.DueAt = Expired, w.t0, w.t0, w.t0, w.t0, w.t0
			w.store.leases[l.ID], w.store.dueAt[l.ID] = l, l.DueAt
		}
		w.store.mu.Unlock()
		for range 6 { // seconds, of which each is a tick of them all
			if w.pass(time.Second); !w.lease(id).AccessEndedAt.IsZero() {
				break
			}
		}
		if got := w.lease(id).AccessEndedAt; got.IsZero() || got.Sub(end) > 4*time.Second {
			t.Errorf("access ended at %s, promised was %s", w.since(got), w.since(end))
		}
	})
}

// Openings that hang by the dozen delay no teardown in the same account,
// neither at the promised end nor at a close.
func TestTeardownBehindOpenings(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		expiring := w.opened(alice, "web", 5*time.Minute)
		closing := w.opened(bob, "two", time.Hour)
		w.cloud.script(hangIn("main", "open/group"))
		w.crowd("web", stepsPerAccount+8)
		w.pass(time.Minute)
		w.must(bob, CloseLease{Ref: closing})
		typed := time.Now()
		w.pass(0)
		if got := w.lease(closing).AccessEndedAt; !got.Equal(typed) {
			t.Errorf("typed close at %s, access ended at %s", w.since(typed), w.since(got))
		}
		end := w.lease(expiring).ExpiresAt
		w.pass(time.Until(end))
		if got := w.lease(expiring).AccessEndedAt; !got.Equal(end) {
			t.Errorf("access ended at %s, promised was %s", w.since(got), w.since(end))
		}
	})
}

// An extension has to wait for its turn where openings hang. The lease ends
// in time nevertheless, and at once when somebody closes it.
func TestEndWhileWaitingForTurn(t *testing.T) {
	t.Parallel()
	for _, closed := range []bool{false, true} {
		t.Run(fmt.Sprintf("closed=%t", closed), func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "web", 5*time.Minute)
				w.pass(4*time.Minute + 20*time.Second)
				w.cloud.script(hangIn("main", "open/group"))
				w.crowd("web", stepsPerAccount+8)
				w.pass(time.Second)
				w.must(alice, ExtendLease{id, 10 * time.Second})
				end := w.lease(id).ExpiresAt
				if closed {
					w.pass(20 * time.Second)
					w.must(alice, CloseLease{Ref: id})
					end = time.Now()
				}
				w.pass(time.Until(end.Add(2 * time.Minute)))
				if got := w.lease(id).AccessEndedAt; !got.Equal(end) {
					t.Errorf("access ended %s after its end", got.Sub(end))
				}
			})
		})
	}
}

// A worker in AWS's hands says so to nobody else: a lease can be listed, and
// its card updated, while its step hangs.
func TestHangingStepDoesNotBlockTalk(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.script(hangIn("main", "open/group"))
		id := w.ask(alice, "web", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(cardPause + time.Second)
		if got := w.slack.shows(id); !strings.HasPrefix(got, "opening group") {
			t.Errorf("the card shows %q", got)
		}
		if n := len(w.list(alice, false)); n != 1 {
			t.Errorf("%d leases are listed", n)
		}
	})
}

// A permission that is missing fails the opening at once. What IAM may only not
// see yet, the provisioner waits for.
func TestRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.ask(alice, "web", time.Hour)
		w.cloud.script(func(_ context.Context, op string, l *Lease) error {
			if op == "open/"+string(StageBalancer) {
				return &Error{Code: EFORBIDDEN, Message: Textf("My role lacks a permission.")}
			}
			return nil
		})
		w.must(alice, ConfirmLease{ID: id})
		w.pass(2*time.Minute + lingering)
		if l := w.lease(id); l.State != Closed || l.Reason != Failed || l.Attempts > 0 {
			t.Errorf("it is %s, %s (%s)", l.State, l.Reason, l.Why)
		}
	})
}

// Whoever waits for a turn behind openings that hang is told so, and the reason
// of a lease that was given up over it is what went wrong before and what it
// waited for, and not a log that has nothing.
func TestWaitingForATurnIsNoFailure(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.crash()
		w.timing.Opening = 2 * time.Minute
		w.start()
		first := true
		var id string
		w.cloud.script(func(ctx context.Context, op string, l *Lease) error {
			switch {
			case l.ID == id && op == "open/group" && first:
				first = false
				return unavailable("EC2")
			case op == "open/group":
				time.Sleep(5 * time.Minute) // and does not listen to its context
			}
			return nil
		})
		id = w.ask(alice, "web", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		synctest.Wait() // its first try has failed
		w.crowd("web", stepsPerAccount+8)
		w.pass(time.Minute)
		const turn = "It waits for its turn: 32 others are at work in account main."
		if l := w.lease(id); l.Detail.String() != turn || l.Attempts != 1 {
			t.Errorf("it says %q after %d failures", l.Detail, l.Attempts)
		}
		if got := w.slack.shows(id); !strings.Contains(got, turn) {
			t.Errorf("the card shows %q", got)
		}
		w.pass(w.timing.Opening + 5*time.Minute)
		l := w.lease(id)
		why := l.Why.String()
		if !strings.Contains(why, "EC2 cannot be reached.") || !strings.Contains(why, turn) || strings.Contains(why, "log") {
			t.Errorf("it was given up: %s", why)
		}
	})
}

// The clock was an hour ahead when a retry was written, and is right now: the
// work goes on within half a minute, and not in an hour.
func TestRetryOfAClockThatWasAhead(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.must(alice, CloseLease{Ref: id})
		w.pass(0)
		l := w.stored(id)
		if l.State != Closing {
			t.Fatalf("it is %s", l.State)
		}
		l.NextTryAt, l.DueAt = time.Now().Add(time.Hour), time.Now().Add(time.Hour)
		l.Card.NextTryAt, l.Card.Shown = time.Now().Add(time.Hour), ""
		if err := w.store.Put(context.Background(), l); err != nil {
			t.Fatal(err)
		}
		w.sweepFor(time.Minute+lingering, 30*time.Second)
		w.expect(id, Closed, ClosedByUser)
		if got := w.slack.shows(id); got != w.lease(id).CardKey() {
			t.Errorf("the card shows %q", got)
		}
		w.nothingLeft()
	})
}
