package bot

import (
	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// outage says on an open lease's card that its instance cannot be reached; nil
// if it can.
func (v render) outage(l *sshforward.Lease) slack.Block {
	o := l.Outage
	switch {
	case l.State != sshforward.Open || o.Since.IsZero():
		return nil
	case o.State != "":
		return section(v.say(":warning: *The instance is %s* since about %s. "+
			"The clock runs on; if the instance does not run by %s, I close this access.",
			line(o.State, 40), date(o.Since), date(o.CloseAt)))
	}
	return section(v.sentences(v.say(":warning: *Out of service* since about %s: nobody gets through to the instance.", date(o.Since)),
		v.line(o.Why, 600)))
}

// outageNotice tells the requester of it.
func (v render) outageNotice(l *sshforward.Lease) message {
	o, what, owner := l.Outage, instance(l.Instance), mention(l.Owner)
	switch {
	case l.State != sshforward.Open || o.Since.IsZero():
		return message{}
	case o.State != "":
		return v.leaseMessage(l, v.say(":warning: %s: %s is %s since about %s. "+
			"The clock of your access runs on; if the instance does not run by %s, I close it.",
			owner, what, line(o.State, 40), date(o.Since), date(o.CloseAt)))
	}
	return v.leaseMessage(l, v.sentences(v.say(":warning: %s: nobody gets through to %s since about %s.", owner, what, date(o.Since)),
		v.line(o.Why, 600), v.say("Access stays open; I say when it is back.")))
}
