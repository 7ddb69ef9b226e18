package bot

import (
	"github.com/slack-go/slack"
	"github.com/sshforward/sshforward"
)

// render makes messages. Its methods are pure; everything people read is in
// the render_*.go files and nowhere else, which is where another language
// goes.
type render struct {
	*language
	prices  sshforward.Prices
	channel string // where cards go that cannot go where they were asked for
	reader  string // the one person who sees it; empty: a channel does
}

func (v render) restarting() message {
	return just(v.say("I am restarting. Try again in a few seconds."))
}

func (v render) otherTeam() message {
	return just(v.say("I only take commands from people of the workspace I am installed in."))
}

// failure is an error as its cause is told to people: the sentence alone.
func (v render) failure(err error) message {
	return just(trim(escape(v.text(sshforward.ErrorMessage(err))), 2900))
}

// tooLong is the error for a command that was given up.
func (render) tooLong(cause error) error {
	return &sshforward.Error{Code: sshforward.EUNAVAILABLE, Err: cause,
		Message: sshforward.Textf("That took too long, and I do not know whether it was done. Look with `/sshforward list`.")}
}

// sentences joins those that are there, which is the same as [sshforward.Text.And].
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

// line is line for what the domain says.
func (v render) line(t sshforward.Text, n int) string { return line(v.text(t), n) }

// leaseID is the small print that every message about a lease ends with.
func (v render) leaseID(l *sshforward.Lease) slack.Block {
	return small(v.say("Lease %s", code(l.ID, 20)))
}

// told is a notice that begins with what it says in its text too.
func (v render) told(l *sshforward.Lease, says string, more ...slack.Block) message {
	blocks := append([]slack.Block{section(says)}, more...)
	return message{Text: v.sentences(says, v.say("Lease %s", escape(l.ID))), Blocks: fill(append(blocks, v.leaseID(l))...)}
}
