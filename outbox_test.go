package sshforward

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestNextDelivery(t *testing.T) {
	shown := func(l *Lease, firm, key string) *Lease {
		l.Card = Card{TS: "1", Shown: key, Firm: firm, SentAt: noon}
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
		{"nothing", shown(openFor(60), openFor(60).firmKey(), openFor(60).CardKey()), Delivery{}},
		{"the first card", &Lease{State: Requested, RequestedAt: at(-1)}, Delivery{Card: true, At: at(-1)}},
		{"progress waits a moment", shown(opening.Clone(), "opening", "opening group "), Delivery{Card: true, At: noon.Add(cardPause)}},
		{"a change of state does not", shown(opening.Clone(), "pending", "pending approved=1"), Delivery{Card: true, At: at(-1)}},
		{"open does not, though it begins like opening", shown(with(openFor(60), func(l *Lease) { l.RequestedAt = at(-1) }), "opening",
			"opening clock "), Delivery{Card: true, At: at(-1)}},
		{"closed after closing does not", shown(&Lease{State: Closed, RequestedAt: at(-1)}, "closing ended=true", "closing ended=true"),
			Delivery{Card: true, At: at(-1)}},
		{"nor does what an older version showed, which did not say in which state", shown(opening.Clone(), "", "opening group "),
			Delivery{Card: true, At: at(-1)}},
		{"nor does an approval", shown(&Lease{State: Pending, RequestedAt: at(-1), Approved: make([]Approval, 1)}, "pending approved=0",
			"pending approved=0"), Delivery{Card: true, At: at(-1)}},
		{"the card after a failure", with(shown(opening.Clone(), "requested", "requested"), func(l *Lease) { l.Card.NextTryAt = at(7) }),
			Delivery{Card: true, At: at(7)}},
		{"the card before a notice", with(shown(openFor(60), "opening", "opening clock "), func(l *Lease) {
			l.RequestedAt, l.Owed = at(-1), []Notice{ready}
		}), Delivery{Card: true, At: at(-1)}},
		{"a notice", with(shown(openFor(60), openFor(60).firmKey(), openFor(60).CardKey()), func(l *Lease) { l.Owed = []Notice{ready} }),
			Delivery{Notice: ready, At: at(2)}},
		{"the notice that is due first", with(shown(openFor(60), openFor(60).firmKey(), openFor(60).CardKey()), func(l *Lease) {
			l.Owed = []Notice{reminder, ready}
		}), Delivery{Notice: ready, At: at(2)}},
		{"a notice after a failure", with(shown(openFor(60), openFor(60).firmKey(), openFor(60).CardKey()),
			func(l *Lease) { l.Owed = []Notice{reminder} }),
			Delivery{Notice: reminder, At: at(4)}},
	} {
		if diff := cmp.Diff(tt.want, NextDelivery(tt.l)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
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

// While somebody waits for the word it is tried every minute, however often it
// failed.
func TestDeliveryBackoff(t *testing.T) {
	for _, tt := range []struct {
		name     string
		l        *Lease
		now      time.Time
		attempts int
		want     time.Duration
	}{
		{"a few failures", inState(Open), noon, 4, 8 * time.Second},
		{"many failures", inState(Open), noon, 5, time.Minute},
		{"very many failures", inState(Open), at(600), 10_000, time.Minute},
		{"just closed", inState(Closed), at(60), 10, time.Minute},
		{"long closed", inState(Closed), at(60).Add(1), 10, time.Hour},
		{"long closed, a few failures", inState(Closed), at(600), 1, time.Second},
	} {
		if got := tt.l.deliveryBackoff(tt.now, tt.attempts); got < tt.want*4/5 || got > tt.want*6/5 {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestCardKey(t *testing.T) {
	keys := map[string]State{}
	for _, s := range States {
		l := inState(s)
		if was, ok := keys[l.CardKey()]; ok {
			t.Errorf("%s looks like %s", s, was)
		}
		keys[l.CardKey()] = s
	}
	for _, tt := range []struct {
		name    string
		state   State
		change  func(*Lease)
		changes bool
	}{
		{"an approval", Pending, func(l *Lease) { _ = l.approve(noon, bob, nil, testTiming) }, true},
		{"a stage", Opening, func(l *Lease) { l.advance(noon) }, true},
		{"what is waited for", Opening, func(l *Lease) { l.Detail = Textf("the health check") }, true},
		{"a failure", Opening, func(l *Lease) { l.retry(noon, errors.New("no")) }, false},
		{"stuck", Closing, func(l *Lease) { l.alarm(noon) }, true},
		{"an extension", Open, func(l *Lease) { _ = l.extend(noon, alice, time.Minute) }, true},
		{"a reminder", Open, func(l *Lease) { l.remind(noon) }, false},
		{"the end of access", Closing, func(l *Lease) { l.AccessEndedAt = noon }, true},
	} {
		l := inState(tt.state)
		before := l.CardKey()
		tt.change(l)
		if changed := l.CardKey() != before; changed != tt.changes {
			t.Errorf("%s: the card changes: %t", tt.name, changed)
		}
	}
}

// A place has one message. Of two that are remembered for it one would be edited
// for ever and the other never.
func TestAPlaceHasOneMessage(t *testing.T) {
	l, there := openFor(60), Place{Channel: "C1", TS: "1.1"}
	for _, n := range []Notice{{Kind: NoticeReminder, At: at(1)}, {Kind: NoticeReminder, At: at(2)}} {
		l.Owed = append(l.Owed, n)
		if err := l.noticeSent(at(3), n, there, l.noticeKey(n), nil); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.Posted) != 1 || !l.Posted[0].At.Equal(at(2)) {
		t.Errorf("remembered %+v", l.Posted)
	}
}
