package bot

import (
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// lease is what one person sees of one lease: the prompt if it waits for their
// own yes, else all that the card shows and more.
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
	m.Blocks = append(m.Blocks, fill(small(more), v.notes(l))...)
	if l.Card.Channel != "" && l.Card.Channel != c.Channel {
		m.Blocks = append(m.Blocks, small(v.cardIs(l)))
	}
	return m
}

// askFor ends what says that there is nothing.
func (v render) askFor() string {
	return v.say("Ask for one: %s.", "`"+Slash+" open i-0123456789abcdef0 1h`")
}

// list answers the list command, the caller's leases with buttons.
func (v render) list(c sshforward.Caller, all bool, leases []*sshforward.Lease) message {
	title, none, from := v.say("Your leases: %d", len(leases)), v.say("You have no lease."), fromMine
	if all {
		title, none, from = v.say("All leases: %d", len(leases)), v.say("Nobody has a lease."), fromAll
	}
	if len(leases) == 0 {
		return just(v.sentences(none, v.askFor()))
	}
	return v.rows(title, leases, func(l *sshforward.Lease) slack.Block {
		if l.Owner != c.User {
			return nil
		}
		return v.rowOf(from, l)
	}, all)
}

// chooseLease answers a close or extend that could mean several.
func (v render) chooseLease(cmd sshforward.Command, leases []*sshforward.Lease) message {
	if len(leases) == 0 {
		return just(v.say("You have no lease that this could mean."))
	}
	title := v.say("Which one shall I close?")
	extend, isExtend := cmd.(sshforward.ExtendLease)
	if isExtend {
		title = v.say("Which one shall I extend?")
	}
	return v.rows(title, leases, func(l *sshforward.Lease) slack.Block {
		if isExtend {
			return buttons(fromChoice.blockID(l.ID), v.extendButton(l, extend.Duration))
		}
		return buttons(fromChoice.blockID(l.ID), v.closeButton(l))
	}, true)
}

// rows is a list of leases, as many as fit into one message.
func (v render) rows(title string, leases []*sshforward.Lease, row func(*sshforward.Lease) slack.Block, owners bool) message {
	blocks := []slack.Block{section("*" + title + "*")}
	for i, l := range leases {
		next := fill(section(v.summary(l, owners)), row(l))
		if len(blocks)+len(next) > maxBlocks-1 { // the last one is for the count
			blocks = append(blocks, small(v.say("and %d more; %s shows one of them.", len(leases)-i, "`"+Slash+" show k7m2q3x`")))
			break
		}
		blocks = append(blocks, next...)
	}
	return message{Text: title, Blocks: blocks}
}

// summary is one lease in one or two lines.
func (v render) summary(l *sshforward.Lease, owner bool) string {
	s := v.stands(l)
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
		facts = append(facts, user(l.Owner))
	}
	return s + "\n" + strings.Join(facts, " · ")
}

// stands says in a sentence how a lease stands.
func (v render) stands(l *sshforward.Lease) string {
	what := instance(l.Instance)
	switch l.State {
	case sshforward.Requested:
		return v.say("%s waits to be confirmed until %s", what, date(l.ConfirmBy))
	case sshforward.Pending:
		return v.say("%s waits for approval (%d of %d) until %s", what, len(l.Approved), l.Approvals, date(l.ApproveBy))
	case sshforward.Opening:
		return v.say("%s is being opened, %s", what, v.progress(l))
	case sshforward.Open:
		return v.say("%s is *open* until %s", what, date(l.ExpiresAt))
	case sshforward.Closing:
		if l.AccessEndedAt.IsZero() {
			return v.say("%s is being closed", what)
		}
		return v.say("%s is being cleaned up; access has ended", what)
	}
	return v.say("%s is closed", what)
}

// closing answers a close.
func (v render) closing(l *sshforward.Lease) message {
	what, id, where := instance(l.Instance), code(l.ID, 20), ""
	if l.Card.Channel != "" {
		where = v.cardIs(l)
	}
	switch {
	case l.State == sshforward.Closed:
		return just(v.sentences(v.say("Closed: %s, lease %s.", what, id), where))
	case !l.AccessEndedAt.IsZero():
		return just(v.sentences(v.say("Cleaning up %s, lease %s.", what, id), where))
	}
	return just(v.sentences(v.say("Closing %s, lease %s.", what, id), where))
}

