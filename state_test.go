package sshforward

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// noon is where the tables count from.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(minutes float64) time.Time {
	return noon.Add(time.Duration(minutes * float64(time.Minute)))
}

// openFor is a lease that has been open since noon for so many minutes, with
// reminders that many minutes before the end.
func openFor(minutes float64, reminders ...float64) *Lease {
	l := &Lease{ID: "abcdefg", State: Open, OpenedAt: noon, ExpiresAt: at(minutes), Work: Work{Retry: Retry{NextTryAt: noon}}, Terms: Terms{Max: 8 * time.Hour}}
	l.Resources.Until = l.ExpiresAt
	for _, m := range reminders {
		l.Reminders = append(l.Reminders, at(m).Sub(noon))
	}
	return l
}

func with(l *Lease, change func(*Lease)) *Lease {
	change(l)
	return l
}

func TestDue(t *testing.T) {
	for _, tt := range []struct {
		now  time.Time
		want bool
	}{{noon.Add(-1), false}, {noon, true}, {noon.Add(1), true}} {
		if got := due(noon, tt.now); got != tt.want {
			t.Errorf("due at noon, now %s: got %t", tt.now, got)
		}
	}
}

func TestNext(t *testing.T) {
	opening := func() *Lease {
		return &Lease{State: Opening, Work: Work{Stage: StageGroup, Retry: Retry{NextTryAt: at(1)}}, OpenBy: at(10)}
	}
	for _, tt := range []struct {
		name string
		l    *Lease
		now  time.Time
		want Action
	}{
		{"requested", &Lease{State: Requested, ConfirmBy: at(10)}, noon, Action{ActionLapse, at(10)}},
		{"pending", &Lease{State: Pending, ConfirmBy: at(10), ApproveBy: at(60)}, noon, Action{ActionLapse, at(60)}},
		{"opening", opening(), noon, Action{ActionAdvance, at(1)}},
		{"opening, a moment before its time is up", opening(), at(10).Add(-1), Action{ActionAdvance, at(1)}},
		{"opening, its time is up", opening(), at(10), Action{ActionGiveUp, at(10)}},
		{"opening, the next try comes too late", with(opening(), func(l *Lease) { l.NextTryAt = at(11) }), noon, Action{ActionGiveUp, at(10)}},
		{"opening, the next try comes just in time", with(opening(), func(l *Lease) { l.NextTryAt = at(10) }), noon, Action{ActionAdvance, at(10)}},
		{"opening, the clock runs", with(opening(), func(l *Lease) { l.ExpiresAt = at(30) }), at(9), Action{ActionAdvance, at(1)}},
		{"opening, the clock runs and its time is up", with(opening(), func(l *Lease) { l.ExpiresAt = at(30) }), at(10), Action{ActionGiveUp, at(10)}},
		{"opening, the clock has run out", with(opening(), func(l *Lease) { l.ExpiresAt = at(5) }), at(5), Action{ActionExpire, at(5)}},
		{"open", openFor(60), noon, Action{ActionExpire, at(60)}},
		{"open, a moment before its end", openFor(60), at(60).Add(-1), Action{ActionExpire, at(60)}},
		{"open, its end", openFor(60), at(60), Action{ActionExpire, at(60)}},
		{"open, long after its end", openFor(60, 15), at(600), Action{ActionExpire, at(60)}},
		{"open, the end in AWS is old", with(openFor(60, 15), func(l *Lease) { l.Resources.Until = at(30) }), at(1), Action{ActionExtend, noon}},
		{"open, the end in AWS is in another zone", with(openFor(60), func(l *Lease) { l.Resources.Until = at(60).In(time.FixedZone("JST", 9*3600)) }), at(1), Action{ActionExpire, at(60)}},
		{"open, a reminder before AWS can be asked again", with(openFor(60, 15), func(l *Lease) { l.Resources.Until, l.NextTryAt = at(30), at(46) }), at(1), Action{ActionRemind, at(45)}},
		{"open, the end before AWS can be asked again", with(openFor(60), func(l *Lease) { l.Resources.Until, l.NextTryAt = at(30), at(61) }), at(1), Action{ActionExpire, at(60)}},
		{"closing", &Lease{State: Closing, Work: Work{Retry: Retry{NextTryAt: at(3)}}, ExpiresAt: at(1)}, noon, Action{ActionClose, at(3)}},
		{"closed", &Lease{State: Closed, KeepUntil: at(90)}, noon, Action{ActionForget, at(90)}},
		{"unknown", &Lease{State: "odd"}, noon, Action{}},
	} {
		if got := Next(tt.l, tt.now); got != tt.want {
			t.Errorf("%s: got %s at %s, want %s at %s", tt.name, got.Kind, got.At, tt.want.Kind, tt.want.At)
		}
	}
}

