package sshforward

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward/internal/testenv"
)

func slackDown(context.Context, string, *Lease) error { return unavailable("Slack") }

// Slack is away for an hour. The forward opens and ends all the same; what is
// still true is told afterwards, once, and what is not is left out.
func TestSlackDown(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		duration time.Duration
		asked    time.Duration // before Slack goes
		heard    []string
		state    State
	}{
		{"a life begins and ends meanwhile", 10 * time.Minute, 0, []string{"new card", "ended"}, Closed},
		{"a life begins meanwhile", 5 * time.Hour, 0, []string{"new card", "ready", "command"}, Open},
		{"a life ends meanwhile", 30 * time.Minute, time.Minute, []string{"new card", "ready", "command", "ended"}, Closed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				if tt.asked == 0 {
					w.slack.script(slackDown)
				}
				id := w.ask(alice, "web", tt.duration)
				w.must(alice, ConfirmLease{ID: id})
				w.pass(tt.asked)
				w.slack.script(slackDown)
				tries := w.slack.tried()
				w.pass(time.Hour)
				if n := w.slack.tried() - tries; n > 150 { // the card and a notice, each once a minute
					t.Errorf("knocked %d times in an hour", n)
				}
				w.slack.script(nil)
				w.pass(time.Hour)
				w.expect(id, tt.state, w.lease(id).Reason)
				if diff := cmp.Diff(tt.heard, w.slack.heard(id)); diff != "" {
					t.Errorf("people heard (-want +got):\n%s", diff)
				}
				if got := w.slack.shows(id); got != w.lease(id).CardKey() {
					t.Errorf("the card shows %q, want %q", got, w.lease(id).CardKey())
				}
				if l := w.stored(id); len(l.Owed) > 0 {
					t.Errorf("still owed: %+v", l.Owed)
				}
			})
		})
	}
}

// What Slack takes only after it was asked a few times is not said twice.
func TestSlackHiccups(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		var n atomic.Int32 // cards and notices do not wait for each other
		w.slack.script(func(ctx context.Context, _ string, _ *Lease) error {
			switch n.Add(1) % 4 {
			case 0:
				return &Error{Code: EUNAVAILABLE, Message: Textf("ratelimited"), RetryAfter: 3 * time.Second}
			case 1:
				panic("scripted")
			case 2:
				return hang(ctx)
			}
			return nil
		})
		id := w.ask(alice, "web", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(3 * time.Hour)
		w.expect(id, Closed, Expired)
		// The command does not wait for a card that Slack does not take.
		if got := w.slack.heard(id); !sameWords(got, "new card", "ready", "command", "reminder", "reminder", "ended") {
			t.Errorf("people heard %q", got)
		}
	})
}

// Progress for which Slack has no room for a while does not keep from the card
// that the lease is open.
func TestChangeOfStateDoesNotWaitBehindProgress(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "open/group" {
				time.Sleep(10 * time.Second)
			}
			return nil
		})
		w.slack.script(func(_ context.Context, what string, l *Lease) error {
			if what == "card" && l.OnlyProgress() {
				return &Error{Code: EUNAVAILABLE, Message: Textf("ratelimited"), RetryAfter: time.Minute}
			}
			return nil
		})
		id := w.ask(alice, "web", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(20 * time.Second)
		w.expect(id, Open, "")
		if l := w.lease(id); w.slack.shows(id) != l.CardKey() {
			t.Errorf("the card shows %q, want %q", w.slack.shows(id), l.CardKey())
		}
	})
}

// There is nowhere to say it: after a day nobody tries any more.
func TestNowhereToSayIt(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.slack.script(func(context.Context, string, *Lease) error {
			return &Error{Code: EFORBIDDEN, Message: Textf("not_in_channel")}
		})
		id := w.ask(alice, "db", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.must(alice, CancelLease{id})
		w.pass(30 * time.Hour)
		tries := w.slack.tried()
		if tries > 200 { // card and notice, each minute for an hour and then each hour
			t.Errorf("knocked %d times", tries)
		}
		w.pass(time.Duration(testenv.UnlessRaced(48, 5)) * time.Hour)
		if n := w.slack.tried() - tries; n > 0 {
			t.Errorf("knocked %d times more", n)
		}
		if l := w.stored(id); l.DueAt != l.KeepUntil {
			t.Errorf("it is due at %s and not only when it is forgotten", w.since(l.DueAt))
		}
	})
}

// The progress of an opening does not use up what Slack allows a channel, and
// a change of state does not wait for it.
func TestCardPace(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if strings.HasPrefix(op, "open/") {
				time.Sleep(300 * time.Millisecond)
			}
			return nil
		})
		id := w.ask(alice, "web", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(30 * time.Second)
		opened := w.lease(id).OpenedAt
		shown := w.slack.when(id, "card")
		for i := 1; i < len(shown)-1; i++ {
			if pause := shown[i].Sub(shown[i-1]); pause < cardPause {
				t.Errorf("the card changed %s after it had", pause)
			}
		}
		// StageClock takes 300 ms after the clock has started.
		if got, want := shown[len(shown)-1], opened.Add(300*time.Millisecond); !got.Equal(want) {
			t.Errorf("the card said open %s late", got.Sub(want))
		}
	})
}

// Slack needs nine seconds a message and there are a hundred cards to show: who
// is on call hears of a stuck lease all the same.
func TestAlarmsDoNotWaitBehindCards(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.cloud.script(failing("close", id, 30))
		w.slack.script(func(context.Context, string, *Lease) error {
			time.Sleep(9 * time.Second)
			return nil
		})
		w.must(alice, CloseLease{Ref: id})
		for i := range 100 {
			w.ask(fmt.Sprintf("U%d", i), "web", time.Hour)
		}
		var stuck time.Time
		for stuck.IsZero() {
			w.pass(time.Second)
			events, _ := w.recorded(id)
			for _, e := range events {
				if e.Act == ActStuck {
					stuck = e.At
				}
			}
		}
		w.pass(5 * time.Minute)
		at := w.slack.when(id, string(NoticeStuck))
		if len(at) != 1 || at[0].Sub(stuck) > 10*time.Second {
			t.Errorf("stuck since %s, the alarm came at %v", w.since(stuck), at)
		}
	})
}

// What was true when it was to be said, and is not when its turn comes, is not
// said; and a card shows the lease as it is then.
func TestWhatIsSaidIsSoWhenItIsSaid(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		end := w.lease(id).ExpiresAt
		w.pass(time.Until(end.Add(-15*time.Minute - 10*time.Second)))
		w.slack.script(func(_ context.Context, what string, l *Lease) error {
			if what == "approval" {
				time.Sleep(2 * time.Minute)
			}
			return nil
		})
		for i := range sendsAtOnce {
			user := fmt.Sprintf("U%d", i)
			w.must(user, ConfirmLease{ID: w.ask(user, "db", time.Hour)})
		}
		w.pass(30 * time.Second) // the reminder is due, and waits
		w.must(alice, CloseLease{Ref: id})
		w.pass(20 * time.Minute)
		want := []string{"new card", "ready", "command", "ended"}
		if diff := cmp.Diff(want, w.slack.heard(id)); diff != "" {
			t.Errorf("people heard (-want +got):\n%s", diff)
		}
	})
}

// sameWords compares what was said in any order: alarms and the rest do not wait
// for each other.
func sameWords(got []string, want ...string) bool {
	return slices.Equal(slices.Sorted(slices.Values(got)), slices.Sorted(slices.Values(want)))
}
