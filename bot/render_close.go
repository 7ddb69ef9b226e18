package bot

import (
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// endReason says why a lease ended.
func (v render) endReason(l *sshforward.Lease) string {
	by := l.ClosedBy
	switch l.Reason {
	case sshforward.Cancelled:
		if by != "" && by != l.Owner {
			return v.say("%s cancelled it as an admin.", mention(by))
		}
		return v.say("%s cancelled it.", mention(l.Owner))
	case sshforward.Denied:
		switch {
		case by == "":
			return v.sentences(v.say("It was denied."), v.denierReason(l.DeniedFor))
		case l.ClosingAt.IsZero():
			return v.sentences(v.say("%s denied it.", mention(by)), v.denierReason(l.DeniedFor))
		}
		return v.sentences(v.say("%s denied it, %s.", mention(by), date(l.ClosingAt)), v.denierReason(l.DeniedFor))
	case sshforward.Lapsed:
		if l.ConfirmedAt.IsZero() {
			return v.say("%s did not confirm in time.", mention(l.Owner))
		}
		return v.say("Nobody approved it in time.")
	case sshforward.Failed:
		return v.sentences(v.say("It could not be opened."), v.line(l.Why, 1000))
	case sshforward.Expired:
		return v.sentences(v.say("The time was up."), v.line(l.Why, 1000))
	case sshforward.ClosedByUser:
		return v.say("%s closed it.", mention(l.Owner))
	case sshforward.ClosedByAdmin:
		if by == "" {
			return v.say("An admin closed it.")
		}
		return v.say("%s closed it as an admin.", mention(by))
	case sshforward.InstanceGone:
		return v.sentences(v.say("The instance or its load balancer went away."), v.line(l.Why, 1000))
	case sshforward.NotAdmitted:
		return v.sentences(v.say("Policy does not let it in any more."), v.line(l.Why, 1000))
	case sshforward.Lost:
		if !l.Abandoned.At.IsZero() {
			return v.abandonedBy(l)
		}
		return v.sentences(v.say("I had no record of it, so I removed what was left of it."), v.line(l.Why, 1000), v.tagsSay(l))
	}
	return ""
}

// tagsSay passes on what the tags of something say that nothing proves: in quotes,
// without mentioning anybody.
func (v render) tagsSay(l *sshforward.Lease) string {
	var said, refused []string
	for _, w := range l.Alleged {
		if w.Value == "" {
			refused = append(refused, code(w.Key, 60))
			continue
		}
		said = append(said, code(w.Key, 60)+" "+code(w.Value, 100))
	}
	var out []string
	if len(said) > 0 {
		out = append(out, v.say("Unproven, the tags say: %s.", strings.Join(said, ", ")))
	}
	if len(refused) > 0 {
		out = append(out, v.say("These are not as I write them, and I do not repeat them: %s.", strings.Join(refused, ", ")))
	}
	return v.sentences(out...)
}

// receipt is the proof that it is over; empty if nothing was ever made. Of what
// was given up it says that there is none.
func (v render) receipt(l *sshforward.Lease) string {
	if l.Abandoned.Standing() {
		return v.unproved(l)
	}
	var out []string
	if !l.OpenedAt.IsZero() {
		out = append(out, v.say("Opened %s", date(l.OpenedAt)))
		switch {
		case l.AccessEndedAt.IsZero():
		case l.EndOnlyAccepted():
			out = append(out, v.say("AWS accepted the end %s", date(l.AccessEndedAt)))
		default:
			out = append(out, v.say("Access ended %s", date(l.AccessEndedAt)))
		}
	}
	if neverOpened(l) && !l.ClosedAt.IsZero() {
		out = append(out, v.say("I let nobody in"))
	}
	switch {
	case l.ClosedAt.IsZero() || l.OpenedAt.IsZero() && l.AccessEndedAt.IsZero() && !neverOpened(l):
	case l.EndOnlyAccepted():
		out = append(out, v.say("Last resource gone %s, which proves that access had ended", date(l.ClosedAt)))
	default:
		out = append(out, v.say("Last resource gone %s", date(l.ClosedAt)))
	}
	if o := l.Overstay(); o >= time.Second {
		out = append(out, v.say("Overstay %s", v.approx(o)))
	}
	if d := l.Billed(); d > 0 {
		out = append(out, v.say("Cost %s", v.dollars(v.prices.Cost(l.Instance.Region, d))))
	}
	if len(out) == 0 {
		return ""
	}
	return "\n• " + strings.Join(out, "\n• ")
}

// replyClose answers a close.
func (v render) replyClose(l *sshforward.Lease) message {
	what, id, where := instance(l.Instance), code(l.ID, 20), ""
	if l.Card.Channel != "" {
		where = v.cardPlace(l)
	}
	switch {
	case l.State == sshforward.Closed:
		return paragraph(v.sentences(v.say("Closed: %s, lease %s.", what, id), where))
	case !l.AccessEndedAt.IsZero():
		return paragraph(v.sentences(v.say("Cleaning up %s, lease %s.", what, id), where))
	}
	return paragraph(v.sentences(v.say("Closing %s, lease %s.", what, id), where))
}
