package bot

import (
	"fmt"

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
	more := "Asked for " + date(l.RequestedAt) + " for " + sshforward.FormatDuration(l.Duration)
	if l.Max > 0 {
		more += ", at most " + sshforward.FormatDuration(l.Max)
	}
	if l.Resources.DNSName != "" {
		more += " · " + line(l.Resources.DNSName, 300)
	}
	if len(l.Approved) > 0 {
		more += " · approved by " + who(approvers(l), 10, "and")
	}
	m.Blocks = append(m.Blocks, fill(small(more), notes(l))...)
	if l.Card.Channel != "" && l.Card.Channel != c.Channel {
		m.Blocks = append(m.Blocks, small(v.cardIs(l)))
	}
	return m
}

// list answers the list command, the caller's leases with buttons.
func (v render) list(c sshforward.Caller, all bool, leases []*sshforward.Lease) message {
	title, from := "Your leases", fromMine
	if all {
		title, from = "All leases", fromAll
	}
	if len(leases) == 0 {
		if all {
			return just("Nobody has a lease. Ask for one: `" + Slash + " open i-0123456789abcdef0 1h`.")
		}
		return just("You have no lease. Ask for one: `" + Slash + " open i-0123456789abcdef0 1h`.")
	}
	return rows(fmt.Sprintf("%s: %d", title, len(leases)), leases, func(l *sshforward.Lease) slack.Block {
		if l.Owner != c.User {
			return nil
		}
		return rowOf(from, l)
	}, all)
}

// chooseLease answers a close or extend that could mean several.
func (v render) chooseLease(cmd sshforward.Command, leases []*sshforward.Lease) message {
	if len(leases) == 0 {
		return just("You have no lease that this could mean.")
	}
	title := "Which one shall I close?"
	extend, isExtend := cmd.(sshforward.ExtendLease)
	if isExtend {
		title = "Which one shall I extend?"
	}
	return rows(title, leases, func(l *sshforward.Lease) slack.Block {
		if isExtend {
			return buttons(fromChoice.blockID(l.ID), extendButton(l, extend.Duration))
		}
		return buttons(fromChoice.blockID(l.ID), closeButton(l))
	}, true)
}

// rows is a list of leases, as many as fit into one message.
func rows(title string, leases []*sshforward.Lease, row func(*sshforward.Lease) slack.Block, owners bool) message {
	blocks := []slack.Block{section("*" + title + "*")}
	for i, l := range leases {
		next := fill(section(summary(l, owners)), row(l))
		if len(blocks)+len(next) > maxBlocks-1 { // the last one is for the count
			blocks = append(blocks, small(fmt.Sprintf("and %d more; `%s show k7m2q3x` shows one of them.", len(leases)-i, Slash)))
			break
		}
		blocks = append(blocks, next...)
	}
	return message{Text: title, Blocks: blocks}
}

// summary is one lease in one or two lines.
func summary(l *sshforward.Lease, owner bool) string {
	s := instance(l.Instance) + " " + stateWords(l)
	if l.Stuck() && l.State != sshforward.Closed {
		s += " :warning: stuck"
	}
	s += "\nLease " + code(l.ID, 20) + " · from " + sources(l)
	if owner {
		s += " · " + user(l.Owner)
	}
	return s
}

// stateWords goes on after the name of an instance.
func stateWords(l *sshforward.Lease) string {
	switch l.State {
	case sshforward.Requested:
		return "waits to be confirmed" + until(l.ConfirmBy)
	case sshforward.Pending:
		return fmt.Sprintf("waits for approval (%d of %d)", len(l.Approved), l.Approvals) + until(l.ApproveBy)
	case sshforward.Opening:
		return "is being opened, " + progress(l)
	case sshforward.Open:
		return "is *open* until " + date(l.ExpiresAt)
	case sshforward.Closing:
		if l.AccessEndedAt.IsZero() {
			return "is being closed"
		}
		return "is being cleaned up; access has ended"
	}
	return "is closed"
}

// closing answers a close.
func (v render) closing(l *sshforward.Lease) message {
	verb := "Closing "
	switch {
	case l.State == sshforward.Closed:
		verb = "Closed: "
	case !l.AccessEndedAt.IsZero():
		verb = "Cleaning up "
	}
	says := verb + instance(l.Instance) + ", lease " + code(l.ID, 20) + "."
	if l.Card.Channel != "" {
		says += " " + v.cardIs(l)
	}
	return just(says)
}

// closedAll answers a close of all.
func (v render) closedAll(leases []*sshforward.Lease) message {
	if len(leases) == 0 {
		return just("You have no lease to close.")
	}
	return rows(fmt.Sprintf("Closing %d", len(leases)), leases, func(*sshforward.Lease) slack.Block { return nil }, false)
}

// extended answers an extend.
func (v render) extended(l *sshforward.Lease) message {
	return just("Extended: " + instance(l.Instance) + ", lease " + code(l.ID, 20) + ". " + ends(l))
}

// chooseInstance answers an open whose Name tag is on several, with the exact
// command for each.
func (v render) chooseInstance(cmd sshforward.OpenLease, instances []sshforward.Instance) message {
	title := fmt.Sprintf("%s could be any of %d instances. Use an id:", code(cmd.Instance, 80), len(instances))
	blocks := []slack.Block{section(title)}
	for i, in := range instances {
		if i == maxBlocks-2 {
			blocks = append(blocks, small(fmt.Sprintf("and %d more.", len(instances)-i)))
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
