package bot

import (
	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// lease answers the show command: with the prompt if the lease waits for the
// caller's own confirmation, else with all that the card shows and more.
func (v render) lease(c sshforward.Caller, l *sshforward.Lease) message {
	if l.State == sshforward.Requested && l.Owner == c.User {
		return v.prompt(l)
	}
	m := v.cardFrom(fromShow, l)
	more := v.say("Asked for %s for %s", date(l.RequestedAt), v.span(l.Duration))
	if l.Max > 0 {
		more = v.say("Asked for %s for %s, at most %s", date(l.RequestedAt), v.span(l.Duration), v.span(l.Max))
	}
	if l.Resources.DNSName != "" {
		more += " · " + line(l.Resources.DNSName, 300)
	}
	m.Blocks = append(m.Blocks, withoutNil(small(more), v.warnings(l), v.notes(l))...)
	if l.Card.Channel != "" && l.Card.Channel != c.Channel {
		m.Blocks = append(m.Blocks, small(v.cardPlace(l)))
	}
	return m
}

// openAlready answers who asks for what they have: with what there is, its
// command and the buttons to go on with it.
func (v render) openAlready(c sshforward.Caller, l *sshforward.Lease) message {
	says := v.say("You have this already. Another address or another port makes a second one.")
	m := v.lease(c, l)
	return message{Text: v.sentences(says, m.Text), Blocks: append([]slack.Block{section(says)}, m.Blocks...)}
}
