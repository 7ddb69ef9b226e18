package bot

import (
	"github.com/slack-go/slack"
	"github.com/sshforward/sshforward"
)

// extensionBlocks is the extension that waits for approvers, with their buttons,
// or what became of it; none if there was none.
func (v render) extensionBlocks(from origin, l *sshforward.Lease) []slack.Block {
	a := l.Asked
	switch {
	case a.Decided && a.DeniedBy != "":
		return []slack.Block{section(v.sentences(v.say(":no_entry_sign: The extension by %s that %s asked for was denied by %s.",
			v.span(a.By), mention(a.User), v.by(a.DeniedBy, a.DeniedAt)), v.denierReason(a.DeniedFor)))}
	case a.Decided && len(a.Approved) > 0:
		return []slack.Block{small(v.say("The extension by %s that %s asked for was approved by %s.",
			v.span(a.By), mention(a.User), v.approvals(a.Approved)))}
	case !a.Pending() || l.State != sshforward.Open:
		return nil
	}
	says := v.say(":raised_hand: %s asks for %s more. It waits for approval.", mention(a.User), v.span(a.By))
	count := v.say("Approved by %d of %d.", 0, l.ExtendApprovals)
	if n := len(a.Approved); n > 0 {
		count = v.say("Approved by %d of %d: %s.", n, l.ExtendApprovals, v.approvals(a.Approved))
	}
	lacking := v.lacking(a.Approved, l.ExtendNeeds)
	out := withoutNil(section(v.sentences(says, v.extensionCost(l), count, lacking, v.say("May approve: %s.", v.anyOf(l.Approvers)))),
		v.claimed(l))
	if (from == fromCard || from == fromShow) && (v.reader == "" || v.reader != l.Owner && v.reader != a.User) {
		out = append(out, v.extensionRow(from, l))
	}
	return out
}

// extensionRow decides about the extension that was asked for. The block's id is
// not that of the lease's other row.
func (v render) extensionRow(from origin, l *sshforward.Lease) slack.Block {
	return buttons(from.blockID(l.ID)+".asked", v.decision(l, l.Asked.By)...)
}

// extensionCost is what the extension adds to the estimate.
func (v render) extensionCost(l *sshforward.Lease) string {
	return v.say("It would cost %s.", v.dollars(v.prices.Cost(l.Instance.Region, l.Asked.By)))
}

// ends says when access ends.
func (v render) ends(l *sshforward.Lease) string {
	if left := extendable(l); left == 0 && l.Max > 0 {
		return v.say("Access ends %s, which is the longest the rule allows.", date(l.ExpiresAt))
	}
	return v.say("Access ends %s.", date(l.ExpiresAt))
}

// replyExtend answers an extend.
func (v render) replyExtend(l *sshforward.Lease) message {
	if a := l.Asked; a.Pending() {
		return paragraph(v.sentences(v.say("Asked for approval: %s more for %s, lease %s.", v.span(a.By), instance(l.Instance), code(l.ID, 20)),
			v.say("May approve: %s.", v.anyOf(l.Approvers)), v.say("Until somebody does, it stays as it is."), v.ends(l)))
	}
	return paragraph(v.sentences(v.say("Extended: %s, lease %s.", instance(l.Instance), code(l.ID, 20)), v.ends(l)))
}
