package bot

import (
	"fmt"
	"slices"
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
	icon, state := heading(l)
	foot := "Lease " + code(l.ID, 20) + " · " + account(l.Instance) + " · rule " + code(l.Rule, 60)
	if l.Reason != "" {
		foot += " · " + reasonWord(l.Reason)
	}
	blocks := fill(
		section(icon+" *"+state+"* · "+instance(l.Instance)+" for "+user(l.Owner)),
		section(v.body(l)),
		stuck(l),
		facts(l),
		because(l),
		rowOf(from, l),
		small(foot),
	)
	return message{Text: v.plain(state, l), Blocks: blocks}
}

// plain is the card for notifications and screen readers: what somebody wants
// of it who does not see the blocks.
func (v render) plain(state string, l *sshforward.Lease) string {
	if l.Reason != "" {
		state += " (" + reasonWord(l.Reason) + ")"
	}
	text := fmt.Sprintf("%s: %s for %s, lease %s", state, instance(l.Instance), user(l.Owner), escape(l.ID))
	if l.State == sshforward.Open {
		text += ": " + trim(escape(l.SSHCommand()), 1500)
	}
	return text
}

func heading(l *sshforward.Lease) (icon, state string) {
	switch l.State {
	case sshforward.Requested:
		return ":white_circle:", "Requested"
	case sshforward.Pending:
		return ":raised_hand:", "Needs approval"
	case sshforward.Opening:
		return ":hourglass_flowing_sand:", "Opening"
	case sshforward.Open:
		return ":large_green_circle:", "Open"
	case sshforward.Closing:
		return ":hourglass:", "Closing"
	}
	if l.Reason == sshforward.Failed {
		return ":x:", "Closed"
	}
	return ":black_circle:", "Closed"
}

// reasonWord is the reason as audit and metrics have it, but for people.
func reasonWord(r sshforward.Reason) string { return strings.ReplaceAll(string(r), "_", " ") }

// body is what there is to know in the lease's state.
func (v render) body(l *sshforward.Lease) string {
	switch l.State {
	case sshforward.Requested:
		return "Waits for " + user(l.Owner) + " to confirm" + until(l.ConfirmBy) + "."
	case sshforward.Pending:
		s := fmt.Sprintf("Approved by %d of %d", len(l.Approved), l.Approvals)
		if len(l.Approved) > 0 {
			s += ": " + who(approvers(l), 10, "and")
		}
		return s + ". May approve: " + who(l.Approvers, 10, "or") + until(l.ApproveBy) + "."
	case sshforward.Opening:
		s := progress(l)
		if detail := line(l.Detail.String(), 500); detail != "" {
			s += "\n" + detail
		}
		return s
	case sshforward.Open:
		return "```" + trim(escape(strings.ReplaceAll(l.SSHCommand(), "`", "'")), 1500) + "```\n" + ends(l) + unresolved(l)
	case sshforward.Closing:
		if l.AccessEndedAt.IsZero() {
			return "Ending access. " + reasonWords(l)
		}
		return "Access ended " + date(l.AccessEndedAt) + ", cleaning up. " + reasonWords(l)
	}
	return reasonWords(l) + v.receipt(l)
}

// stages in words, in the order of sshforward.Stages.
var stageWords = map[sshforward.Stage]string{
	sshforward.StageCheck:    "looking at the instance and the rules once more",
	sshforward.StageGroup:    "creating the security group",
	sshforward.StageBalancer: "creating the load balancer and the rules",
	sshforward.StageHealth:   "setting up the health check",
	sshforward.StageRegister: "registering the instance",
	sshforward.StageService:  "waiting for the instance to be in service",
	sshforward.StageName:     "waiting for the name to resolve",
	sshforward.StageClock:    "starting the clock",
}

func progress(l *sshforward.Lease) string {
	i := max(slices.Index(sshforward.Stages, l.Stage), 0)
	return fmt.Sprintf("%d of %d: %s", i+1, len(sshforward.Stages), stageWords[sshforward.Stages[i]])
}

func ends(l *sshforward.Lease) string {
	s := "Access ends " + date(l.ExpiresAt)
	if left := extendable(l); left == 0 && l.Max > 0 {
		s += ", which is the longest the rule allows"
	}
	return s + "."
}

// unresolved passes on the provisioner's note that the name may need a moment.
func unresolved(l *sshforward.Lease) string {
	if hint := line(l.Hint.String(), 300); hint != "" {
		return "\n" + hint
	}
	return ""
}

func until(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return " until " + date(t)
}

func approvers(l *sshforward.Lease) []string {
	var out []string
	for _, a := range l.Approved {
		out = append(out, a.User)
	}
	return out
}