func TestReminders(t *testing.T) {
	for _, tt := range []struct {
		name string
		l    *Lease
		now  time.Time
		want Action
	}{
		{"the first", openFor(60, 15, 5), noon, Action{ActionRemind, at(45)}},
		{"in any order", openFor(60, 5, 15), noon, Action{ActionRemind, at(45)}},
		{"the second", with(openFor(60, 15, 5), func(l *Lease) { l.RemindedAt = at(45) }), at(45), Action{ActionRemind, at(55)}},
		{"no more", with(openFor(60, 15, 5), func(l *Lease) { l.RemindedAt = at(55) }), at(55), Action{ActionExpire, at(60)}},
		{"both missed make one", with(openFor(60, 15, 5), func(l *Lease) { l.remind(at(57)) }), at(57), Action{ActionExpire, at(60)}},
		{"missed, but not too late", openFor(60, 15, 5), at(50), Action{ActionRemind, at(45)}},
		{"missed for good", openFor(60, 15, 5), at(60), Action{ActionExpire, at(60)}},
		{"longer than the lease", openFor(10, 15, 5), noon, Action{ActionRemind, at(5)}},
		{"as long as the lease", openFor(15, 15), noon, Action{ActionExpire, at(15)}},
		{"none", openFor(15), noon, Action{ActionExpire, at(15)}},
		{"extended, new ones", with(openFor(60, 15, 5), func(l *Lease) {
			l.remind(at(55))
			_ = l.extend(at(56), alice, time.Hour)
			l.Resources.Until = l.ExpiresAt
		}), at(56), Action{ActionRemind, at(105)}},
		{"extended by little, only the one that is to come", with(openFor(60, 15, 5), func(l *Lease) {
			l.remind(at(55))
			_ = l.extend(at(56), alice, 8*time.Minute)
			l.Resources.Until = l.ExpiresAt
		}), at(56), Action{ActionRemind, at(63)}},
	} {
		if got := Next(tt.l, tt.now); got != tt.want {
			t.Errorf("%s: got %s at %s, want %s at %s", tt.name, got.Kind, got.At, tt.want.Kind, tt.want.At)
		}
	}
}