// closedAll answers a close of all.
func (v render) closedAll(leases []*sshforward.Lease) message {
	if len(leases) == 0 {
		return just(v.say("You have no lease to close."))
	}
	return v.rows(v.say("Closing %d", len(leases)), leases, func(*sshforward.Lease) slack.Block { return nil }, false)
}

// extended answers an extend.
func (v render) extended(l *sshforward.Lease) message {
	if a := l.Asked; a.Pending() {
		return just(v.sentences(v.say("Asked for approval: %s more for %s, lease %s.", v.span(a.By), instance(l.Instance), code(l.ID, 20)),
			v.say("May approve: %s.", v.anyOf(l.Approvers)), v.say("Until somebody does, it stays as it is."), v.ends(l)))
	}
	return just(v.sentences(v.say("Extended: %s, lease %s.", instance(l.Instance), code(l.ID, 20)), v.ends(l)))
}

// chooseInstance answers an open whose Name tag is on several, with the exact
// command for each.
func (v render) chooseInstance(cmd sshforward.OpenLease, instances []sshforward.Instance) message {
	title := v.say("%s could be any of %d instances. Use an id:", code(cmd.Instance, 80), len(instances))
	blocks := []slack.Block{section(title)}
	for i, in := range instances {
		if i == maxBlocks-2 {
			blocks = append(blocks, small(v.say("and %d more.", len(instances)-i)))
			break
		}
		cmd.Instance = in.ID
		s := instance(in) + " · " + line(in.Zone, 40) + " · " + account(in)
		if !in.Running && in.State != "" {
			s += " · " + line(in.State, 30)
		}
		blocks = append(blocks, section(s+"\n"+code(Slash+" "+formatCommand(cmd), 2500)))
	}
	return message{Text: title, Blocks: blocks}
}

// history lists what is over, and what the month has cost.
func (v render) history(past []sshforward.Event, month sshforward.Bill) message {
	if len(past) == 0 {
		return just(v.sentences(v.say("You have had no lease yet that is over."), v.askFor()))
	}
	title := v.say("Your past leases, the newest first")
	blocks := []slack.Block{section("*" + title + "*")}
	for i, e := range past {
		if i == maxBlocks-3 { // for the count and the sum
			blocks = append(blocks, small(v.say("and %d more.", len(past)-i)))
			break
		}
		blocks = append(blocks, section(v.pastLease(e)))
	}
	blocks = append(blocks, small(v.month(month)))
	return message{Text: title, Blocks: blocks}
}

// pastLease is one lease that is over, in two lines.
func (v render) pastLease(e sshforward.Event) string {
	s := instance(sshforward.Instance{ID: e.Instance, Name: e.Name}) + " · " + v.say("Lease %s", code(e.Lease, 20))
	if e.Urgent {
		s += " · " + v.say(":rotating_light: urgent")
	}
	var facts []string
	end := endOf(e)
	if e.Opened.IsZero() {
		facts = append(facts, v.say("over %s", date(end)))
	} else {
		facts = append(facts, v.say("from %s to %s", date(e.Opened), date(end)), v.about(end.Sub(e.Opened)))
	}
	if e.Reason != "" {
		facts = append(facts, v.reasonWord(e.Reason))
	}
	if e.Cost > 0 {
		facts = append(facts, v.dollars(e.Cost))
	}
	s += "\n" + strings.Join(facts, " · ")
	if why := line(e.Because, 200); why != "" {
		s += "\n" + v.say("*Reason:* %s", why)
	}
	return s
}

// endOf is when access ended or, if there never was any, the request.
func endOf(e sshforward.Event) time.Time {
	if e.Ended.IsZero() {
		return e.At
	}
	return e.Ended
}

// month sums up a calendar month.
func (v render) month(m sshforward.Bill) string {
	if m.Leases == 0 {
		return v.say("This month (UTC): none.")
	}
	return v.sayN("This month (UTC): %d lease, %s.", "This month (UTC): %d leases, %s.", m.Leases, m.Leases, v.dollars(m.Cost))
}

// fill leaves out what is nil.
func fill(blocks ...slack.Block) []slack.Block {
	out := make([]slack.Block, 0, len(blocks))
	for _, b := range blocks {
		if b != nil {
			out = append(out, b)
		}
	}
	return out
}
