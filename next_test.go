package sshforward

import (
	"testing"
	"time"
)

// noon is where the tables count from.
var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func at(minutes float64) time.Time {
	return noon.Add(time.Duration(minutes * float64(time.Minute)))
}

// openFor is a lease that has been open since noon for so many minutes, with
// reminders that many minutes before the end.
func openFor(minutes float64, reminders ...float64) *Lease {
	l := &Lease{ID: "abcdefg", State: Open, OpenedAt: noon, ExpiresAt: at(minutes), Work: Work{Retry: Retry{NextTryAt: noon}},
		Terms: Terms{Max: 8 * time.Hour}}
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
		{"opening, the next try comes too late", with(opening(), func(l *Lease) { l.NextTryAt = at(11) }), at(9), Action{ActionGiveUp, at(10)}},
		{"opening, the next try comes just in time", with(opening(), func(l *Lease) { l.NextTryAt = at(10) }), at(9),
			Action{ActionAdvance, at(10)}},
		{"opening, the clock was ahead when the next try was put off", with(opening(), func(l *Lease) { l.NextTryAt = at(9) }), at(5),
			Action{ActionAdvance, at(5)}},
		{"opening, the clock runs", with(opening(), func(l *Lease) { l.ExpiresAt = at(30) }), at(9), Action{ActionAdvance, at(1)}},
		{"opening, the clock runs and its time is up", with(opening(), func(l *Lease) { l.ExpiresAt = at(30) }), at(10),
			Action{ActionGiveUp, at(10)}},
		{"opening, the clock has run out", with(opening(), func(l *Lease) { l.ExpiresAt = at(5) }), at(5), Action{ActionExpire, at(5)}},
		{"open", openFor(60), noon, Action{ActionExpire, at(60)}},
		{"open, a moment before its end", openFor(60), at(60).Add(-1), Action{ActionExpire, at(60)}},
		{"open, its end", openFor(60), at(60), Action{ActionExpire, at(60)}},
		{"open, long after its end", openFor(60, 15), at(600), Action{ActionExpire, at(60)}},
		{"open, the end in AWS is old", with(openFor(60, 15), func(l *Lease) { l.Resources.Until = at(30) }), at(1), Action{ActionExtend, noon}},
		{"open, the end in AWS is in another zone", with(openFor(60), func(l *Lease) {
			l.Resources.Until = at(60).In(time.FixedZone("JST", 9*3600))
		}), at(1), Action{ActionExpire, at(60)}},
		{"open, a reminder before AWS can be asked again", with(openFor(60, 15), func(l *Lease) {
			l.Resources.Until, l.NextTryAt = at(30), at(46)
		}), at(44), Action{ActionRemind, at(45)}},
		{"open, the end before AWS can be asked again", with(openFor(60), func(l *Lease) {
			l.Resources.Until, l.NextTryAt = at(30), at(61)
		}), at(59), Action{ActionExpire, at(60)}},
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
	l.Owed[0].NextTryAt = at(61)
	if got := l.nextDue(at(59)); !got.Equal(at(60)) {
		t.Errorf("with something to say later: got %s", got)
	}
	l.Owed[0].NextTryAt = at(50)
	if got := l.nextDue(at(1)); !got.Equal(at(1)) {
		t.Errorf("with something to say that was put off when the clock was ahead: got %s", got)
	}
}
