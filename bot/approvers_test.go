package bot

import (
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// hidden is a lease whose card is in its requester's direct messages.
func hidden(t *testing.T, w *fakeslack.Workspace, x *life, l *sshforward.Lease) *sshforward.Lease {
	t.Helper()
	l.Owner, l.Direct, l.Channel = "U1", true, "D0SOMEBODY"
	x.posted(t, l)
	if l.Card.Channel != w.DM("U1") {
		t.Fatalf("the card is in %s", l.Card.Channel)
	}
	return l
}

func TestRequesterIsNotOfferedToDecide(t *testing.T) {
	t.Parallel()
	w, x := tower(t)
	hidden(t, w, x, lease(sshforward.Pending))
	if m := w.Messages(w.DM("U1"))[0]; m.HasButton(actionApprove) || !m.HasButton(actionCancel) {
		t.Errorf("a card that only the requester sees has %v", m.Buttons())
	}
	for user, want := range map[string]string{"U1": actionCancel, "U3": actionApprove} {
		row, _ := x.localizer.renderCached(user).rowOf(fromShow, lease(sshforward.Pending)).(*slack.ActionBlock)
		if got := row.Elements.ElementSet[0].(*slack.ButtonBlockElement).ActionID; got != want {
			t.Errorf("%s is offered %s", user, got)
		}
		asked := len(x.localizer.renderCached(user).extensionBlocks(fromShow, wanted(nil))) > 1
		if asked == (user == "U1") {
			t.Errorf("%s is offered to decide about the extension: %t", user, asked)
		}
	}
}

func tower(t *testing.T) (*fakeslack.Workspace, *life) {
	w := mixed(t) // U2 reads Japanese
	w.AddUser(fakeslack.User{ID: "U3", Name: "carol"})
	w.AddUserGroup(fakeslack.UserGroup{ID: "S1", Handle: "sre", Users: []string{"U1", "U3", "U2"}})
	return w, quiet(w, func(o *Options) { o.Channel = "" })
}

func (x *life) notices(t *testing.T, l *sshforward.Lease, k sshforward.NoticeKind) sshforward.Place {
	t.Helper()
	place, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: k, At: noon})
	if err != nil {
		t.Fatal(err)
	}
	return place
}

func TestApproversAreAskedWhereTheCardIsHidden(t *testing.T) {
	t.Parallel()
	w, x := tower(t)
	l := hidden(t, w, x, lease(sshforward.Pending)) // approvers S1 and U2
	if place := x.notices(t, l, sshforward.NoticeApproval); place.TS == "" || place.Channel == l.Card.Channel {
		t.Errorf("it is in %+v", place)
	}
	for user, want := range map[string]string{"U2": "承認または却下をお願いします", "U3": "waits for your decision"} {
		all := w.Messages(w.DM(user))
		if len(all) != 1 || !strings.Contains(all[0].Visible(), want) || !strings.Contains(all[0].Visible(), "disk is full") {
			t.Fatalf("%s got %+v", user, all)
		}
		if !all[0].HasButton(actionApprove) || !all[0].HasButton(actionDeny) || all[0].HasButton(actionCancel) {
			t.Errorf("%s has the buttons %v", user, all[0].Buttons())
		}
	}
	if n := len(w.Messages(w.DM("U1"))); n != 1 {
		t.Errorf("the requester got %d messages, want the card alone", n)
	}

	x.notices(t, l, sshforward.NoticeNudge)
	if all := w.Messages(w.DM("U3")); len(all) != 2 || all[1].HasButton(actionApprove) ||
		!strings.Contains(all[1].Visible(), "earlier message") {
		t.Errorf("reminded with %+v", all)
	}

	later := with(sshforward.Opening, func(n *sshforward.Lease) {
		n.Card, n.Approvals = l.Card, 1
		n.Approved = []sshforward.Approval{{User: "U2", At: noon}}
	})
	x.posted(t, later)
	for user, want := range map[string]string{"U2": "承認されました", "U3": "was approved by <@U2>"} {
		if m := w.Messages(w.DM(user))[0]; len(m.Buttons()) > 0 || !strings.Contains(m.Visible(), want) {
			t.Errorf("%s still sees %q with %v", user, m.Visible(), m.Buttons())
		}
	}
}

func TestApproversDecideInTheirDirectMessage(t *testing.T) {
	t.Parallel()
	w, _ := tower(t)
	l := lease(sshforward.Pending)
	x := live(t, w, answers(sshforward.Reply{Lease: l}, nil), func(o *Options) { o.Channel = "" })
	hidden(t, w, x, l)
	x.notices(t, l, sshforward.NoticeApproval)
	ts := w.Messages(w.DM("U3"))[0].TS
	x.presses(t, "U3", ts, actionApprove)
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		m, _ := s.Message(ts)
		return len(m.Buttons()) == 0 && strings.Contains(m.Visible(), "<@U3> approved access to")
	})
}

func TestApproversAreAskedForAnExtensionWhereTheCardIsHidden(t *testing.T) {
	t.Parallel()
	w, x := tower(t)
	l := hidden(t, w, x, wanted(nil))
	x.notices(t, l, sshforward.NoticeAsked)
	m := w.Messages(w.DM("U3"))[0]
	if !m.HasButton(actionApprove) || m.Buttons()[0].Value != "k7m2q3x 1h" {
		t.Errorf("%+v", m.Buttons())
	}
	x.posted(t, l) // a card that changes nothing about it
	if m, _ := w.Message(m.TS); !m.HasButton(actionApprove) {
		t.Error("the buttons went too early")
	}
	l.Asked.Decided, l.Asked.DeniedBy = true, "U2"
	x.posted(t, l)
	if m, _ := w.Message(m.TS); len(m.Buttons()) > 0 || !strings.Contains(m.Visible(), "<@U2> denied more access") {
		t.Errorf("%q with %v", m.Visible(), m.Buttons())
	}
}

