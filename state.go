package sshforward

import (
	"math/rand/v2"
	"time"
)

// Timing is how long things may take.
type Timing struct {
	Default   time.Duration   // of a lease, when the command gives none
	Min       time.Duration   // shortest lease
	Confirm   time.Duration   // for the requester to press Open
	Approval  time.Duration   // for approvers
	Opening   time.Duration   // from the last yes to ready; then it is rolled back
	Stopped   time.Duration   // for an instance that was stopped while open to come back
	Reminders []time.Duration // before the end
	Sweep     time.Duration   // between two looks for what should not be there
	Keep      time.Duration   // closed leases
}

// DefaultTiming is what the configuration starts from.
func DefaultTiming() Timing {
	return Timing{
		Default: time.Hour, Min: 5 * time.Minute,
		Confirm: 10 * time.Minute, Approval: 8 * time.Hour, Opening: 10 * time.Minute, Stopped: 30 * time.Minute,
		Reminders: []time.Duration{15 * time.Minute, 5 * time.Minute},
		Sweep:     5 * time.Minute, Keep: 90 * 24 * time.Hour,
	}
}

// owe adds a notice; a newer one of the same kind replaces an older one, so
// that a long silence of Slack's is not followed by a storm.
func (l *Lease) owe(kind NoticeKind, now time.Time) {
	l.settle(kind)
	l.Owed = append(l.Owed, Notice{Kind: kind, At: now})
}

// settle removes a notice that was sent or is not true any more.
func (l *Lease) settle(kind NoticeKind) {
	kept := l.Owed[:0]
	for _, n := range l.Owed {
		if n.Kind != kind {
			kept = append(kept, n)
		}
	}
	l.Owed = kept
}

// stale reports whether a notice that is still owed is not true any more.
func (l *Lease) stale(kind NoticeKind) bool {
	switch kind {
	case NoticeApproval, NoticeNudge:
		return l.State != Pending
	case NoticeAsked:
		return l.State != Open || !l.Asked.Pending()
	case NoticeReady, NoticeReminder, NoticeRebuilt, NoticeMended:
		return l.State != Open
	case NoticeStuck:
		return !l.Alarmed
	}
	return false
}

// so says what state the lease is in, for someone who came too late.
func (l *Lease) so() error {
	switch l.State {
	case Requested:
		return Errorf(ECONFLICT, "Lease %s still waits for its requester to confirm it.", l.ID)
	case Pending:
		return Errorf(ECONFLICT, "Lease %s waits for approval.", l.ID)
	case Opening:
		return Errorf(ECONFLICT, "Lease %s is opening already.", l.ID)
	case Open:
		return Errorf(ECONFLICT, "Lease %s is open already.", l.ID)
	case Closing:
		return Errorf(ECONFLICT, "Lease %s is closing already.", l.ID)
	}
	return Errorf(ECONFLICT, "Lease %s is closed already.", l.ID)
}

// confirm is the requester's yes.
func (l *Lease) confirm(now time.Time, t Timing) error {
	if l.State != Requested {
		return l.so()
	}
	if due(l.ConfirmBy, now) {
		return Errorf(ECONFLICT, "That prompt has lapsed. Type the command again.")
	}
	l.ConfirmedAt = now
	if l.Urgent {
		l.owe(NoticeUrgent, now)
	} else if l.Approvals > 0 {
		l.State, l.ApproveBy = Pending, now.Add(t.Approval)
		l.owe(NoticeApproval, now)
		return nil
	}
	l.beginOpening(now, t)
	return nil
}

func (l *Lease) beginOpening(now time.Time, t Timing) {
	l.State, l.OpenBy = Opening, now.Add(t.Opening)
	l.enter(StageCheck, now)
}

func (l *Lease) enter(s Stage, now time.Time) {
	l.Stage, l.StageSince, l.NextTryAt = s, now, now
	l.Attempts, l.LastError, l.Detail = 0, Text{}, Text{}
}

// advance records that the current stage is complete.
func (l *Lease) advance(now time.Time) {
	for i, s := range Stages {
		if s != l.Stage {
			continue
		}
		if i == len(Stages)-1 {
			l.State, l.Stage = Open, ""
			l.Attempts, l.LastError, l.Detail, l.NextTryAt = 0, Text{}, Text{}, now
			l.owe(NoticeReady, now)
			return
		}
		next := Stages[i+1]
		if next == StageClock {
			// The clock starts now, and not at the click: people are
			// promised time with a forward that works.
			l.OpenedAt, l.ExpiresAt = now, now.Add(l.Duration)
		}
		l.enter(next, now)
		return
	}
}

