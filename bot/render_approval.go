package bot

import (
	"slices"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// askApprovers asks them in the card's thread, where the card with the buttons
// is at hand.
func (v render) askApprovers(l *sshforward.Lease, n sshforward.Notice, now time.Time) message {
	says := v.decisionNeeded(l, n, now)
	if says == "" {
		return message{}
	}
	if len(l.Approvers) > 0 {
		says = v.say("%s: %s", v.anyOf(l.Asks()), says)
	}
	return v.leaseMessage(l, v.sentences(says, v.say("The buttons are on the card.")), v.decisionReason(l, n))
}

// askApproversUnseen is askApprovers in a private channel that none of them is in.
func (v render) askApproversUnseen(l *sshforward.Lease, n sshforward.Notice, now time.Time) message {
	m := v.askApprovers(l, n, now)
	if m.Text == "" {
		return m
	}
	says := v.say("Nobody who may decide is in this private channel, so they do not see this. Let them know.")
	if l.AskedDirectly(n) {
		says = v.say("Nobody who may decide is in this private channel, so I have asked them directly.")
	}
	m.Text = v.sentences(m.Text, says)
	m.Blocks = slices.Insert(m.Blocks, 1, section(":lock: "+says))
	return m
}

// askApprover asks one of them in a direct message. Who has said yes and waits
// for others with the requester has no buttons any more.
func (v render) askApprover(l *sshforward.Lease, n sshforward.Notice, now time.Time) message {
	says := v.decisionNeeded(l, n, now)
	said := l.Approved
	if n.Kind == sshforward.NoticeAsked {
		said = l.Asked.Approved
	}
	switch {
	case says == "":
		return message{}
	case slices.ContainsFunc(said, func(a sshforward.Approval) bool { return a.User == n.To }):
		says = v.say("%s asks for access to %s for %s.", mention(l.Owner), instance(l.Instance), v.span(l.Duration))
		if n.Kind == sshforward.NoticeAsked {
			says = v.say("%s asks for %s more access to %s.", mention(l.Asked.User), v.span(l.Asked.By), instance(l.Instance))
		}
		return v.leaseMessage(l, v.sentences(says, v.say("You have approved it; somebody else has to, too.")), v.facts(l), v.because(l))
	case n.Kind == sshforward.NoticeNudge && l.HasAsked(n.To):
		return v.leaseMessage(l, v.sentences(says, v.say("The buttons are in my earlier message here.")))
	case n.Kind == sshforward.NoticeAsked:
		return v.leaseMessage(l, says, v.facts(l), v.because(l), v.claimed(l), v.extensionRow(fromReminder, l))
	}
	return v.leaseMessage(l, says, v.facts(l), v.because(l), v.claimed(l), v.rowOf(fromReminder, l))
}

// decisionNeeded is what approvers have to decide; empty if that is over.
func (v render) decisionNeeded(l *sshforward.Lease, n sshforward.Notice, now time.Time) string {
	owner, what := mention(l.Owner), instance(l.Instance)
	switch {
	case n.Kind == sshforward.NoticeApproval && l.State == sshforward.Pending:
		return v.say("%s asks for access to %s for %s and waits for your decision until %s.", owner, what, v.span(l.Duration), date(l.ApproveBy))
	case n.Kind == sshforward.NoticeNudge && l.State == sshforward.Pending:
		return v.say("%s has been waiting for %s for your decision about access to %s. There is time until %s.",
			owner, v.approx(now.Sub(l.ConfirmedAt)), what, date(l.ApproveBy))
	case n.Kind == sshforward.NoticeAsked && l.State == sshforward.Open && l.Asked.Pending():
		says := v.say("%s asks for %s more access to %s and waits for your decision.", mention(l.Asked.User), v.span(l.Asked.By), what)
		return v.sentences(says, v.extensionCost(l), v.ends(l))
	}
	return ""
}

func (v render) decisionReason(l *sshforward.Lease, n sshforward.Notice) slack.Block {
	if n.Kind == sshforward.NoticeApproval {
		return v.because(l)
	}
	return nil
}

// decided takes the place of an approver's direct message once there is
// nothing left to decide.
func (v render) decided(l *sshforward.Lease, extension bool) message {
	owner, what := mention(l.Owner), instance(l.Instance)
	switch {
	case extension && l.State == sshforward.Open && l.Asked.DeniedBy != "":
		says := v.say("%s denied more access to %s for %s.", v.by(l.Asked.DeniedBy, l.Asked.DeniedAt), what, owner)
		return v.leaseMessage(l, v.sentences(says, v.denierReason(l.Asked.DeniedFor)))
	case extension && l.State == sshforward.Open && l.Asked.Decided && len(l.Asked.Approved) > 0:
		says := v.say("%s more access to %s for %s was approved by %s.", v.span(l.Asked.By), what, owner, v.approvals(l.Asked.Approved))
		return v.leaseMessage(l, v.sentences(says, v.ends(l)))
	case extension && l.State == sshforward.Open:
		return v.leaseMessage(l, v.sentences(v.say("There is nothing left to decide about access to %s for %s.", what, owner), v.ends(l)))
	case len(l.Approved) > 0 && len(l.Approved) >= l.Approvals && !extension:
		return v.leaseMessage(l, v.say("Access to %s for %s was approved by %s.", what, owner, v.approvals(l.Approved)))
	}
	return v.leaseMessage(l, v.sentences(v.say("There is nothing left to decide about access to %s for %s.", what, owner), v.endReason(l)))
}
