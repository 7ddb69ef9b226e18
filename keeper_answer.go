package sshforward

import (
	"context"
	"slices"
	"time"
)

const (
	// answersKept is how many envelopes of a person are known to be answered. The
	// replicas that one is delivered to have it within seconds of each other.
	answersKept = 16
	// answerWait is how long an answer waits for who gives it, unless its context ends
	// sooner: an acknowledgement has to be there within 3 s.
	answerWait = 5 * time.Second
)

// Answers reports whether this replica is to answer what came in the caller's
// envelope: of those that Slack delivers it to, the first that asks. It is asked
// after the command was done, so that a replica that dies before it could answer
// leaves that to the next. What cannot be told is answered: better twice than never.
func (k *Keeper) Answers(ctx context.Context, c Caller) bool {
	if k.membership.alone() || c.Envelope == "" || c.User == "" {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, answerWait)
	defer cancel()
	for {
		held, err := k.quotas.Held(ctx, c.User)
		if err != nil {
			return true
		}
		if i := slices.IndexFunc(held.Answered, func(a Answered) bool { return a.Envelope == c.Envelope }); i >= 0 {
			return held.Answered[i].By == k.membership.id
		}
		held.Answered = append(held.Answered, Answered{Envelope: c.Envelope, By: k.membership.id})
		held.Answered = held.Answered[max(0, len(held.Answered)-answersKept):]
		if err := k.quotas.SetHeld(ctx, &held); err == nil || ErrorCode(err) != ECONFLICT {
			return true
		}
	}
}
