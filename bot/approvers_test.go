package bot

import (
	"context"
	"strings"
	"sync/atomic"
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

// asks asks some people directly, as the keeper does, and returns what is to be
// edited later.
func (x *life) asks(t *testing.T, l *sshforward.Lease, k sshforward.NoticeKind, users ...string) {
	t.Helper()
	for _, user := range users {
		n := sshforward.Notice{Kind: k, At: l.Asked.At, To: user}
		place, err := x.Notice(t.Context(), l, n)
		if err != nil {
			t.Fatal(err)
		}
		l.Posted = append(l.Posted, sshforward.Posted{Place: place, Kind: k, At: n.At, To: user})
	}
}

// edits brings what was posted about a lease up to date with how it is later.
func (x *life) edits(t *testing.T, l, later *sshforward.Lease) {
	t.Helper()
	for _, p := range l.Posted {
		if err := x.Edit(t.Context(), later, p); err != nil {
			t.Error(err)
		}
	}
}

func TestApproversAreAskedDirectly(t *testing.T) {
	t.Parallel()
	w, x := tower(t)
	l := hidden(t, w, x, lease(sshforward.Pending)) // approvers S1 and U2
	l.Approved = nil
	x.asks(t, l, sshforward.NoticeApproval, "U2", "U3")
	for user, want := range map[string]string{"U2": "承認または却下をお願いします", "U3": "waits for your decision"} {
		all := w.Messages(w.DM(user))
		if len(all) != 1 || !strings.Contains(all[0].Visible(), want) || !strings.Contains(all[0].Visible(), "disk is full") {
			t.Fatalf("%s got %+v", user, all)
		}
		if !all[0].HasButton(actionApprove) || !all[0].HasButton(actionDeny) || all[0].HasButton(actionCancel) {
			t.Errorf("%s has the buttons %v", user, all[0].Buttons())
		}
	}

	asked := l.Clone()
	x.asks(t, l, sshforward.NoticeNudge, "U3")
	if all := w.Messages(w.DM("U3")); len(all) != 2 || all[1].HasButton(actionApprove) ||
		!strings.Contains(all[1].Visible(), "earlier message") {
		t.Errorf("reminded with %+v", all)
	}
	l.Posted = nil // asked before there were direct messages
	x.asks(t, l, sshforward.NoticeNudge, "U3")
	if all := w.Messages(w.DM("U3")); !all[2].HasButton(actionApprove) {
		t.Errorf("reminded with %+v", all[2])
	}

	half := l.Clone() // U2 has said yes, and somebody else has to
	half.Approved = []sshforward.Approval{{User: "U2", At: noon}}
	x.edits(t, asked, half)
	for user, buttons := range map[string]bool{"U2": false, "U3": true} {
		if m := w.Messages(w.DM(user))[0]; m.HasButton(actionApprove) != buttons {
			t.Errorf("%s sees %q with %v", user, m.Visible(), m.Buttons())
		}
	}

	later := with(sshforward.Opening, func(n *sshforward.Lease) {
		n.Card, n.Approvals = l.Card, 1
		n.Approved = []sshforward.Approval{{User: "U2", At: noon}}
	})
	x.edits(t, asked, later)
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
	var stored atomic.Pointer[sshforward.Lease]
	stored.Store(l)
	x := live(t, w, &keeper{do: func(context.Context, sshforward.Caller, operation) (sshforward.Reply, error) {
		return sshforward.Reply{Lease: stored.Load().Clone()}, nil
	}}, func(o *Options) { o.Channel = "" })
	x.asks(t, l, sshforward.NoticeApproval, "U3")
	stored.Store(l.Clone())
	ts := w.Messages(w.DM("U3"))[0].TS
	x.presses(t, "U3", ts, actionApprove)
	time.Sleep(50 * time.Millisecond) // nothing is to come: the keeper has it edited
	if m, _ := w.Message(ts); len(m.Edits) > 0 {
		t.Errorf("it became %q", m.Visible())
	}
	older := l.Clone()
	older.Posted = nil // what an older version posted is not kept
	stored.Store(older)
	x.presses(t, "U3", ts, actionApprove)
	waitFor(t, w, func(s *fakeslack.Snapshot) bool {
		m, _ := s.Message(ts)
		return len(m.Buttons()) == 0 && strings.Contains(m.Visible(), "<@U3> approved access to")
	})
}

// Who looks at it keeps the buttons: the keeper has the message edited.
func TestLookingAtARequest(t *testing.T) {
	t.Parallel()
	w, _ := tower(t)
	l := lease(sshforward.Pending)
	k := answers(sshforward.Reply{Lease: l}, nil)
	x := live(t, w, k, func(o *Options) { o.Channel = "" })
	x.asks(t, l, sshforward.NoticeApproval, "U3")
	ts := w.Messages(w.DM("U3"))[0].TS
	x.presses(t, "U3", ts, actionClaim)
	if got := k.understood(); len(got) != 1 || got[0].cmd != operation(sshforward.ClaimLease{ID: l.ID}) {
		t.Fatalf("the keeper was asked %+v", got)
	}
	later := l.Clone()
	later.Claim = sshforward.Claim{User: "U3", At: noon}
	x.edits(t, l, later)
	if m, _ := w.Message(ts); !m.HasButton(actionApprove) || !strings.Contains(m.Visible(), "<@U3> is looking at it") || len(m.Reused) > 0 {
		t.Errorf("%q with %v", m.Visible(), m.Buttons())
	}
}

func TestApproversAreAskedDirectlyForAnExtension(t *testing.T) {
	t.Parallel()
	w, x := tower(t)
	l := wanted(nil)
	x.posted(t, l)
	x.asks(t, l, sshforward.NoticeAsked, "U3")
	m := w.Messages(w.DM("U3"))[0]
	if !m.HasButton(actionApprove) || m.Buttons()[0].Value != "k7m2q3x 1h" {
		t.Errorf("%+v", m.Buttons())
	}
	later := l.Clone()
	later.Asked.Decided, later.Asked.DeniedBy = true, "U2"
	x.edits(t, l, later)
	if m, _ := w.Message(m.TS); len(m.Buttons()) > 0 || !strings.Contains(m.Visible(), "<@U2> denied more access") {
		t.Errorf("%q with %v", m.Visible(), m.Buttons())
	}
	later.Asked = sshforward.ExtensionRequest{User: "U1", By: 3600e9, At: noon.Add(3600e9)} // a newer wish
	x.edits(t, l, later)
	if m, _ := w.Message(m.TS); len(m.Buttons()) > 0 {
		t.Errorf("%q with %v", m.Visible(), m.Buttons())
	}
}

func TestApproversAreMentionedInTheThreadOfTheCard(t *testing.T) {
	t.Parallel()
	w, x := tower(t)
	l := lease(sshforward.Pending)
	ts := x.posted(t, l)
	x.notices(t, l, sshforward.NoticeApproval)
	m := w.Messages("C1")
	if len(m) != 2 || m[1].ThreadTS != ts || !strings.Contains(m[1].Visible(), "<!subteam^S1> or <@U2>") || m[1].HasButton(actionApprove) {
		t.Errorf("%+v", m)
	}
}

func TestApproverWhoCannotBeAsked(t *testing.T) {
	t.Parallel()
	w, x := tower(t)
	w.AddUser(fakeslack.User{ID: "U2", Name: "yuki", Deleted: true})
	for _, user := range []string{"U2", w.BotUserID(), "U404"} {
		_, err := x.Notice(t.Context(), lease(sshforward.Pending), sshforward.Notice{Kind: sshforward.NoticeApproval, To: user})
		if sshforward.ErrorCode(err) != sshforward.EFORBIDDEN {
			t.Errorf("%s: %v", user, err)
		}
	}
	w.FailNext("chat.postMessage", fakeslack.Outcome{Status: 429, RetryAfter: time.Second})
	_, err := x.Notice(t.Context(), lease(sshforward.Pending), sshforward.Notice{Kind: sshforward.NoticeApproval, To: "U3"})
	if sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
		t.Errorf("the rate limit is told as %v", err)
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
