package bot

import (
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// rowOf is the row of buttons that the lease takes in its state, or nil.
func (v render) rowOf(from origin, l *sshforward.Lease) slack.Block {
	var row []*slack.ButtonBlockElement
	switch l.State {
	case sshforward.Requested:
		if from == fromCard || from == fromShow {
			return nil // the prompt has them, for the requester alone
		}
		row = append(row, v.openButton(l), v.cancelButton(l))
	case sshforward.Pending:
		// A list has only what is one's own.
		decides := from == fromCard || from == fromShow || from == fromReminder
		if decides && v.reader != l.Owner { // the owner may not decide
			row = v.decision(l, 0)
		}
		if from != fromReminder && (!decides || v.reader == "" || v.reader == l.Owner) {
			row = append(row, v.cancelButton(l))
		}
	case sshforward.Opening:
		row = append(row, v.closeButton(l))
	case sshforward.Open:
		if d := extendable(l); d > 0 {
			row = append(row, v.extendButton(l, d))
		}
		row = append(row, v.closeButton(l))
		if from == fromCard || from == fromShow {
			row = append(row, v.fromButton(l), v.helpButton(l))
		}
	case sshforward.Closed:
		if from != fromCard && from != fromShow {
			return nil
		}
		row = append(row, v.againButton(l.ID, l.Instance))
	default:
		return nil
	}
	return buttons(from.blockID(l.ID), row...)
}

// againButton shows the form, filled in with what the lease was asked for with.
func (v render) againButton(lease string, in sshforward.Instance) *slack.ButtonBlockElement {
	return button(actionAgain, lease, v.label("Again"), plainName(in))
}

// decision is an approver's yes, no, and word that they look at it: to the lease
// or, unless by is 0, to its extension by that.
func (v render) decision(l *sshforward.Lease, by time.Duration) []*slack.ButtonBlockElement {
	value, about := durationValue(l.ID, by), v.about(l)
	if by > 0 {
		about = v.say("%s more, %s", v.span(by), about)
	}
	return []*slack.ButtonBlockElement{
		button(actionApprove, value, v.label("Approve"), about).WithStyle(slack.StylePrimary),
		button(actionDeny, value, v.label("Deny"), about).WithStyle(slack.StyleDanger),
		button(actionClaim, value, v.label("I'm looking"), about),
	}
}

// claimed says who looks at what is to be decided; nil if nobody does.
func (v render) claimed(l *sshforward.Lease) slack.Block {
	if !l.Claimed() {
		return nil
	}
	return small(v.say(":eyes: %s is looking at it since %s.", mention(l.Claim.User), date(l.Claim.At)))
}

func (v render) openButton(l *sshforward.Lease) *slack.ButtonBlockElement {
	return button(actionConfirm, confirmValue(l.ID, false), v.label("Open"), v.about(l)).WithStyle(slack.StylePrimary)
}

func (v render) cancelButton(l *sshforward.Lease) *slack.ButtonBlockElement {
	return button(actionCancel, l.ID, v.label("Cancel"), v.about(l))
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

func (v render) extendButton(l *sshforward.Lease, d time.Duration) *slack.ButtonBlockElement {
	return button(actionExtend, durationValue(l.ID, d), v.label("Extend %s", v.span(d)), v.about(l))
}

func (v render) closeButton(l *sshforward.Lease) *slack.ButtonBlockElement {
	name := cut(plainName(l.Instance), 40)
	text := v.say("Sessions to %s end at once.", cut(l.Instance.ID, 40))
	if l.State == sshforward.Opening {
		text = v.say("What was made so far is removed.")
	}
	confirm := slack.NewConfirmationBlockObject(plain(v.say("Close access to %s now?", name), 100), plain(text, 300),
		plain(v.label("Close"), 30), plain(v.label("Keep"), 30)).WithStyle(slack.StyleDanger)
	return button(actionClose, l.ID, v.label("Close"), v.about(l)).WithConfirm(confirm)
}
