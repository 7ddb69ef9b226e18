package provisioner

import (
	"time"

	"github.com/sshforward/sshforward"
)

const (
	// visibilityDelay is how long something that was just made may be invisible to
	// the calls that use it, and to IAM: EC2 and ELB are eventually consistent. From
	// the start of closing "not found" may mean "not visible yet" for as long: a
	// process that died in the middle of a create left a call under way.
	visibilityDelay = time.Minute
	// slowPollAfter is when a wait has become long enough to ask less often.
	slowPollAfter = 30 * time.Second
	// seenSoon is how long something that was just made is looked for more often than
	// once a second: most of it is there by then.
	seenSoon, seenSoonEvery = 2 * time.Second, 200 * time.Millisecond

	minCloseWait = 2 * time.Second
	maxCloseWait = 15 * time.Second
)

// sinceStage is how long the stage has been tried.
func (r *run) sinceStage() time.Duration { return r.now.Sub(r.l.StageSince) }

// patience is how long to wait before asking again.
func (r *run) patience() time.Duration {
	switch since := r.sinceStage(); {
	case since < slowPollAfter:
		return time.Second
	case since < 4*slowPollAfter:
		return 3 * time.Second
	}
	return 5 * time.Second
}

// untilSeen is how long to wait for what was just made.
func (r *run) untilSeen() time.Duration {
	if r.sinceStage() < seenSoon {
		return seenSoonEvery
	}
	return r.patience()
}

// tolerate makes a wait of an error that may only mean that what was just made
// cannot be seen yet; after a minute it is an error.
func (r *run) tolerate(err error, doing string, codes ...string) error {
	switch {
	case !hasCode(err, codes...) || r.sinceStage() >= visibilityDelay:
	case hasCode(err, denied...):
		r.later(r.untilSeen(), "AWS does not see yet what was just created, or my role lacks a permission.")
		return nil
	default:
		r.later(r.untilSeen(), "AWS does not see yet what was just created.")
		return nil
	}
	return r.failed(err, doing)
}

func (r *run) sinceClosing() time.Duration {
	if r.l.ClosingAt.IsZero() {
		return visibilityDelay
	}
	return r.now.Sub(r.l.ClosingAt)
}

// closeWait grows with the time that closing has taken.
func (r *run) closeWait() time.Duration {
	return min(max(r.sinceClosing()/10, minCloseWait), maxCloseWait)
}

// believeGone records that something is gone which AWS did not find, unless it
// is too early to believe that: what was made a moment ago may be invisible for
// a while, so in the first minute of closing a lease that never opened it asks for
// more looks instead. How far the opening had come does not matter: what was made
// last may not be written down. But where no stage has begun, nothing was made, and
// neither was what AWS has refused.
func (r *run) believeGone(fact func(*sshforward.Resources), refused bool) {
	if r.tooSoon() && !refused && !r.l.Resources.GroupRefused {
		r.lookAgain()
		return
	}
	r.learn(fact)
}

// tooSoon reports whether what AWS does not find, or denies, may have been made a
// moment ago.
func (r *run) tooSoon() bool {
	return r.l.OpenedAt.IsZero() && !r.l.StageSince.IsZero() && r.sinceClosing() < visibilityDelay
}

func (r *run) lookAgain() {
	since := r.sinceClosing()
	r.later(min(max(since/2, minCloseWait), visibilityDelay-since), "I look once more for what may have been created a moment ago.")
}

func markBalancerGone(res *sshforward.Resources) { res.BalancerGone = true }
func markRuleGone(res *sshforward.Resources)     { res.RuleGone = true }
func markGroupGone(res *sshforward.Resources)    { res.GroupGone = true }
