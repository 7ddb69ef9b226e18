package bot

import (
	"time"

	"github.com/sshforward/sshforward"
)

// edited is what a message that was posted as a notice says now.
func (v render) edited(l *sshforward.Lease, p sshforward.Posted, now time.Time) message {
	n := sshforward.Notice{Kind: p.Kind, At: p.At, To: p.To}
	over, what := l.Over(p), instance(l.Instance)
	switch p.Kind {
	case sshforward.NoticeApproval, sshforward.NoticeNudge, sshforward.NoticeAsked:
		switch extension := p.Kind == sshforward.NoticeAsked; {
		case over:
			return v.decided(l, extension)
		case p.To == "":
			return v.askApprovers(l, n, now)
		case !extension:
			n.Kind = sshforward.NoticeApproval // with its buttons, whatever it was
		}
		return v.askApprover(l, n, now)
	case sshforward.NoticeReady:
		if !over {
			return v.ready(l)
		}
	case sshforward.NoticeCommand:
		if !over {
			return v.command(l)
		}
		return v.leaseMessage(l, v.say("The ssh command for %s stood here. It leads nowhere any more.", what))
	case sshforward.NoticeRefused:
		if l.Asked.DeniedBy != "" && !l.Asked.DeniedAt.After(p.At) {
			return v.refused(l, !over)
		}
	case sshforward.NoticeOutage:
		if !over {
			return v.outageNotice(l)
		}
		return v.leaseMessage(l, v.say("%s: %s could not be reached from about %s. That is over.", mention(l.Owner), what, date(p.Since)))
	case sshforward.NoticeUnjudged:
		switch {
		case !over:
			return v.alarm(l, n)
		case l.State == sshforward.Open:
			return v.leaseMessage(l, v.say("Whether policy lets in lease %s (%s, %s) could not be told for a while. Now it can.",
				code(l.ID, 20), what, mention(l.Owner)))
		}
	}
	if over && p.Kind != sshforward.NoticeReminder {
		return v.leaseMessage(l, v.sentences(v.say("Access to %s is over.", what), v.endReason(l)))
	}
	return v.reminderOver(l)
}
