package bot

import (
	"net/netip"

	"github.com/slack-go/slack"
	"github.com/sshforward/sshforward"
)

// replySource answers who saved an address, or had it forgotten.
func (v render) replySource(c sshforward.SetSource, r sshforward.Reply) message {
	saved := escape(sshforward.FormatSources(r.Sources))
	switch {
	case c.Clear:
		return paragraph(v.say("Your source address is forgotten. Give it with each command: %s.",
			"`"+Slash+" open i-0123456789abcdef0 1h from "+v.exampleSources()+"`"))
	}
	return paragraph(v.say("Saved. Your leases are for %s unless you say otherwise with %s.", saved, "`from`"))
}

// savedSource says which address is saved.
func (v render) savedSource(sources []netip.Prefix) message {
	if saved := escape(sshforward.FormatSources(sources)); saved != "" {
		return paragraph(v.say("Your saved source address is %s. %s forgets it.", saved, "`"+Slash+" ip clear`"))
	}
	return paragraph(v.say("You have saved no source address. Save the public one you connect from: %s.",
		"`"+Slash+" ip "+v.exampleSources()+"`"))
}

// sourceForm asks for the address to save.
func (v render) sourceForm(typed, problem string) slack.ModalViewRequest {
	source := textInput(sshforward.FieldSource, typed)
	source.Placeholder = plain(v.exampleSources(), 150)
	view := modal(formSource, v.say("Your source address"), meta{}, withoutNil(
		problemOf(problem),
		slack.NewInputBlock(sshforward.FieldSource, plain(v.say("From which address do you connect?"), maxField),
			plain(v.say("The public one, as others see it. Left empty, the saved one is forgotten."), maxField), source).WithOptional(true),
	)...)
	view.Submit, view.Close = plain(v.label("Save"), maxTitle), plain(v.label("Cancel"), maxTitle)
	return view
}

// homeSource is what Home says of it.
func (v render) homeSource(sources []netip.Prefix) slack.Block {
	saved := sshforward.FormatSources(sources)
	says := v.say("You have saved none. Say where you connect from, and you need not type it each time.")
	if saved != "" {
		says = v.say("Your leases are for %s unless you say otherwise.", code(saved, 500))
	}
	b := slack.NewSectionBlock(mrkdwn(says, maxSection), nil,
		slack.NewAccessory(button(actionSource, saved, v.label("Change"), v.say("Your source address"))))
	b.BlockID = "home.source"
	return b
}
