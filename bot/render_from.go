package bot

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

func (v render) fromButton(l *sshforward.Lease) *slack.ButtonBlockElement {
	return button(actionFrom, l.ID, v.label("Change address"), v.about(l))
}

// fromForm asks for the address that a lease is to let in.
func (v render) fromForm(l *sshforward.Lease, m meta, typed, problem string) slack.ModalViewRequest {
	source := textInput(sshforward.FieldSource, typed)
	source.Placeholder = plain(exampleSource, 150)
	m.Lease = l.ID
	view := modal(formFrom, v.say("Another address"), m, withoutNil(
		problemOf(problem),
		section(v.say("Access to %s is for %s. Sessions that are open go on.", instance(l.Instance), sources(l))),
		slack.NewInputBlock(sshforward.FieldSource, plain(v.say("From which address do you connect now?"), maxField),
			plain(v.say("The public one, as others see it. It takes the place of what is let in by now."), maxField), source),
		v.leaseID(l),
	)...)
	view.Submit, view.Close = plain(v.label("Change"), maxTitle), plain(v.label("Cancel"), maxTitle)
	return view
}

// replyFrom answers who comes from another address now.
func (v render) replyFrom(l *sshforward.Lease) message {
	return paragraph(v.say("I let in %s instead of %s for %s, lease %s. The thread says when that is done.",
		sources(l), former(l), instance(l.Instance), code(l.ID, 20)))
}

func former(l *sshforward.Lease) string {
	return line(sshforward.FormatSources(l.Moved.From), 500)
}

// moving is nil unless the address is being changed.
func (v render) moving(l *sshforward.Lease) slack.Block {
	if !l.Moving() || l.State != sshforward.Open {
		return nil
	}
	return small(v.say(":hourglass_flowing_sand: The address is being changed to %s.", sources(l)))
}

// moved says in the thread that another address is let in now, or that AWS did not
// take it. Those who have said yes to the former one read it too.
func (v render) moved(l *sshforward.Lease) message {
	m, what := l.Moved, instance(l.Instance)
	if !m.Refused.IsZero() {
		says := v.say(":warning: %s: %s cannot be let in for %s.", mention(m.User), m.To.Addr(), what)
		return v.leaseMessage(l, v.sentences(says, v.line(m.Refused, 1000), v.say("It is for %s as before.", sources(l))))
	}
	says := v.say("%s comes from %s now. Access to %s is not for %s any more; sessions that are open go on.",
		mention(m.User), m.To.Addr(), what, former(l))
	if len(l.Approved) > 0 {
		var who []string
		for _, a := range l.Approved[:min(len(l.Approved), maxNamed)] {
			who = append(who, mention(a.User))
		}
		says = v.sentences(says, v.say("For those who approved it: %s.", strings.Join(who, " ")))
	}
	return v.leaseMessage(l, says)
}

// fromInstead takes the place of the form for another address where that cannot
// be shown.
func (v render) fromInstead(lease string) message {
	if v.threaded {
		return paragraph(v.say("I could not show you the form. Press the button again."))
	}
	instead := Slash + " from " + lease + " " + addressIn(v.exampleSources()).Addr().String()
	return paragraph(v.say("The form did not open. Type it instead: %s.", inCode(instead)))
}
