package bot

import (
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
			for _, ts := range all {
				p := sshforward.Posted{Place: sshforward.Place{Channel: "C1", TS: ts}, Kind: sshforward.NoticeReminder}
				if err := x.Edit(t.Context(), later, p); err != nil {
					t.Fatal(err)
				}
				m, _ := w.Message(ts)
				if len(m.Buttons()) > 0 || !strings.Contains(m.Visible(), c.want) || !strings.Contains(m.Visible(), l.ID) {
					t.Errorf("%q with %v", m.Visible(), m.Buttons())
				}
			}
		})
	}
}

// What is gone, or cannot be edited any more, is not tried for ever.
func TestMessageThatCannotBeEditedIsGivenUp(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Open)
	ts := x.reminded(t, l, 1)[0]
	p := sshforward.Posted{Place: sshforward.Place{Channel: "C1", TS: ts}, Kind: sshforward.NoticeReminder}
	for code, want := range map[string]string{
		"message_not_found": sshforward.EFORBIDDEN, "cant_update_message": sshforward.EFORBIDDEN, "edit_window_closed": sshforward.EFORBIDDEN,
		"is_inactive": sshforward.EFORBIDDEN, "internal_error": sshforward.EUNAVAILABLE,
	} {
		w.FailNext("chat.update", fakeslack.Outcome{Error: code})
		if err := x.Edit(t.Context(), lease(sshforward.Closed), p); sshforward.ErrorCode(err) != want {
			t.Errorf("%s: %v", code, err)
		}
	}
}
