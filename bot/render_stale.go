package bot

import (
	"github.com/sshforward/sshforward"
)

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