// reasonWords says why a lease ended.
func reasonWords(l *sshforward.Lease) string {
	by := l.ClosedBy
	switch l.Reason {
	case sshforward.Cancelled:
		if by != "" && by != l.Owner {
			return user(by) + " cancelled it as an admin."
		}
		return user(l.Owner) + " cancelled it."
	case sshforward.Denied:
		if by == "" {
			return "It was denied."
		}
		return user(by) + " denied it."
	case sshforward.Lapsed:
		if l.ConfirmedAt.IsZero() {
			return user(l.Owner) + " did not confirm in time."
		}
		return "Nobody approved it in time."
	case sshforward.Failed:
		return strings.TrimSpace("It could not be opened. " + line(l.Why.String(), 1000))
	case sshforward.Expired:
		return "The time was up."
	case sshforward.ClosedByUser:
		return user(l.Owner) + " closed it."
	case sshforward.ClosedByAdmin:
		if by == "" {
			return "An admin closed it."
		}
		return user(by) + " closed it as an admin."
	case sshforward.InstanceGone:
		return strings.TrimSpace("The instance or its load balancer went away. " + line(l.Why.String(), 1000))
	case sshforward.Lost:
		return strings.TrimSpace("I had no record of it, so I removed what was left of it. " + line(l.Why.String(), 1000))
	}
	return ""
}

// receipt is the proof that it is over; empty if nothing was ever made.
func (v render) receipt(l *sshforward.Lease) string {
	var out []string
	add := func(what string, t time.Time) {
		if !t.IsZero() {
			out = append(out, "• "+what+" "+date(t))
		}
	}
	if !l.OpenedAt.IsZero() {
		add("Opened", l.OpenedAt)
		add("Access ended", l.AccessEndedAt)
	}
	if !l.OpenedAt.IsZero() || !l.AccessEndedAt.IsZero() {
		add("Last resource gone", l.ClosedAt)
	}
	if o := l.Overstay(); o >= time.Second {
		out = append(out, "• Overstay "+about(o))
	}
	if !l.OpenedAt.IsZero() && l.AccessEndedAt.After(l.OpenedAt) {
		out = append(out, "• Cost "+dollars(v.prices.Cost(l.Instance.Region, l.AccessEndedAt.Sub(l.OpenedAt))))
	}
	if len(out) == 0 {
		return ""
	}
	return "\n" + strings.Join(out, "\n")
}

// stuck is nil unless the work on the lease keeps failing.
func stuck(l *sshforward.Lease) slack.Block {
	if !l.Stuck() || l.State == sshforward.Closed {
		return nil
	}
	return section(strings.TrimSpace(":warning: *Stuck*: the work on it keeps failing, and I keep trying. " + line(l.LastError.String(), 1500)))
}

func facts(l *sshforward.Lease) slack.Block {
	s := "From " + sources(l) + " to " + address(l.Instance) + " in " + line(l.Instance.Zone, 40) + " · port " + ports(l)
	if l.State != sshforward.Closed {
		s += " · " + sshforward.FormatDuration(l.Duration)
	}
	return small(s)
}

// rowOf is the row of buttons that the lease takes in its state, or nil.
func rowOf(from origin, l *sshforward.Lease) slack.Block {
	var row []*slack.ButtonBlockElement
	switch l.State {
	case sshforward.Requested:
		if from == fromCard || from == fromShow {
			return nil // the prompt has them, for the requester alone
		}
		row = append(row, button(actionConfirm, l.ID, "Open").WithStyle(slack.StylePrimary), button(actionCancel, l.ID, "Cancel"))
	case sshforward.Pending:
		if from != fromCard && from != fromShow {
			return nil
		}
		row = append(row, button(actionApprove, l.ID, "Approve").WithStyle(slack.StylePrimary),
			button(actionDeny, l.ID, "Deny").WithStyle(slack.StyleDanger))
	case sshforward.Opening:
		row = append(row, closeButton(l))
	case sshforward.Open:
		if d := extendable(l); d > 0 {
			row = append(row, extendButton(l, d))
		}
		row = append(row, closeButton(l))
	default:
		return nil
	}
	return buttons(from.blockID(l.ID), row...)
}

// extendable is by how much the Extend button extends: an hour, or what the
// lease was asked for if that is less, or what is left of what policy allows;
// zero if nothing is.
func extendable(l *sshforward.Lease) time.Duration {
	d := min(time.Hour, l.Duration)
	if l.Max > 0 {
		d = min(d, l.Max-l.ExpiresAt.Sub(l.OpenedAt))
	}
	return max(0, d.Truncate(time.Second))
}

func extendButton(l *sshforward.Lease, d time.Duration) *slack.ButtonBlockElement {
	s := sshforward.FormatDuration(d)
	return button(actionExtend, l.ID+" "+s, "Extend "+s)
}

func closeButton(l *sshforward.Lease) *slack.ButtonBlockElement {
	text := "Sessions to " + cut(l.Instance.ID, 40) + " end at once."
	if l.State == sshforward.Opening {
		text = "What was made so far is removed."
	}
	return button(actionClose, l.ID, "Close").WithConfirm(slack.NewConfirmationBlockObject(
		plain("Close it now?", 100), plain(text, 300), plain("Close", 30), plain("Keep", 30)).WithStyle(slack.StyleDanger))
}
