package bot

import (
	"slices"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

const (
	maxTitle   = 24 // of a modal, its submit and its close button
	maxInitial = 3000
)

func modal(callback, title string, m meta, blocks ...slack.Block) slack.ModalViewRequest {
	return slack.ModalViewRequest{Type: slack.VTModal, CallbackID: callback, PrivateMetadata: m.String(),
		Title: plain(title, maxTitle), Blocks: slack.Blocks{BlockSet: blocks}}
}

// form asks for a lease. problem says what was wrong with the last try, when
// that can no longer be said under an input.
func (v render) form(f formFields, m meta, problem string) slack.ModalViewRequest {
	instances := slack.NewOptionsSelectBlockElement(slack.OptTypeExternal, plain(v.say("Type a part of its name or id"), 150), sshforward.FieldInstance)
	instances.MinQueryLength = new(int) // Slack's default is 3; some can open two or three and want to see them
	instances.InitialOption = f.instance
	source := textInput(sshforward.FieldSource, f.source)
	source.Placeholder = plain(exampleSource, 150)
	sourceHint := v.say("The public address you connect from.")
	if f.saved != "" {
		sourceHint = v.say("The public address you connect from. Left empty, it is your saved one: %s", f.saved)
	}
	duration := textInput(sshforward.FieldDuration, f.duration)
	duration.Placeholder = plain(v.say("for example %s", "2h"), 150)
	reason := textInput(sshforward.FieldReason, f.reason)
	reason.Multiline, reason.MaxLength = true, maxReason
	view := modal(formOpen, v.say("Open SSH access"), m, fill(
		problemOf(problem),
		slack.NewInputBlock(sshforward.FieldInstance, plain(v.say("Instance"), maxField), nil, instances),
		slack.NewInputBlock(sshforward.FieldDuration, plain(v.say("For how long"), maxField),
			plain(v.say("45s, 90m, 2h, 1h30m or 1d, from when it is ready"), maxField), duration).WithOptional(true),
		slack.NewInputBlock(sshforward.FieldSource, plain(v.say("From which address"), maxField),
			plain(sourceHint, maxField), source).WithOptional(true),
		slack.NewInputBlock(sshforward.FieldReason, plain(v.say("Reason"), maxField), nil, reason).WithOptional(true),
		v.conditions(m),
	)...)
	view.Submit, view.Close = plain(v.label("Next"), maxTitle), plain(v.label("Cancel"), maxTitle)
	return view
}

// conditions are what was typed and has no input in the form; nil if nothing.
func (v render) conditions(m meta) slack.Block {
	var out []string
	if m.Port != 0 {
		out = append(out, v.say("Port %d on the instance.", m.Port))
	}
	if m.Urgent {
		out = append(out, v.say("Urgent: without approval, where the rules allow that."))
	}
	if len(out) == 0 {
		return nil
	}
	return small(v.sentences(out...))
}

func problemOf(s string) slack.Block {
	if s == "" {
		return nil
	}
	return section(":warning: " + trim(escape(s), 2900))
}

func textInput(id, initial string) *slack.PlainTextInputBlockElement {
	in := slack.NewPlainTextInputBlockElement(nil, id)
	in.InitialValue = cut(initial, maxInitial)
	return in
}

// inForm is an error as it stands in a form: plain text.
func (v render) inForm(err error) string {
	return cut(v.text(sshforward.ErrorMessage(err)), 1000)
}

// confirmForm is the prompt as the modal's second step.
func (v render) confirmForm(l *sshforward.Lease, m meta) slack.ModalViewRequest {
	// A form may ask for an urgent lease; the yes to that is one of its own.
	m.Lease, m.Urgent, m.Port = l.ID, false, 0
	view := modal(formConfirm, v.say("Open it?"), m, unbuttoned(v.prompt(l))...)
	view.Submit, view.Close, view.NotifyOnClose = plain(v.label("Open"), maxTitle), plain(v.label("Cancel"), maxTitle), true
	return view
}

// urgentForm is its third, for who goes past approval.
func (v render) urgentForm(l *sshforward.Lease, m meta) slack.ModalViewRequest {
	m.Lease, m.Urgent = l.ID, true
	view := modal(formConfirm, v.say("Open without approval?"), m, unbuttoned(v.confirmUrgent(l))...)
	view.Submit, view.Close, view.NotifyOnClose = plain(v.label("Open without approval"), maxTitle), plain(v.label("Cancel"), maxTitle), true
	return view
}

// confirmFailed offers another try where that can help.
func (v render) confirmFailed(err error, m meta) slack.ModalViewRequest {
	view := modal(formConfirm, v.say("Not opened"), m, problemOf(v.text(sshforward.ErrorMessage(err))))
	view.Close = plain(v.say("Close"), maxTitle)
	if code := sshforward.ErrorCode(err); code == sshforward.EUNAVAILABLE || code == sshforward.EQUOTA || code == sshforward.EINTERNAL {
		view.Submit, view.NotifyOnClose = plain(v.label("Try again"), maxTitle), true
		return view
	}
	view.CallbackID = formNote
	return view
}

// unbuttoned are a message's blocks for a modal, which has buttons of its own.
func unbuttoned(m message) []slack.Block {
	return slices.DeleteFunc(slices.Clone(m.Blocks), func(b slack.Block) bool { return b.BlockType() == slack.MBTAction })
}

// denyForm asks for the reason of a no.
func (v render) denyForm(m meta, typed, problem string) slack.ModalViewRequest {
	says := v.say("You deny lease %s.", code(m.Lease, 20))
	if by, _ := extensionOf(m.Extend); by > 0 {
		says = v.say("You deny %s more for lease %s. What is open stays open until its end.", v.span(by), code(m.Lease, 20))
	}
	reason := textInput(sshforward.FieldReason, typed)
	reason.Multiline, reason.MaxLength = true, maxReason
	view := modal(formDeny, v.say("Deny"), m, fill(
		problemOf(problem),
		section(says),
		slack.NewInputBlock(sshforward.FieldReason, plain(v.say("Why?"), maxField),
			plain(v.say("The requester is told."), maxField), reason),
	)...)
	view.Submit, view.Close = plain(v.label("Deny"), maxTitle), plain(v.label("Cancel"), maxTitle)
	return view
}

// sourceForm asks for the address to save.
func (v render) sourceForm(typed, problem string) slack.ModalViewRequest {
	source := textInput(sshforward.FieldSource, typed)
	source.Placeholder = plain(exampleSource, 150)
	view := modal(formSource, v.say("Your source address"), meta{}, fill(
		problemOf(problem),
		slack.NewInputBlock(sshforward.FieldSource, plain(v.say("From which address do you connect?"), maxField),
			plain(v.say("The public one, as others see it. Left empty, the saved one is forgotten."), maxField), source).WithOptional(true),
	)...)
	view.Submit, view.Close = plain(v.label("Save"), maxTitle), plain(v.label("Cancel"), maxTitle)
	return view
}

// note is a modal that just says something, escaped already.
func (v render) note(says string) slack.ModalViewRequest { return v.noteOf(just(says)) }

func (v render) noteOf(m message) slack.ModalViewRequest {
	view := modal(formNote, "sshforward", meta{}, unbuttoned(m)...)
	view.Close = plain(v.say("Close"), maxTitle)
	return view
}

// looking stands in a modal while the keeper takes its time.
func (v render) looking() slack.ModalViewRequest {
	return v.note(":hourglass_flowing_sand: " + v.say("Looking… This takes a few seconds; leave the window open."))
}

// typeInstead is for when the form cannot be shown: the command that does the
// same, with what was typed already.
func (v render) typeInstead(open sshforward.OpenLease) message {
	if open.Instance == "" {
		open.Instance = "i-0123456789abcdef0"
	}
	return just(v.say("I could not show you the form. Type the command instead, with your instance: %s", code(Slash+" "+formatCommand(open), 2500)) + "\n" +
		v.say("%s shows all commands.", code(Slash+" help", 50)))
}
