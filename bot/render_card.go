package bot

import (
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// card is the durable message of a lease. It is a function of the lease alone,
// so a late or repeated update does no harm; times are shown by the reader's
// client.
func (v render) card(l *sshforward.Lease) message { return v.cardFrom(fromCard, l) }

func (v render) cardFrom(from origin, l *sshforward.Lease) message {
	icon, state := v.heading(l)
	foot := []string{v.say("Lease %s", code(l.ID, 20)), account(l.Instance), v.say("rule %s", code(l.Rule, 60))}
	if l.Reason != "" {
		foot = append(foot, v.reasonWord(l.Reason))
	}
	blocks := fill(
		section(icon+" "+v.say("*%s* · %s for %s", state, instance(l.Instance), user(l.Owner))),
		section(v.body(l)),
		v.stuck(l),
		v.facts(l),
		v.approvedBy(l),
		v.urgentOrNot(l),
		v.rowOf(from, l),
	)
	blocks = append(blocks, v.asked(from, l)...)
	blocks = append(blocks, small(strings.Join(foot, " · ")))
	return message{Text: v.plain(state, l), Blocks: blocks}
}

// plain is the card for notifications and screen readers: what somebody wants
// of it who does not see the blocks.
func (v render) plain(state string, l *sshforward.Lease) string {
	if l.Reason != "" {
		state = v.say("%s (%s)", state, v.reasonWord(l.Reason))
	}
	if l.Urgent {
		state = v.say("%s, urgent, without approval", state)
	}
	text := v.say("%s: %s for %s, lease %s", state, instance(l.Instance), user(l.Owner), escape(l.ID))
	if l.State == sshforward.Open {
		text += ": " + trim(escape(l.SSHCommand()), 1500)
	}
	return text
}

// body is what there is to know in the lease's state.
func (v render) body(l *sshforward.Lease) string {
	switch l.State {
	case sshforward.Requested:
		return v.say("Waits for %s to confirm until %s.", user(l.Owner), date(l.ConfirmBy))
	case sshforward.Pending:
		may := v.say("May approve: %s until %s.", v.anyOf(l.Approvers), date(l.ApproveBy))
		if len(l.Approved) == 0 {
			return v.sentences(v.say("Approved by %d of %d.", 0, l.Approvals), may)
		}
		return v.sentences(v.say("Approved by %d of %d: %s.", len(l.Approved), l.Approvals, v.approvals(l.Approved)), may)
	case sshforward.Opening:
		s := v.progress(l)
		if detail := v.line(l.Detail, 500); detail != "" {
			s += "\n" + detail
		}
		return s
	case sshforward.Open:
		return "```" + trim(escape(strings.ReplaceAll(l.SSHCommand(), "`", "'")), 1500) + "```\n" + v.ends(l) + v.unresolved(l)
	case sshforward.Closing:
		if l.AccessEndedAt.IsZero() {
			return v.sentences(v.say("Ending access."), v.whyOver(l))
		}
		return v.sentences(v.say("Access ended %s, cleaning up.", date(l.AccessEndedAt)), v.whyOver(l))
	}
	return v.whyOver(l) + v.receipt(l)
}

// ends says when access ends.
func (v render) ends(l *sshforward.Lease) string {
	if left := extendable(l); left == 0 && l.Max > 0 {
		return v.say("Access ends %s, which is the longest the rule allows.", date(l.ExpiresAt))
	}
	return v.say("Access ends %s.", date(l.ExpiresAt))
}

// unresolved passes on the provisioner's note that the name may need a moment.
func (v render) unresolved(l *sshforward.Lease) string {
	if hint := v.line(l.Hint, 300); hint != "" {
		return "\n" + hint
	}
	return ""
}

// approvals names who said yes, and when.
func (v render) approvals(all []sshforward.Approval) string {
	var out []string
	for i, a := range all {
		if i == mostPeople {
			out = append(out, v.say("%d more", len(all)-i))
			break
		}
		out = append(out, v.by(a.User, a.At))
	}
	return v.enumerate(out, func(a, b string) string { return v.say("%s and %s", a, b) })
}

// by names who decided, and when.
func (v render) by(who string, at time.Time) string {
	if at.IsZero() { // decided before that was recorded
		return user(who)
	}
	return v.say("%s (%s)", user(who), date(at))
}

// approvedBy names who said yes once that is decided; nil if nobody had to.
func (v render) approvedBy(l *sshforward.Lease) slack.Block {
	if l.State == sshforward.Pending || len(l.Approved) == 0 {
		return nil
	}
	return small(v.say("Approved by %s", v.approvals(l.Approved)))
}

// urgentOrNot is the reason and, where the lease goes past approval, that.
func (v render) urgentOrNot(l *sshforward.Lease) slack.Block {
	if !l.Urgent {
		return v.because(l)
	}
	if strings.TrimSpace(l.Because) == "" {
		return section(v.say(":rotating_light: *Urgent, without approval*"))
	}
	return section(v.say(":rotating_light: *Urgent, without approval:* %s", line(l.Because, 2900)))
}

// stuck is nil unless the work on the lease keeps failing.
func (v render) stuck(l *sshforward.Lease) slack.Block {
	if !l.Stuck() || l.State == sshforward.Closed {
		return nil
	}
	return section(v.sentences(v.say(":warning: *Stuck*: the work on it keeps failing, and I keep trying."), v.line(l.LastError, 1500)))
}

func (v render) facts(l *sshforward.Lease) slack.Block {
	s := v.say("From %s to %s in %s · port %s", sources(l), v.private(l.Instance), line(l.Instance.Zone, 40), v.ports(l))
	switch {
	case undecided(l) || l.State == sshforward.Opening:
		s += " · " + v.span(l.Duration) + " · " + v.estimate(l)
	case l.State != sshforward.Closed:
		s += " · " + v.span(l.Duration)
	}
	return small(s)
}

// undecided reports whether somebody has still to say yes to the lease.
func undecided(l *sshforward.Lease) bool {
	return l.State == sshforward.Requested || l.State == sshforward.Pending
}

// estimate is what a lease costs if it lasts as long as it was asked for.
func (v render) estimate(l *sshforward.Lease) string {
	return v.dollars(v.prices.Cost(l.Instance.Region, l.Duration))
}

// askedCost is what the extension adds to that.
func (v render) askedCost(l *sshforward.Lease) string {
	return v.say("It would cost %s.", v.dollars(v.prices.Cost(l.Instance.Region, l.Asked.By)))
}

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
