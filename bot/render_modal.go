package bot

import (
	"slices"

	"github.com/slack-go/slack"
)

func modal(callback, title string, m meta, blocks ...slack.Block) slack.ModalViewRequest {
	return slack.ModalViewRequest{Type: slack.VTModal, CallbackID: callback, PrivateMetadata: m.String(),
		Title: plain(title, maxTitle), Blocks: slack.Blocks{BlockSet: blocks}}
}

func textInput(id, initial string) *slack.PlainTextInputBlockElement {
	in := slack.NewPlainTextInputBlockElement(nil, id)
	in.InitialValue = cut(initial, maxInitial)
	return in
}

func problemOf(s string) slack.Block {
	if s == "" {
		return nil
	}
	return section(":warning: " + trim(escape(s), 2900))
}

// withoutButtons are a message's blocks for a modal, which has buttons of its own.
func withoutButtons(m message) []slack.Block {
	return slices.DeleteFunc(slices.Clone(m.Blocks), func(b slack.Block) bool { return b.BlockType() == slack.MBTAction })
}

// note is a modal that just says something, escaped already.
func (v render) note(says string) slack.ModalViewRequest { return v.noteOf(paragraph(says)) }

func (v render) noteOf(m message) slack.ModalViewRequest {
	view := modal(formNote, "sshforward", meta{}, withoutButtons(m)...)
	view.Close = plain(v.say("Close"), maxTitle)
	return view
}

// pleaseWait is what a modal shows until the keeper has answered.
func (v render) pleaseWait() slack.ModalViewRequest {
	return v.note(":hourglass_flowing_sand: " + v.say("Looking… This takes a few seconds; leave the window open."))
}

// Callback ids of modals. Others rely on them. The block ids of their inputs
// are the same as the action ids, see the Field… constants of the domain.
const (
	formOpen    = "lease.open"
	formConfirm = "lease.confirm"
	formDeny    = "lease.deny"
	formFrom    = "lease.from"
	formSource  = "source.save"
	formNote    = "note" // has nothing to submit
)

const (
	maxTitle   = 24 // of a modal, its submit and its close button
	maxInitial = 3000
)
