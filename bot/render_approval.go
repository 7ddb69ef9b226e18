package bot

import (
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// askApprovers asks them in the card's thread, where the card with the buttons
// is at hand.
func (v render) askApprovers(l *sshforward.Lease, n sshforward.Notice, now time.Time) message {
	says := v.wish(l, n, now)
	if says == "" {
		return message{}
	}
	if len(l.Approvers) > 0 {
		says = v.say("%s: %s", v.anyOf(l.Approvers), says)
	}
	return v.told(l, v.sentences(says, v.say("The buttons are on the card.")), v.wishReason(l, n))
}

// askApprover asks one of them in a direct message, since the card is where
// they cannot see it.
func (v render) askApprover(l *sshforward.Lease, n sshforward.Notice, now time.Time) message {
	says := v.wish(l, n, now)
	switch {
	case says == "":
		return message{}
	case n.Kind == sshforward.NoticeNudge:
		return v.told(l, v.sentences(says, v.say("The buttons are in my earlier message here.")))
	case n.Kind == sshforward.NoticeAsked:
		return v.told(l, says, v.facts(l), v.because(l), v.askedRow(fromReminder, l))
	}
	return v.told(l, says, v.facts(l), v.because(l), v.rowOf(fromReminder, l))
}

// wish is what approvers have to decide; empty if that is over.
func (v render) wish(l *sshforward.Lease, n sshforward.Notice, now time.Time) string {
	owner, what := user(l.Owner), instance(l.Instance)
	switch {
	case n.Kind == sshforward.NoticeApproval && l.State == sshforward.Pending:
		return v.say("%s asks for access to %s for %s and waits for your decision until %s.", owner, what, v.span(l.Duration), date(l.ApproveBy))
	case n.Kind == sshforward.NoticeNudge && l.State == sshforward.Pending:
		return v.say("%s has been waiting for %s for your decision about access to %s. There is time until %s.", owner, v.about(now.Sub(l.ConfirmedAt)), what, date(l.ApproveBy))
	case n.Kind == sshforward.NoticeAsked && l.State == sshforward.Open && l.Asked.Pending():
		return v.sentences(v.say("%s asks for %s more access to %s and waits for your decision.", user(l.Asked.User), v.span(l.Asked.By), what), v.askedCost(l), v.ends(l))
	}
	return ""
}

func (v render) wishReason(l *sshforward.Lease, n sshforward.Notice) slack.Block {
	if n.Kind == sshforward.NoticeApproval {
		return v.because(l)
	}
	return nil
}

// decided takes the place of an approver's direct message once there is
// nothing left to decide.
func (v render) decided(l *sshforward.Lease, extension bool) message {
	owner, what := user(l.Owner), instance(l.Instance)
	switch {
	case extension && l.State == sshforward.Open && l.Asked.DeniedBy != "":
		return v.told(l, v.sentences(v.say("%s denied more access to %s for %s.", v.by(l.Asked.DeniedBy, l.Asked.DeniedAt), what, owner), v.theirs(l.Asked.DeniedFor)))
	case extension && l.State == sshforward.Open && l.Asked.Decided && len(l.Asked.Approved) > 0:
		return v.told(l, v.sentences(v.say("%s more access to %s for %s was approved by %s.", v.span(l.Asked.By), what, owner, v.approvals(l.Asked.Approved)), v.ends(l)))
	case extension && l.State == sshforward.Open:
		return v.told(l, v.sentences(v.say("There is nothing left to decide about access to %s for %s.", what, owner), v.ends(l)))
	case len(l.Approved) > 0 && len(l.Approved) >= l.Approvals && !extension:
		return v.told(l, v.say("Access to %s for %s was approved by %s.", what, owner, v.approvals(l.Approved)))
	}
	return v.told(l, v.sentences(v.say("There is nothing left to decide about access to %s for %s.", what, owner), v.whyOver(l)))
}
