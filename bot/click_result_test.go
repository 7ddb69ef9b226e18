package bot

import (
	"context"
	"strings"
	"testing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// late refuses every change with a code, and shows the lease as it is now.
func late(now *sshforward.Lease, code string) *keeper {
	return &keeper{do: func(_ context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		switch cmd.(type) {
		case showLease:
			return sshforward.Reply{Lease: now}, nil
		case listLeases:
			return sshforward.Reply{Leases: []*sshforward.Lease{now}}, nil
		}
		return sshforward.Reply{}, sshforward.Errorf(code, "Too late for that.")
	}}
}

// A bot that was restarted knows nothing of the messages that the one before
// posted.
func TestMessageFromBeforeARestartLosesItsDeadButtons(t *testing.T) {
	t.Parallel()
	asks := lease(sshforward.Pending)
	approved := lease(sshforward.Opening)
	approved.Approvals, approved.Approved = 1, []sshforward.Approval{{User: "U3", At: noon}}
	wants := wanted(nil)
	wants.Approvers = []string{"U2"}
	refused := wanted(func(l *sshforward.Lease) {
		l.Asked.Decided, l.Asked.DeniedBy, l.Asked.DeniedAt = true, "U3", noon
	})
	asks.Approvers = []string{"U2"}
	for name, c := range map[string]struct {
		was, now *sshforward.Lease
		notice   sshforward.NoticeKind
		action   string
		code     string
		says     string // empty: it stays as it is
	}{
		"close a closed one": {lease(sshforward.Open), ended(sshforward.Expired), sshforward.NoticeReminder, actionClose,
			sshforward.ECONFLICT, "has ended"},
		"extend a closing one": {lease(sshforward.Open), lease(sshforward.Closing), sshforward.NoticeReminder, actionExtend,
			sshforward.ECONFLICT, "Ending access"},
		"extend twice": {lease(sshforward.Open), lease(sshforward.Open), sshforward.NoticeReminder, actionExtend,
			sshforward.ECONFLICT, ""},
		"not one's own": {lease(sshforward.Open), lease(sshforward.Closing), sshforward.NoticeReminder, actionClose,
			sshforward.EFORBIDDEN, ""},
		"approve an approved one":     {asks, approved, sshforward.NoticeApproval, actionApprove, sshforward.ECONFLICT, "approved by <@U3>"},
		"approve twice":               {asks, lease(sshforward.Pending), sshforward.NoticeApproval, actionApprove, sshforward.ECONFLICT, ""},
		"approve a denied extension":  {wants, refused, sshforward.NoticeAsked, actionApprove, sshforward.ECONFLICT, "<@U3>"},
		"deny an extension once more": {wants, refused, sshforward.NoticeAsked, actionDeny, sshforward.ECONFLICT, "<@U3>"},
	} {
		t.Run(name, func(t *testing.T) {
			w := office(t, fakeslack.Options{})
			n := sshforward.Notice{Kind: c.notice}
			if c.notice != sshforward.NoticeReminder {
				n.To = "U2"
				c.was.Approved = nil
			}
			place, err := quiet(w).Notice(t.Context(), c.was.Clone(), n)
			if err != nil {
				t.Fatal(err)
			}
			before, _ := w.Message(place.TS)
			user := "U2"
			if place.Channel == "C1" {
				user = "U1"
			}
			x := live(t, w, late(c.now, c.code))
			x.presses(t, user, place.TS, c.action)
			if c.action == actionDeny {
				v := x.modalOf(t, user, "You deny")
				if res := x.submits(t, user, v, map[string]string{"reason": "no"}); res.ViewErrors["reason"] == "" {
					t.Errorf("%+v", res)
				}
			} else {
				waitFor(t, w, func(*fakeslack.Snapshot) bool { return strings.Contains(x.saw(user), "Too late for that.") })
			}
			if c.says == "" {
				if after, _ := w.Message(place.TS); after.Visible() != before.Visible() {
					t.Errorf("it now says %s", after.Visible())
				}
				return
			}
			waitFor(t, w, func(s *fakeslack.Snapshot) bool {
				m, _ := s.Message(place.TS)
				return len(m.Buttons()) == 0 && strings.Contains(m.Visible(), c.says)
			})
		})
	}
}

// saw is all that somebody alone was told.
func (x *life) saw(user string) string {
	var out strings.Builder
	for _, m := range x.w.Ephemerals(user, "") {
		out.WriteString(m.Visible() + m.Text)
	}
	for _, m := range x.w.Messages(x.w.DM(user)) {
		out.WriteString(m.Visible() + m.Text)
	}
	return out.String()
}

func TestLatePromptAndListShowWhatIsSo(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	open := true
	stale := late(ended(sshforward.Lapsed), sshforward.ECONFLICT)
	k := &keeper{do: func(ctx context.Context, c sshforward.Caller, cmd operation) (sshforward.Reply, error) {
		switch cmd.(type) {
		case sshforward.OpenLease:
			return sshforward.Reply{Lease: lease(sshforward.Requested)}, nil
		case listLeases:
			if open {
				open = false
				return sshforward.Reply{Leases: []*sshforward.Lease{lease(sshforward.Open)}}, nil
			}
		}
		return stale.do(ctx, c, cmd)
	}}
	x := live(t, w, k)
	prompt := x.prompted(t, "C1")
	x.presses(t, "U1", prompt.TS, actionConfirm)
	x.told(t, "U1", "C1", "Too late for that.")
	if m, _ := w.Message(prompt.TS); len(m.Buttons()) > 0 || !strings.Contains(m.Visible(), "is closed") {
		t.Errorf("the prompt says %s", m.Visible())
	}
	x.types(t, "U1", "C1", "list")
	list := x.told(t, "U1", "C1", "Your leases: 1")
	x.presses(t, "U1", list.TS, actionClose)
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		m, _ := s.Message(list.TS)
		return len(m.Buttons()) == 0 && strings.Contains(m.Visible(), "is closed")
	})
}
