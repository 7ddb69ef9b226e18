package bot

import "github.com/sshforward/sshforward"

// overtaken takes the place of a reminder whose buttons were not pressed, once
// the lease is not any more as it says.
func (v render) overtaken(l *sshforward.Lease) message {
	what := instance(l.Instance)
	var says string
	switch {
	case l.State == sshforward.Open && l.Extended.User != "":
		says = v.sentences(v.say("%s extended access to %s.", user(l.Extended.User), what), v.ends(l))
	case l.State == sshforward.Open:
		says = v.sentences(v.say("The end of access to %s has moved.", what), v.ends(l))
	case l.State == sshforward.Closing && l.AccessEndedAt.IsZero():
		says = v.sentences(v.say("Ending access to %s.", what), v.whyOver(l))
	default:
		says = v.sentences(v.say("Over: access to %s has ended.", what), v.whyOver(l))
	}
	return v.told(l, says)
}

// reminded takes the reminder's place once a button in it was pressed.
func (v render) reminded(c sshforward.Caller, cmd sshforward.Command, l *sshforward.Lease) message {
	who, what := user(c.User), instance(l.Instance)
	switch cmd := cmd.(type) {
	case sshforward.ExtendLease:
		switch {
		case l.State != sshforward.Open:
		case l.Asked.Pending():
			return v.told(l, v.sentences(v.say("%s asks for %s more access to %s. It waits for approval.", who, v.span(l.Asked.By), what), v.ends(l)))
		default:
			return v.told(l, v.sentences(v.say("%s extended access to %s.", who, what), v.ends(l)))
		}
	case sshforward.ApproveLease:
		if cmd.Extend > 0 {
			return v.told(l, v.say("%s approved %s more access to %s for %s.", who, v.span(cmd.Extend), what, user(l.Owner)))
		}
		return v.told(l, v.say("%s approved access to %s for %s.", who, what, user(l.Owner)))
	case sshforward.DenyLease:
		if cmd.Extend > 0 {
			return v.told(l, v.say("%s denied %s more access to %s for %s.", who, v.span(cmd.Extend), what, user(l.Owner)))
		}
		return v.told(l, v.say("%s denied access to %s for %s.", who, what, user(l.Owner)))
	}
	return v.told(l, v.say("%s ends access to %s.", who, what))
}
