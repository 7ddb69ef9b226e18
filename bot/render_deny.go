package bot

import (
	"github.com/slack-go/slack"
	"github.com/sshforward/sshforward"
)

// denyForm asks for the reason of a denial.
func (v render) denyForm(m meta, typed, problem string) slack.ModalViewRequest {
	says := v.say("You deny lease %s.", code(m.Lease, 20))
	if by, _ := extensionOf(m.Extend); by > 0 {
		says = v.say("You deny %s more for lease %s. What is open stays open until its end.", v.span(by), code(m.Lease, 20))
	}
	reason := textInput(sshforward.FieldReason, typed)
	reason.Multiline, reason.MaxLength = true, maxReason
	view := modal(formDeny, v.say("Deny"), m, withoutNil(
		problemOf(problem),
		section(says),
		slack.NewInputBlock(sshforward.FieldReason, plain(v.say("Why?"), maxField),
			plain(v.say("The requester is told."), maxField), reason),
	)...)
	view.Submit, view.Close = plain(v.label("Deny"), maxTitle), plain(v.label("Cancel"), maxTitle)
	return view
}
