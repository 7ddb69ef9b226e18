package bot

import (
	"github.com/sshforward/sshforward"
)

// replaceStale takes the place of a message whose button came too late; empty if
// its buttons still work.
func (v render) replaceStale(from origin, c sshforward.Caller, cmd sshforward.Command, l *sshforward.Lease) message {
	switch {
	case from == fromShow:
		return v.lease(c, l)
	case from == fromPrompt && l.State != sshforward.Requested:
		return v.replyConfirm(l)
	case from != fromReminder:
		return message{}
	}
	switch cmd := cmd.(type) {
	case sshforward.ApproveLease:
		return v.replaceDecision(l, cmd.Extend > 0)
	case sshforward.DenyLease:
		return v.replaceDecision(l, cmd.Extend > 0)
	case sshforward.ClaimLease:
		return v.replaceDecision(l, cmd.Extend > 0)
	case sshforward.ExtendLease, sshforward.CloseLease:
		if l.State == sshforward.Closing || l.State == sshforward.Closed {
			return v.reminderOver(l)
		}
	}
	return message{}
}

func (v render) replaceDecision(l *sshforward.Lease, extension bool) message {
	if waits := l.State == sshforward.Pending; !extension && waits || extension && l.State == sshforward.Open && l.Asked.Pending() {
		return message{}
	}
	return v.decided(l, extension)
}

// copyOf takes the place of a card that stands beside the lease's card.
func (v render) copyOf(l *sshforward.Lease) message {
	return v.leaseMessage(l, v.say("This was a copy of the card of access to %s. The card itself shows how it stands.", instance(l.Instance)))
}