func TestNextDelivery(t *testing.T) {
	shown := func(l *Lease, state State, key string) *Lease {
		l.Card = Card{TS: "1", Shown: key, State: state, SentAt: noon}
		return l
	}
	opening := &Lease{State: Opening, Work: Work{Stage: StageHealth}, RequestedAt: at(-1)}
	ready := Notice{Kind: NoticeReady, At: at(2)}
	reminder := Notice{Kind: NoticeReminder, At: at(1), Retry: Retry{Attempts: 1, NextTryAt: at(4)}}
	for _, tt := range []struct {
		name string
		l    *Lease
		want Delivery
	}{
		{"nothing", shown(openFor(60), Open, openFor(60).CardKey()), Delivery{}},
		{"the first card", &Lease{State: Requested, RequestedAt: at(-1)}, Delivery{Card: true, At: at(-1)}},
		{"progress waits a moment", shown(opening.Clone(), Opening, "opening group "), Delivery{Card: true, At: noon.Add(cardPause)}},
		{"a change of state does not", shown(opening.Clone(), Pending, "pending approved=1"), Delivery{Card: true, At: at(-1)}},
		{"open does not, though it begins like opening", shown(with(openFor(60), func(l *Lease) { l.RequestedAt = at(-1) }), Opening, "opening clock "), Delivery{Card: true, At: at(-1)}},
		{"closed after closing does not", shown(&Lease{State: Closed, RequestedAt: at(-1)}, Closing, "closing ended=true"), Delivery{Card: true, At: at(-1)}},
		{"nor does what an older version showed, which did not say in which state", shown(opening.Clone(), "", "opening group "), Delivery{Card: true, At: at(-1)}},
		{"the card after a failure", with(shown(opening.Clone(), Requested, "requested"), func(l *Lease) { l.Card.NextTryAt = at(7) }), Delivery{Card: true, At: at(7)}},
		{"the card before a notice", with(shown(openFor(60), Opening, "opening clock "), func(l *Lease) { l.RequestedAt, l.Owed = at(-1), []Notice{ready} }), Delivery{Card: true, At: at(-1)}},
		{"a notice", with(shown(openFor(60), Open, openFor(60).CardKey()), func(l *Lease) { l.Owed = []Notice{ready} }), Delivery{Notice: ready, At: at(2)}},
		{"the notice that is due first", with(shown(openFor(60), Open, openFor(60).CardKey()), func(l *Lease) { l.Owed = []Notice{reminder, ready} }), Delivery{Notice: ready, At: at(2)}},
		{"a notice after a failure", with(shown(openFor(60), Open, openFor(60).CardKey()), func(l *Lease) { l.Owed = []Notice{reminder} }), Delivery{Notice: reminder, At: at(4)}},
	} {
		if diff := cmp.Diff(tt.want, NextDelivery(tt.l)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestNextDue(t *testing.T) {
	l := openFor(60)
	l.Card.Shown = l.CardKey()
	if got := l.nextDue(noon); !got.Equal(at(60)) {
		t.Errorf("with nothing to say: got %s", got)
	}
	l.owe(NoticeReady, at(1))
	if got := l.nextDue(noon); !got.Equal(at(1)) {
		t.Errorf("with something to say: got %s", got)
	}
	l.Owed[0].NextTryAt = at(70)
	if got := l.nextDue(noon); !got.Equal(at(60)) {
		t.Errorf("with something to say later: got %s", got)
	}
}

// A notice that is not true any more is not sent; a newer one replaces an
// older one of its kind.
func TestOwed(t *testing.T) {
	l := openFor(60)
	l.owe(NoticeReminder, at(1))
	l.owe(NoticeEnded, at(2))
	l.owe(NoticeReminder, at(3))
	want := []Notice{{Kind: NoticeEnded, At: at(2)}, {Kind: NoticeReminder, At: at(3)}}
	if diff := cmp.Diff(want, l.Owed); diff != "" {
		t.Errorf("owed (-want +got):\n%s", diff)
	}
	for _, kind := range []NoticeKind{NoticeReady, NoticeReminder, NoticeEnded, NoticeFailed} {
		if l.stale(kind) {
			t.Errorf("%s is stale while open", kind)
		}
	}
	l.State = Closing
	for kind, want := range map[NoticeKind]bool{NoticeReady: true, NoticeReminder: true, NoticeEnded: false, NoticeFailed: false} {
		if l.stale(kind) != want {
			t.Errorf("%s while closing: stale is %t", kind, !want)
		}
	}
}

func TestBackoff(t *testing.T) {
	for attempts, want := range map[int]time.Duration{
		-1: time.Second, 0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 8 * time.Second,
		5: time.Minute, 6: 2 * time.Minute, 7: 2 * time.Minute, 1000: 2 * time.Minute,
	} {
		different := map[time.Duration]bool{}
		for range 100 {
			got := Backoff(attempts, 0)
			if got < want*4/5 || got > want*6/5 {
				t.Fatalf("after %d failures: got %s, want %s give or take a fifth", attempts, got, want)
			}
			different[got] = true
		}
		if len(different) < 10 {
			t.Errorf("after %d failures: all return together", attempts)
		}
		// Access may have to end meanwhile, so more is not granted.
		if got := Backoff(attempts, time.Hour); got < 2*time.Minute || got > 2*time.Minute*6/5 {
			t.Errorf("asked to stay away for an hour: got %s", got)
		}
	}
}

// While somebody waits for the word it is tried every minute, however often it
// failed.
func TestTalkBackoff(t *testing.T) {
	for _, tt := range []struct {
		name     string
		l        *Lease
		now      time.Time
		attempts int
		atLeast  time.Duration
		want     time.Duration
	}{
		{"a few failures", inState(Open), noon, 4, 0, 8 * time.Second},
		{"many failures", inState(Open), noon, 5, 0, time.Minute},
		{"very many failures", inState(Open), at(600), 10_000, 0, time.Minute},
		{"asked to stay away", inState(Open), noon, 1, 50 * time.Second, 50 * time.Second},
		{"asked to stay away for too long", inState(Open), noon, 10, time.Hour, 2 * time.Minute},
		{"just closed", inState(Closed), at(60), 10, 0, time.Minute},
		{"long closed", inState(Closed), at(60).Add(1), 10, 0, time.Hour},
		{"long closed, a few failures", inState(Closed), at(600), 1, 0, time.Second},
	} {
		if got := tt.l.deliveryBackoff(tt.now, tt.attempts, tt.atLeast); got < tt.want*4/5 || got > tt.want*6/5 {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}
