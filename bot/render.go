package bot

import (
	"github.com/slack-go/slack"
	"github.com/sshforward/sshforward"
)

// render makes messages and views, in the language and for the reader that it is
// made for. Its methods are pure, and use nothing of what talks to Slack.
type render struct {
	*language
	prices  sshforward.Prices
	channel string // where cards go that cannot go where they were asked for
	reader  string // the one person who sees it; empty: a channel does
	// threaded: it stands in a thread, where nobody can type a command.
	threaded bool
	// correct brings what is suggested within policy; nil: it stays as it is.
	correct func(sshforward.OpenLease) sshforward.OpenLease
}

func (v render) restarting() message {
	return paragraph(v.say("I am restarting. Try again in a few seconds."))
}

func (v render) otherTeam() message {
	return paragraph(v.say("I only take commands from people of the workspace I am installed in."))
}

// sentences joins those that are not empty, which is the same as [sshforward.Text.And].
func (v render) sentences(all ...string) string {
	out := ""
	for _, s := range all {
		switch {
		case s == "":
		case out == "":
			out = s
		default:
			out = v.say("%s %s", out, s)
		}
	}
	return out
}

// line is one line of a text of the domain, escaped and n runes long at most.
func (v render) line(t sshforward.Text, n int) string { return line(v.text(t), n) }

// leaseID is the small print that every message about a lease ends with.
func (v render) leaseID(l *sshforward.Lease) slack.Block {
	return small(v.say("Lease %s", code(l.ID, 20)))
}

// ofLease is a text for notifications and screen readers, with the lease that it
// is about.
func (v render) ofLease(says string, l *sshforward.Lease) string {
	return v.say("%s (lease %s)", says, escape(l.ID))
}

// leaseMessage says something about a lease, followed by more blocks.
func (v render) leaseMessage(l *sshforward.Lease, says string, more ...slack.Block) message {
	blocks := append([]slack.Block{section(says)}, more...)
	return message{Text: v.ofLease(says, l), Blocks: withoutNil(append(blocks, v.leaseID(l))...)}
}
