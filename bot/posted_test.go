package bot

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// reminded posts the card of an open lease and n reminders in its thread.
func (x *life) reminded(t *testing.T, l *sshforward.Lease, n int) []string {
	t.Helper()
	x.posted(t, l)
	for range n {
		if _, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: sshforward.NoticeReminder}); err != nil {
			t.Fatal(err)
		}
	}
	var out []string
	for _, m := range x.w.Messages("C1")[1:] {
		if !m.HasButton(actionExtend) || !m.HasButton(actionClose) {
			t.Fatalf("a reminder without buttons: %q", m.Visible())
		}
		out = append(out, m.TS)
	}
	return out
}

func TestReminderLosesItsButtonsWhenTheLeaseIsNotAnyMoreAsItSays(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state  sshforward.State
		change func(*sshforward.Lease)
		want   string
	}{
		"extended": {sshforward.Open, func(l *sshforward.Lease) {
			l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
			l.Extended = sshforward.Extension{User: "U2", By: time.Hour}
		}, "<@U2> extended access to `web-1`"},
		"closed by its owner": {sshforward.Closing, func(l *sshforward.Lease) { l.Reason, l.ClosedBy = sshforward.ClosedByUser, "U1" },
			"<@U1> closed it."},
		"closed by an admin": {sshforward.Closed, func(l *sshforward.Lease) { l.Reason, l.ClosedBy = sshforward.ClosedByAdmin, "U2" },
			"<@U2> closed it as an admin."},
		"expired": {sshforward.Closing, func(*sshforward.Lease) {}, "The time was up."},
	} {
		t.Run(name, func(t *testing.T) {
			w := office(t, fakeslack.Options{})
			x := quiet(w)
			l := lease(sshforward.Open)
			all := x.reminded(t, l, 2)
			later := with(c.state, c.change)
			later.Card = l.Card
			x.posted(t, later)
			for _, ts := range all {
				m, _ := w.Message(ts)
				if len(m.Buttons()) > 0 || !strings.Contains(m.Visible(), c.want) || !strings.Contains(m.Visible(), l.ID) {
					t.Errorf("%q with %v", m.Visible(), m.Buttons())
				}
			}
			// Once is enough.
			x.posted(t, later)
			if n := len(w.Calls("chat.update")); n != 2+len(all) {
				t.Errorf("%d updates", n)
			}
		})
	}
}

func TestReminderThatStillHoldsIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Open)
	ts := x.reminded(t, l, 1)[0]
	x.posted(t, l)
	other := with(sshforward.Closed, func(l *sshforward.Lease) { l.ID = "a7m2q3x" })
	x.posted(t, other)
	if m, _ := w.Message(ts); len(m.Edits) > 0 {
		t.Errorf("it became %q", m.Visible())
	}
}

func TestReminderThatCannotBeChangedIsNoReasonForTheCardToFail(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Open)
	ts := x.reminded(t, l, 1)[0]
	later := lease(sshforward.Closing)
	later.Card = l.Card
	w.FailNext("chat.update", fakeslack.Outcome{}, fakeslack.Outcome{Status: 429, RetryAfter: time.Minute})
	x.posted(t, later)
	if m, _ := w.Message(ts); len(m.Buttons()) == 0 {
		t.Fatal("it was changed after all")
	}
	x.posted(t, later) // the next update of the card tries again
	if m, _ := w.Message(ts); len(m.Buttons()) > 0 {
		t.Error("it still has its buttons")
	}

	gone := lease(sshforward.Open)
	gone.ID = "a7m2q3x"
	x.notifier.posted.add(postedMessage{lease: gone.ID, place: sshforward.Place{Channel: "C1", TS: "1.000001"},
		until: gone.ExpiresAt.Add(-time.Hour)})
	x.posted(t, gone)
	x.posted(t, gone)
	if n := len(w.Calls("chat.update")); n != 1+1+1+1+2 {
		t.Errorf("%d updates: a reminder that is gone is tried for ever", n)
	}
}

func TestOnlySoManyRemindersAreRemembered(t *testing.T) {
	t.Parallel()
	r := newPosted(nil, nil)
	at := func(i int) sshforward.Place { return sshforward.Place{Channel: "C1", TS: fmt.Sprint(i)} }
	for i := range 3 * maxPosted {
		r.add(postedMessage{lease: fmt.Sprint(i), place: at(i)})
	}
	if n := r.cache.Len(); n != maxPosted || !r.cache.Contains(at(3*maxPosted-1)) || r.cache.Contains(at(2*maxPosted-1)) {
		t.Errorf("%d remembered, from %+v", n, r.cache.Keys()[0])
	}
}

// Twenty approvers were asked in direct messages, and Slack needs a second for
// each: none keeps live buttons, and the card does not take twenty seconds.
func TestOldMessagesLoseTheirButtonsSideBySide(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Open)
	all := x.reminded(t, l, 20)
	w.Break("chat.update", fakeslack.Outcome{DelayAnswer: time.Second})
	later := lease(sshforward.Closed)
	later.Card = l.Card
	began := time.Now()
	x.posted(t, later)
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the card took %s", took)
	}
	for _, ts := range all {
		if m, _ := w.Message(ts); len(m.Buttons()) > 0 {
			t.Errorf("%s keeps its buttons", ts)
		}
	}
}

// The last card of a lease has no successor that could take the buttons away
// which Slack kept this time.
func TestOldMessagesLoseTheirButtonsInTheEnd(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	x.notifier.posted.retirePause = 50 * time.Millisecond
	l := lease(sshforward.Open)
	ts := x.reminded(t, l, 1)[0]
	later := lease(sshforward.Closed)
	later.Card = l.Card
	w.FailNext("chat.update", fakeslack.Outcome{}, fakeslack.Outcome{Status: 503}, fakeslack.Outcome{Status: 503})
	x.posted(t, later)
	if m, _ := w.Message(ts); len(m.Buttons()) == 0 {
		t.Fatal("it was changed after all")
	}
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		m, ok := s.Message(ts)
		return ok && len(m.Buttons()) == 0
	})
}
