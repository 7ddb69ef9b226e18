package bot

import "github.com/sshforward/sshforward"

// reminderOver takes the place of a reminder that is no longer true of the lease
// and whose buttons were not pressed.
func (v render) reminderOver(l *sshforward.Lease) message {
	what := instance(l.Instance)
	var says string
	switch {
	case l.State == sshforward.Open && l.Extended.User != "":
		says = v.sentences(v.say("%s extended access to %s.", mention(l.Extended.User), what), v.ends(l))
	case l.State == sshforward.Open:
		says = v.sentences(v.say("The end of access to %s has moved.", what), v.ends(l))
	case l.State == sshforward.Closing && l.AccessEndedAt.IsZero():
		says = v.sentences(v.say("Ending access to %s.", what), v.endReason(l))
	default:
		says = v.sentences(v.say("Over: access to %s has ended.", what), v.endReason(l))
	}
	return v.leaseMessage(l, says)
}

// reminderPressed takes the reminder's place once a button in it was pressed.
func (v render) reminderPressed(c sshforward.Caller, cmd sshforward.Command, l *sshforward.Lease) message {
	who, what := mention(c.User), instance(l.Instance)
	switch cmd := cmd.(type) {
	case sshforward.ExtendLease:
		switch {
		case l.State != sshforward.Open:
		case l.Asked.Pending():
			says := v.say("%s asks for %s more access to %s. It waits for approval.", who, v.span(l.Asked.By), what)
			return v.leaseMessage(l, v.sentences(says, v.ends(l)))
		default:
			return v.leaseMessage(l, v.sentences(v.say("%s extended access to %s.", who, what), v.ends(l)))
		}
	case sshforward.ApproveLease:
		if cmd.Extend > 0 {
			return v.leaseMessage(l, v.say("%s approved %s more access to %s for %s.", who, v.span(cmd.Extend), what, mention(l.Owner)))
		}
		return v.leaseMessage(l, v.say("%s approved access to %s for %s.", who, what, mention(l.Owner)))
	case sshforward.DenyLease:
		if cmd.Extend > 0 {
			return v.leaseMessage(l, v.say("%s denied %s more access to %s for %s.", who, v.span(cmd.Extend), what, mention(l.Owner)))
		}
		return v.leaseMessage(l, v.say("%s denied access to %s for %s.", who, what, mention(l.Owner)))
	}
	return v.leaseMessage(l, v.say("%s ends access to %s.", who, what))
}
