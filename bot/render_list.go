package bot

import (
	"strings"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// askFor says how to ask for a lease, where there is none to show.
func (v render) askFor() string {
	return v.say("Ask for one: %s.", "`"+Slash+" open`")
}

// list answers the list command, the caller's leases with buttons.
func (v render) list(c sshforward.Caller, all bool, leases []*sshforward.Lease) message {
	title, none, from := v.say("Your leases: %d", len(leases)), v.say("You have no lease."), fromMine
	if all {
		title, none, from = v.say("All leases: %d", len(leases)), v.say("Nobody has a lease."), fromAll
	}
	if len(leases) == 0 {
		return paragraph(v.sentences(none, v.askFor()))
	}
	return v.rows(title, leases, func(l *sshforward.Lease) slack.Block {
		if l.Owner != c.User {
			return nil
		}
		return v.rowOf(from, l)
	}, all)
}

// chooseLease answers a close or extend that could mean several.
func (v render) chooseLease(cmd operation, leases []*sshforward.Lease) message {
	if len(leases) == 0 {
		return paragraph(v.say("You have no lease that this could mean."))
	}
	title, choice := v.say("Which one shall I close?"), v.closeButton
	switch cmd := cmd.(type) {
	case sshforward.ExtendLease:
		title = v.say("Which one shall I extend?")
		choice = func(l *sshforward.Lease) *slack.ButtonBlockElement { return v.extendButton(l, cmd.Duration) }
	case sshforward.ChangeSource:
		title, choice = v.say("Which one do you use from %s?", cmd.To.Addr()), v.fromButton
	}
	return v.rows(title, leases, func(l *sshforward.Lease) slack.Block { return buttons(fromChoice.blockID(l.ID), choice(l)) }, true)
}

// rows is a list of leases, as many as fit into one message.
func (v render) rows(title string, leases []*sshforward.Lease, row func(*sshforward.Lease) slack.Block, owners bool) message {
	blocks := []slack.Block{section("*" + title + "*")}
	room := maxBlockText
	for i, l := range leases {
		next := withoutNil(section(v.summary(l, owners)), row(l))
		room -= textIn(next...)
		if len(blocks)+len(next) > maxBlocks-1 || room < 0 { // the last one is for the count
			blocks = append(blocks, small(v.say("and %d more; %s shows one of them.", len(leases)-i, "`"+Slash+" show k7m2q3x`")))
			break
		}
		blocks = append(blocks, next...)
	}
	return message{Text: title, Blocks: blocks}
}

// summary is one lease in one or two lines.
func (v render) summary(l *sshforward.Lease, owner bool) string {
	s := v.stateSentence(l)
	if l.Urgent {
		s += " " + v.say(":rotating_light: urgent")
	}
	if l.Stuck() && l.State != sshforward.Closed {
		s += " " + v.say(":warning: stuck")
	}
	facts := []string{v.say("Lease %s", code(l.ID, 20)), v.say("from %s", sources(l))}
	if undecided(l) {
		facts = append(facts, v.span(l.Duration), v.estimate(l))
	}
	if owner {
		facts = append(facts, mention(l.Owner))
	}
	return s + "\n" + strings.Join(facts, " · ")
}

// replyCloseAll answers a close of all.
func (v render) replyCloseAll(leases []*sshforward.Lease) message {
	if len(leases) == 0 {
		return paragraph(v.say("You have no lease to close."))
	}
	return v.rows(v.say("Closing %d", len(leases)), leases, func(*sshforward.Lease) slack.Block { return nil }, false)
}
