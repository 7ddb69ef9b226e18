package bot

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// prompt asks the requester to confirm.
func (v render) prompt(l *sshforward.Lease) message {
	text := v.ofLease(v.say("Open SSH to %s for %s?", instance(l.Instance), v.span(l.Duration)), l)
	blocks := withoutNil(
		section(v.say("*Open SSH to %s?*", instance(l.Instance))),
		fields(
			v.say("Instance"), v.place(l),
			v.say("Duration"), v.say("%s, from when it is ready", v.span(l.Duration)),
			v.say("From"), sources(l),
			v.say("Port"), v.ports(l),
			v.say("Cost"), v.estimateInFull(l),
			v.say("Approval"), v.approval(l),
		),
		v.urgentOrReason(l),
		v.warnings(l),
		v.notes(l),
		v.willPrepare(l),
		buttons(fromPrompt.blockID(l.ID), v.openButton(l), v.cancelButton(l)),
		v.promptFoot(l),
	)
	return message{Text: text, Blocks: blocks}
}

// confirmUrgent says what urgent means and asks once more.
func (v render) confirmUrgent(l *sshforward.Lease) message {
	title := v.say("Open SSH to %s without approval?", instance(l.Instance))
	past := v.say("Nobody has approved this.")
	if len(l.Approvers) > 0 {
		past = v.say("This skips the approval of %s.", v.anyOf(l.Approvers))
	}
	review := v.say("The operators' channel is told at once who opens what and why, and it is reviewed when it has ended.")
	return message{
		Text: v.ofLease(title, l),
		Blocks: withoutNil(
			section(":rotating_light: *"+title+"*"),
			section(v.sentences(past, review)),
			v.because(l),
			buttons(fromPrompt.blockID(l.ID),
				button(actionConfirm, confirmValue(l.ID, true), v.label("Open without approval"), v.about(l)).WithStyle(slack.StyleDanger),
				v.cancelButton(l)),
			v.promptFoot(l),
		),
	}
}

func (v render) promptFoot(l *sshforward.Lease) slack.Block {
	foot := []string{v.say("Lease %s", code(l.ID, 20)), v.say("asked for by %s", mention(l.Owner))}
	if !l.ConfirmBy.IsZero() {
		foot = append(foot, v.say("good until %s", date(l.ConfirmBy)))
	}
	return small(strings.Join(foot, " · "))
}

// replyConfirm takes the prompt's place.
func (v render) replyConfirm(l *sshforward.Lease) message {
	id := code(l.ID, 20)
	switch {
	case l.State == sshforward.Requested && l.Urgent:
		return v.confirmUrgent(l)
	case l.State == sshforward.Pending:
		return paragraph(v.sentences(v.say("Waiting for approval of %s, lease %s.", instance(l.Instance), id), v.cardPlace(l)))
	case l.State == sshforward.Opening && l.Urgent:
		return paragraph(v.sentences(v.say("Opening %s without approval, lease %s.", instance(l.Instance), id),
			v.say("The operators' channel is told, and it will be reviewed."), v.cardPlace(l)))
	case l.State == sshforward.Opening:
		return paragraph(v.sentences(v.say("Opening %s, lease %s.", instance(l.Instance), id), v.cardPlace(l)))
	}
	return paragraph(v.sentences(v.say("Lease %s: %s.", id, v.stateSentence(l)), v.cardPlace(l)))
}

func (v render) approval(l *sshforward.Lease) string {
	switch {
	case l.Approvals == 0:
		return v.say("not needed")
	case l.Urgent:
		return v.say("not needed, since it is urgent (otherwise %d of %s)", l.Approvals, v.allOf(l.Approvers))
	}
	return v.say("%d of %s", l.Approvals, v.allOf(l.Approvers))
}