// retry records a failure of the current work and when to do it again.
func (l *Lease) retry(now time.Time, err error) {
	l.Attempts++
	l.LastError = ErrorMessage(err)
	l.NextTryAt = now.Add(Backoff(l.Attempts, retryAfter(err)))
	if l.Attempts >= StuckAfter {
		l.alarm(now)
	}
}

// alarm tells the operators once that a lease is stuck. An opening is not: it
// is rolled back when its time is over.
func (l *Lease) alarm(now time.Time) {
	if !l.Alarmed && (l.State == Open || l.State == Closing) {
		l.Alarmed = true
		l.owe(NoticeStuck, now)
	}
}

// calm takes the alarm back, or says so if it was heard already.
func (l *Lease) calm(now time.Time) {
	if !l.Alarmed {
		return
	}
	l.Alarmed = false
	unheard := len(l.Owed)
	l.settle(NoticeStuck)
	if len(l.Owed) == unheard {
		l.owe(NoticeFreed, now)
	}
}

// wait records that the current work is not there yet, which is no failure.
func (l *Lease) wait(now time.Time, s StepResult) {
	l.Attempts, l.LastError = 0, Text{}
	l.Detail, l.NextTryAt = s.Detail, now.Add(s.Wait)
	if l.State == Closing && now.Sub(l.ClosingAt) > stuckClosing {
		l.LastError = s.Detail
		l.alarm(now)
	}
}

// end decides the end of the lease. What never reached opening has nothing in
// AWS and is closed at once; the rest goes through closing, the one way down.
func (l *Lease) end(now time.Time, reason Reason, by string, why Text, t Timing) error {
	switch l.State {
	case Closing, Closed:
		return l.so()
	case Requested, Pending:
		if l.State == Pending {
			l.owe(NoticeEnded, now)
		}
		l.State, l.ClosedAt, l.KeepUntil = Closed, now, now.Add(t.Keep)
	case Opening, Open:
		if reason == Failed {
			l.owe(NoticeFailed, now)
		}
		l.State, l.Stage = Closing, ""
		l.Attempts, l.LastError, l.Detail, l.NextTryAt = 0, Text{}, Text{}, now
	}
	l.Reason, l.ClosingAt, l.ClosedBy, l.Why = reason, now, by, why
	return nil
}

// tornDown records what a teardown pass has seen gone.
func (l *Lease) tornDown(now time.Time, s StepResult, err error, t Timing) {
	l.Resources = s.Resources
	if l.Resources.BalancerGone && l.AccessEndedAt.IsZero() {
		l.AccessEndedAt = now
		if !l.OpenedAt.IsZero() && l.Reason != Failed {
			l.owe(NoticeEnded, now)
		}
		if !l.OpenedAt.IsZero() && l.Urgent {
			l.owe(NoticeReview, now)
		}
	}
	switch {
	case err != nil:
		l.retry(now, err)
	case s.Wait > 0:
		l.wait(now, s)
	default:
		l.State, l.ClosedAt, l.KeepUntil = Closed, now, now.Add(t.Keep)
		l.Attempts, l.LastError, l.Detail, l.NextTryAt = 0, Text{}, Text{}, time.Time{}
		l.calm(now)
	}
}

// drifted records what somebody else changed on an open lease.
func (l *Lease) drifted(now time.Time, d Drift) {
	l.Drift, l.NextTryAt = d, now
}

// mended records that it is as it should be again, and says so.
func (l *Lease) mended(now time.Time) {
	if l.Drift.Missing {
		l.Mended = true
		l.owe(NoticeMended, now)
	}
	if l.Drift.Widened {
		l.owe(NoticeNarrowed, now)
	}
	l.Drift = Drift{}
	l.Attempts, l.LastError, l.NextTryAt = 0, Text{}, now
	l.calm(now)
}

// remind decides a reminder. Earlier ones that were missed are not made up for.
func (l *Lease) remind(now time.Time) {
	l.RemindedAt = now
	l.owe(NoticeReminder, now)
}

// stuckClosing is how long AWS may keep us waiting for the end of a closing
// before an operator should look: its interfaces linger 15 minutes at worst.
const stuckClosing = 30 * time.Minute

// Backoff is the pause after so many failures in a row: 1s, 2s, 4s … 30s, and
// from a minute to two once the lease is stuck, give or take a fifth so that
// leases which failed together do not return together. atLeast is what the
// other side asked for; more than two minutes are not granted, since access
// may have to end meanwhile.
func Backoff(attempts int, atLeast time.Duration) time.Duration {
	pause := 30 * time.Second
	switch {
	case attempts > StuckAfter:
		pause = 2 * time.Minute
	case attempts == StuckAfter:
		pause = time.Minute
	case attempts < StuckAfter:
		pause = time.Second << max(0, attempts-1)
	}
	pause = pause*4/5 + rand.N(pause*2/5)
	return max(pause, min(atLeast, 2*time.Minute))
}
