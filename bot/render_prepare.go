package bot

import (
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// preparedWord is how far a lease is built ahead, in two or three words after its
// state; empty if it is not, or if every yes is there.
func (v render) preparedWord(l *sshforward.Lease) string {
	switch {
	case !l.Waiting() || !l.Prepared.Begun():
		return ""
	case !l.Prepared.Ready():
		return v.say("being prepared")
	case l.State == sshforward.Requested:
		return v.say("prepared")
	}
	return v.say("prepared, waits for approval")
}

// inBrackets puts what there is after a sentence that has no full stop.
func (v render) inBrackets(more string) string {
	if more == "" {
		return ""
	}
	return " (" + more + ")"
}

// preparedLine is the same as a line of the card.
func (v render) preparedLine(l *sshforward.Lease) string {
	switch {
	case !l.Waiting():
		return ""
	case l.Prepared.Ready() && l.State == sshforward.Requested:
		return "\n:lock: " + v.say("Prepared: nobody is let in, and the confirmation opens it within seconds.")
	case l.Prepared.Ready():
		return "\n:lock: " + v.say("Prepared, waits for approval: nobody is let in, and the last yes opens it within seconds.")
	case l.Prepared.Begun():
		return "\n:hammer_and_wrench: " + v.say("Being prepared, with the door locked.")
	case !l.Prepared.Cold.IsZero():
		return "\n:snowflake: " + v.line(l.Prepared.Cold, 500)
	}
	return ""
}

// willPrepare is what the prompt says about building ahead, and what it costs if
// nothing comes of it; nil if nothing is.
func (v render) willPrepare(l *sshforward.Lease) slack.Block {
	hour := v.dollars(v.prices.Cost(l.Instance.Region, time.Hour))
	switch {
	case l.Prepared.Begun():
		return small(v.say("It is being prepared while you read this, with the door locked. Cancelled, it costs %s for each started hour.", hour))
	case !l.Prepared.Cold.IsZero():
		return small(v.line(l.Prepared.Cold, 500))
	case l.Prepare == sshforward.PrepareApproval:
		return small(v.say("It is prepared while approval is waited for, with the door locked. Denied, it costs %s for each started hour.", hour))
	}
	return nil
}

// neverOpened reports whether the lease was built ahead and no yes opened it.
func neverOpened(l *sshforward.Lease) bool { return l.Prepared.Begun() && l.OpenedAt.IsZero() }
