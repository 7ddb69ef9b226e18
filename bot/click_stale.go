package bot

import (
	"strings"

	"github.com/sshforward/sshforward"
)

// stale follows a click that came too late: the message it was in shows what is
// so instead, if it is one that nobody else changes and the lease does not take
// its buttons any more. That happens to what was posted before a restart, and
// to ephemeral messages, which only a click can change.
func (d *dispatcher) stale(to recipient, p clickPayload, a action, cmd sshforward.Command, err error) {
	if sshforward.ErrorCode(err) != sshforward.ECONFLICT || p.home() {
		return
	}
	from, own := p.source(a)
	if !own {
		return
	}
	show := d.b.in(d.ctx, to.caller.User)
	switch from {
	case fromMine, fromAll:
		d.listAgain(to, from, show)
	case fromPrompt, fromShow, fromReminder:
		id, _, _ := strings.Cut(a.Value, " ") // it was read before
		o := <-d.start(to.caller, sshforward.ShowLease{ID: id})
		if l := o.reply.Lease; o.err == nil && l != nil {
			if from == fromReminder {
				show = d.b.publicly(to.caller, show)
			}
			d.b.answer(to, show.instead(from, to.caller, cmd, l), true)
		}
	}
}

// listAgain brings the list up to date that a button was in.
func (d *dispatcher) listAgain(to recipient, from origin, show render) bool {
	list := sshforward.ListLeases{All: from == fromAll}
	o := <-d.start(to.caller, list)
	if o.err == nil {
		d.b.answer(to, show.reply(to.caller, list, o.reply), true)
	}
	return o.err == nil
}

// instead takes the place of a message whose button came too late; empty if
// its buttons still work.
func (v render) instead(from origin, c sshforward.Caller, cmd sshforward.Command, l *sshforward.Lease) message {
	switch {
	case from == fromShow:
		return v.lease(c, l)
	case from == fromPrompt && l.State != sshforward.Requested:
		return v.confirmed(l)
	case from != fromReminder:
		return message{}
	}
	switch cmd := cmd.(type) {
	case sshforward.ApproveLease:
		return v.insteadOfAsking(l, cmd.Extend > 0)
	case sshforward.DenyLease:
		return v.insteadOfAsking(l, cmd.Extend > 0)
	case sshforward.ExtendLease, sshforward.CloseLease:
		if l.State == sshforward.Closing || l.State == sshforward.Closed {
			return v.overtaken(l)
		}
	}
	return message{}
}

func (v render) insteadOfAsking(l *sshforward.Lease, extension bool) message {
	if waits := l.State == sshforward.Pending; !extension && waits || extension && l.State == sshforward.Open && l.Asked.Pending() {
		return message{}
	}
	return v.decided(l, extension)
}
