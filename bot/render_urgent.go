package bot

import (
	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// urgentWord stands after the lease's id in the value of the second Open
// button of an urgent lease.
const urgentWord = "urgent"

// asksAgain reports whether a yes was not enough: an urgent lease takes a
// second one, given after being told what that means.
func asksAgain(cmd sshforward.ConfirmLease, l *sshforward.Lease) bool {
	return l != nil && l.Urgent && !cmd.Urgent && l.State == sshforward.Requested
}

// confirmUrgent asks once more before approval is gone past.
func (v render) confirmUrgent(l *sshforward.Lease) message {
	says := v.say("Open %s without approval? It is announced in the operators' channel, and those who would have approved are asked to review it.", instance(l.Instance))
	return message{Text: says, Blocks: fill(
		section(":rotating_light: "+says),
		because(l),
		buttons(fromPrompt.blockID(l.ID),
			button(actionConfirm, l.ID+" "+urgentWord, v.say("Open without approval")).WithStyle(slack.StyleDanger),
			button(actionCancel, l.ID, v.say("Cancel"))),
		small(v.say("Lease %s", code(l.ID, 20))),
	)}
}
