package bot

import "github.com/sshforward/sshforward"

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
