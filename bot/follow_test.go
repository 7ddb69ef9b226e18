package bot

import (
	"strings"
	"testing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// What somebody was answered to their yes becomes what is so.
func TestAnswerFollowsTheLease(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script())
	m := x.prompted(t, "C1")
	x.presses(t, "U1", m.TS, actionConfirm)
	x.told(t, "U1", "C1", "Opening `web-1`")
	show := func(l *sshforward.Lease, want string) {
		t.Helper()
		l.Card.Channel = "C1"
		if _, _, err := x.Card(t.Context(), l); err != nil {
			t.Fatal(err)
		}
		waitFor(t, w, func(s *fakeslack.Snapshot) bool {
			now, _ := s.Message(m.TS)
			return strings.Contains(now.Visible(), want) && len(now.Buttons()) == 0 && !strings.Contains(now.Visible(), "ssh -p")
		})
	}
	show(lease(sshforward.Open), "is open, lease `k7m2q3x`")
	longer := lease(sshforward.Open)
	longer.ExpiresAt = longer.ExpiresAt.Add(3600e9)
	show(longer, date(longer.ExpiresAt))
	show(ended(sshforward.ClosedByUser), "Access to `web-1` (i-0abc1234def567890) is over")
}

// The form's last step shows the open lease with its command.
func TestFormShowsItsResult(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := live(t, w, script())
	x.types(t, "U1", "C1", "")
	res := x.submits(t, "U1", x.modalOf(t, "U1", "Instance"), map[string]string{"instance": "i-1"})
	res = x.submits(t, "U1", *res.View, nil)
	if !strings.Contains(res.View.Visible(), "Opening `web-1`") {
		t.Fatalf("%+v", res)
	}
	for _, c := range []struct {
		lease *sshforward.Lease
		want  string
	}{
		{lease(sshforward.Opening), "waiting for the instance to be in service"},
		{lease(sshforward.Open), "```" + lease(sshforward.Open).SSHCommand() + "```"},
		{ended(sshforward.Expired), "is over"},
	} {
		if _, _, err := x.Card(t.Context(), c.lease); err != nil {
			t.Fatal(err)
		}
		x.modalOf(t, "U1", c.want)
	}
}
