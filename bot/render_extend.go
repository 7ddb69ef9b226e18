package bot

import (
	"github.com/slack-go/slack"
	"github.com/sshforward/sshforward"
)

// asked is the extension that waits for approvers, with their buttons, or what
// became of it; none if there is nothing to say.
func (v render) asked(from origin, l *sshforward.Lease) []slack.Block {
	a := l.Asked
	switch {
	case a.Decided && a.DeniedBy != "":
		return []slack.Block{section(v.sentences(v.say(":no_entry_sign: The extension by %s that %s asked for was denied by %s.",
			v.span(a.By), user(a.User), v.by(a.DeniedBy, a.DeniedAt)), v.theirs(a.DeniedFor)))}
	case a.Decided && len(a.Approved) > 0:
		return []slack.Block{small(v.say("The extension by %s that %s asked for was approved by %s.", v.span(a.By), user(a.User), v.approvals(a.Approved)))}
	case !a.Pending() || l.State != sshforward.Open:
		return nil
	}
	says := v.say(":raised_hand: %s asks for %s more. It waits for approval.", user(a.User), v.span(a.By))
	count := v.say("Approved by %d of %d.", 0, l.ExtendApprovals)
	if n := len(a.Approved); n > 0 {
		count = v.say("Approved by %d of %d: %s.", n, l.ExtendApprovals, v.approvals(a.Approved))
	}
	out := []slack.Block{section(v.sentences(says, v.askedCost(l), count, v.say("May approve: %s.", v.anyOf(l.Approvers))))}
	if (from == fromCard || from == fromShow) && (v.reader == "" || v.reader != l.Owner && v.reader != a.User) {
		out = append(out, v.askedRow(from, l))
	}
	return out
}

// askedRow decides about the extension that was asked for. The block's id is
// not that of the lease's other row.
func (v render) askedRow(from origin, l *sshforward.Lease) slack.Block {
	return buttons(from.blockID(l.ID)+".asked", v.decision(l.ID, l.Asked.By)...)
}

// askedCost is what the extension adds to that.
func (v render) askedCost(l *sshforward.Lease) string {
	return v.say("It would cost %s.", v.dollars(v.prices.Cost(l.Instance.Region, l.Asked.By)))
}

// ends says when access ends.
func (v render) ends(l *sshforward.Lease) string {
	if left := extendable(l); left == 0 && l.Max > 0 {
		return v.say("Access ends %s, which is the longest the rule allows.", date(l.ExpiresAt))
	}
	return v.say("Access ends %s.", date(l.ExpiresAt))
}

// extended answers an extend.
func (v render) extended(l *sshforward.Lease) message {
	if a := l.Asked; a.Pending() {
		return just(v.sentences(v.say("Asked for approval: %s more for %s, lease %s.", v.span(a.By), instance(l.Instance), code(l.ID, 20)),
			v.say("May approve: %s.", v.anyOf(l.Approvers)), v.say("Until somebody does, it stays as it is."), v.ends(l)))
	}
	return just(v.sentences(v.say("Extended: %s, lease %s.", instance(l.Instance), code(l.ID, 20)), v.ends(l)))
}