func TestApproversAreMentionedInTheThreadOfACardThatTheySee(t *testing.T) {
	t.Parallel()
	w, x := tower(t)
	l := lease(sshforward.Pending)
	ts := x.posted(t, l)
	x.notices(t, l, sshforward.NoticeApproval)
	m := w.Messages("C1")
	if len(m) != 2 || m[1].ThreadTS != ts || !strings.Contains(m[1].Visible(), "<!subteam^S1> or <@U2>") || m[1].HasButton(actionApprove) {
		t.Errorf("%+v", m)
	}
	if n := len(w.Messages(w.DM("U3"))); n > 0 {
		t.Errorf("%d direct messages", n)
	}
}

func TestApproverWhoCannotBeAskedIsLeftOut(t *testing.T) {
	t.Parallel()
	w, x := tower(t)
	w.AddUser(fakeslack.User{ID: "U2", Name: "yuki", Deleted: true})
	l := hidden(t, w, x, lease(sshforward.Pending))
	l.Approvers = []string{"U2", "S404", "U3"}
	x.notices(t, l, sshforward.NoticeApproval)
	if n := len(w.Messages(w.DM("U3"))); n != 1 {
		t.Errorf("the other one got %d messages", n)
	}

	// With nobody left, it is said where the card is.
	l.Approvers = []string{"U2", "U1"}
	x.notices(t, l, sshforward.NoticeNudge)
	if n := len(w.Messages(w.DM("U1"))); n != 2 {
		t.Errorf("the requester's direct messages hold %d", n)
	}
}

func TestRepeatedNoticeAsksOnlyThoseWhoWereNotAsked(t *testing.T) {
	t.Parallel()
	w, x := tower(t)
	l := hidden(t, w, x, lease(sshforward.Pending))
	w.FailNext("chat.postMessage", fakeslack.Outcome{}, fakeslack.Outcome{Status: 429, RetryAfter: time.Second})
	n := sshforward.Notice{Kind: sshforward.NoticeApproval, At: noon}
	if _, err := x.Notice(t.Context(), l, n); sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
		t.Fatalf("the rate limit is told as %v", err)
	}
	if _, err := x.Notice(t.Context(), l, n); err != nil {
		t.Fatal(err)
	}
	// Once more, as if the store had not taken that all were asked.
	n.At = n.At.Local()
	if _, err := x.Notice(t.Context(), l, n); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"U2", "U3"} {
		if n := len(w.Messages(w.DM(user))); n != 1 {
			t.Errorf("%s got %d messages", user, n)
		}
	}
}

func TestNoMoreApproversThanSlackTakes(t *testing.T) {
	t.Parallel()
	w, x := tower(t)
	var many []string
	for i := range 30 {
		id := "U5" + string(rune('A'+i%26)) + string(rune('0'+i/26))
		w.AddUser(fakeslack.User{ID: id, Name: id})
		many = append(many, id)
	}
	w.AddUserGroup(fakeslack.UserGroup{ID: "S1", Handle: "sre", Users: many})
	l := hidden(t, w, x, lease(sshforward.Pending))
	x.notices(t, l, sshforward.NoticeApproval)
	asked := 0
	for _, id := range many {
		asked += len(w.Messages(w.DM(id)))
	}
	if asked != maxApproversAsked {
		t.Errorf("%d were asked", asked)
	}
}

func TestUrgentLeaseIsToldToTheOperatorsAndReviewedThere(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := urgent(sshforward.Opening)
	x.posted(t, l)
	l.Broadcast = x.notices(t, l, sshforward.NoticeUrgent)
	if l.Broadcast.Channel != "C2" || l.Broadcast.TS == "" {
		t.Fatalf("it was told in %+v", l.Broadcast)
	}
	over := urgent(sshforward.Closed)
	over.Card, over.Broadcast = l.Card, l.Broadcast
	x.notices(t, over, sshforward.NoticeReview)
	m := w.Messages("C2")
	if len(m) != 2 || !strings.Contains(m[0].Visible(), "without the approval of <!subteam^S1> or <@U2>") ||
		!strings.Contains(m[0].Visible(), "production is down") {
		t.Fatalf("%+v", m)
	}
	if m[1].ThreadTS != l.Broadcast.TS || !strings.Contains(m[1].Visible(), "please review this") ||
		!strings.Contains(m[1].Visible(), "Last resource gone") {
		t.Errorf("reviewed with %+v", m[1])
	}

	// Where it was never told, the review goes where a card would.
	over.Broadcast = sshforward.Place{}
	if place := x.notices(t, over, sshforward.NoticeReview); place.Channel != "C1" {
		t.Errorf("it went to %+v", place)
	}
}

func TestCancelOnACardDoesNotOverwriteIt(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	l := lease(sshforward.Pending)
	x := live(t, w, answers(sshforward.Reply{Lease: l}, nil))
	ts := x.posted(t, l)
	before, _ := w.Message(ts)
	x.presses(t, "U1", ts, actionCancel)
	time.Sleep(50 * time.Millisecond) // nothing is to come
	if after, _ := w.Message(ts); after.Visible() != before.Visible() || len(w.Ephemerals("U1", "C1")) > 0 {
		t.Errorf("%q", after.Visible())
	}
}
