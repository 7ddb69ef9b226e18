package bot

import (
	"strconv"
	"strings"

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
	if l.State == sshforward.Open && l.ReadyIn > 0 {
		foot = append(foot, ":stopwatch: "+v.say("ready %s s after the last yes", strconv.FormatFloat(l.ReadyIn.Seconds(), 'f', 1, 64)))
	}
	blocks := withoutNil(
		section(icon+" "+v.say("*%s* · %s for %s", state, instance(l.Instance), mention(l.Owner))),
		section(v.body(l)),
		v.claimedRequest(l),
		v.outage(l),
		v.stuck(l),
		v.facts(l),
		v.moving(l),
		v.approvedBy(l),
		v.urgentOrReason(l),
		v.rowOf(from, l),
	)
	blocks = append(blocks, v.extensionBlocks(from, l)...)
	blocks = append(blocks, small(strings.Join(foot, " · ")))
	return message{Text: v.plain(state, l), Blocks: blocks}
}

// plain is the card for notifications and screen readers, which do not show the
// blocks.
func (v render) plain(state string, l *sshforward.Lease) string {
	if l.Reason != "" {
		state = v.say("%s (%s)", state, v.reasonWord(l.Reason))
	}
	if l.Urgent {
		state = v.say("%s, urgent, without approval", state)
	}
	text := v.say("%s: %s for %s, lease %s", state, instance(l.Instance), mention(l.Owner), escape(l.ID))
	if l.State == sshforward.Open {
		text += ": " + trim(escape(l.SSHCommand()), 1500)
	}
	return text
}

// body is what there is to know in the lease's state.
func (v render) body(l *sshforward.Lease) string {
	switch l.State {
	case sshforward.Requested:
		return v.say("Waits for %s to confirm until %s.", mention(l.Owner), date(l.ConfirmBy)) + v.preparedLine(l)
	case sshforward.Pending:
		may := v.say("May approve: %s until %s.", v.anyOf(l.Approvers), date(l.ApproveBy))
		lacking := v.lacking(l.Approved, l.Needs)
		if len(l.Approved) == 0 {
			return v.sentences(v.say("Approved by %d of %d.", 0, l.Approvals), lacking, may) + v.preparedLine(l)
		}
		return v.sentences(v.say("Approved by %d of %d: %s.", len(l.Approved), l.Approvals, v.approvals(l.Approved)),
			lacking, may) + v.preparedLine(l)
	case sshforward.Opening:
		s := v.progress(l)
		if detail := v.line(l.Detail, 500); detail != "" {
			s += "\n" + detail
		}
		return s
	case sshforward.Open:
		return commandBlock(l) + "\n" + v.ends(l) + v.nameHint(l)
	case sshforward.Closing:
		if neverOpened(l) {
			return v.sentences(v.say("I let nobody in. What was prepared is being removed."), v.endReason(l))
		}
		if l.AccessEndedAt.IsZero() {
			return v.sentences(v.say("Ending access."), v.endReason(l))
		}
		return v.sentences(v.say("Access ended %s, cleaning up.", date(l.AccessEndedAt)), v.endReason(l))
	}
	return v.endReason(l) + v.receipt(l)
}

// nameHint passes on the provisioner's note that the name may need a moment.
func (v render) nameHint(l *sshforward.Lease) string {
	if hint := v.line(l.Hint, 300); hint != "" {
		return "\n" + hint
	}
	return ""
}

// claimedRequest is claimed for the lease itself; an extension says it with what
// is asked for.
func (v render) claimedRequest(l *sshforward.Lease) slack.Block {
	if l.State != sshforward.Pending {
		return nil
	}
	return v.claimed(l)
}

// approvedBy names who said yes once that is decided; nil if nobody had to.
func (v render) approvedBy(l *sshforward.Lease) slack.Block {
	if l.State == sshforward.Pending || len(l.Approved) == 0 {
		return nil
	}
	return small(v.say("Approved by %s", v.approvals(l.Approved)))
}

// stuck is nil unless the work on the lease keeps failing.
func (v render) stuck(l *sshforward.Lease) slack.Block {
	if !l.Stuck() || l.State == sshforward.Closed {
		return nil
	}
	return section(v.sentences(v.say(":warning: *Stuck*: the work on it keeps failing, and I keep trying."), v.line(l.LastError, 1500)))
}
