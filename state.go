package sshforward

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
)

// Timing is how long things may take. Zero values are replaced by those of
// DefaultTiming where a lease is made.
type Timing struct {
	Default   time.Duration   // of a lease, when the command gives none
	Min       time.Duration   // shortest lease
	Confirm   time.Duration   // for the requester to press Open
	Approval  time.Duration   // for approvers
	Opening   time.Duration   // from the last yes to ready; then it is rolled back
	Reminders []time.Duration // before the end
	Sweep     time.Duration   // between two looks for what should not be there
	Keep      time.Duration   // closed leases
}

// DefaultTiming is what the configuration starts from.
func DefaultTiming() Timing {
	return Timing{
		Default: time.Hour, Min: 5 * time.Minute,
		Confirm: 10 * time.Minute, Approval: 8 * time.Hour, Opening: 10 * time.Minute,
		Reminders: []time.Duration{15 * time.Minute, 5 * time.Minute},
		Sweep:     5 * time.Minute, Keep: 90 * 24 * time.Hour,
	}
}

// Do names what a lease needs.
type Do string

const (
	DoNothing Do = ""         // for ever
	DoLapse   Do = "lapse"    // nobody said yes in time
	DoAdvance Do = "advance"  // do the current stage of opening
	DoGiveUp  Do = "give-up"  // opening took too long
	DoExtend  Do = "extend"   // move the end that stands in AWS
	DoRemind  Do = "remind"   // it ends soon
	DoExpire  Do = "expire"   // the time is up
	DoClose   Do = "teardown" // remove what is in AWS
	DoForget  Do = "forget"   // delete the record
)

// Action is what a lease needs, and when.
type Action struct {
	Do Do
	At time.Time
}

// due is the one predicate for "its time has come", the boundary included.
func due(at, now time.Time) bool { return !now.Before(at) }

// Next says what the lease needs first. It is not to be done before its At.
// A due end comes before any other due work: whatever else is owed to a lease,
// closing it is owed more.
func Next(l *Lease, now time.Time) Action {
	var end, work Action
	switch l.State {
	case Requested:
		end = Action{DoLapse, l.ConfirmBy}
	case Pending:
		end = Action{DoLapse, l.ApproveBy}
	case Opening:
		end = Action{DoGiveUp, l.OpenBy}
		if !l.ExpiresAt.IsZero() {
			end = Action{DoExpire, l.ExpiresAt}
		}
		work = Action{DoAdvance, l.NextTryAt}
	case Open:
		end = Action{DoExpire, l.ExpiresAt}
		if !l.Resources.Until.Equal(l.ExpiresAt) {
			work = Action{DoExtend, l.NextTryAt}
		}
		if at := l.nextReminder(); !at.IsZero() && (work.Do == DoNothing || at.Before(work.At)) {
			work = Action{DoRemind, at}
		}
	case Closing:
		return Action{DoClose, l.NextTryAt}
	case Closed:
		return Action{DoForget, l.KeepUntil}
	}
	if work.Do == DoNothing || due(end.At, now) || end.At.Before(work.At) {
		return end
	}
	return work
}

// nextReminder is the earliest reminder that was not decided yet; zero if
// there is none. Reminders that would have come before the forward was open
// are left out, and extending brings new ones by moving ExpiresAt.
func (l *Lease) nextReminder() time.Time {
	var first time.Time
	for _, before := range l.Reminders {
		at := l.ExpiresAt.Add(-before)
		if at.After(l.OpenedAt) && at.After(l.RemindedAt) && (first.IsZero() || at.Before(first)) {
			first = at
		}
	}
	return first
}

// Talk is what is owed to people: a notice, or the card when Card is set.
type Talk struct {
	Card   bool
	Notice Notice
	At     time.Time // zero: nothing is owed
}

// cardPause keeps the progress of an opening from using up Slack's limit of
// about one message a second in a channel. A change of state does not wait.
const cardPause = time.Second

// NextTalk says what is owed first. The card goes before the notices, which
// stand in its thread.
func NextTalk(l *Lease) Talk {
	if l.Card.Shown != l.Face() {
		at := l.Card.NextTryAt
		if strings.HasPrefix(l.Card.Shown, string(l.State)) && at.Before(l.Card.SentAt.Add(cardPause)) {
			at = l.Card.SentAt.Add(cardPause)
		}
		if at.IsZero() {
			at = l.RequestedAt
		}
		return Talk{Card: true, At: at}
	}
	var first Talk
	for _, n := range l.Owed {
		at := n.NextTryAt
		if at.IsZero() {
			at = n.At
		}
		if first.At.IsZero() || at.Before(first.At) {
			first = Talk{Notice: n, At: at}
		}
	}
	return first
}

// nextDue is the earliest time at which the lease needs anything.
func (l *Lease) nextDue(now time.Time) time.Time {
	at := Next(l, now).At
	if talk := NextTalk(l).At; !talk.IsZero() && (at.IsZero() || talk.Before(at)) {
		at = talk
	}
	return at
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
	return (kind == NoticeReady || kind == NoticeReminder) && l.State != Open
}

// so says what state the lease is in, for someone who came too late.
func (l *Lease) so() error {
	var what string
	switch l.State {
	case Requested:
		what = "still waits for its requester to confirm it"
	case Pending:
		what = "waits for approval"
	case Opening:
		what = "is opening already"
	case Open:
		what = "is open already"
	case Closing:
		what = "is closing already"
	case Closed:
		what = "is closed already"
	}
	return &Error{Code: ECONFLICT, Message: fmt.Sprintf("Lease %s %s.", l.ID, what)}
}

// confirm is the requester's yes.
func (l *Lease) confirm(now time.Time, t Timing) error {
	if l.State != Requested {
		return l.so()
	}
	if due(l.ConfirmBy, now) {
		return &Error{Code: ECONFLICT, Message: "That prompt has lapsed. Type the command again."}
	}
	l.ConfirmedAt = now
	if l.Approvals > 0 {
		l.State, l.ApproveBy = Pending, now.Add(t.Approval)
		return nil
	}
	l.beginOpening(now, t)
	return nil
}

// approve is one approver's yes; the last one needed starts the opening.
func (l *Lease) approve(now time.Time, user string, t Timing) error {
	if l.State != Pending {
		return l.so()
	}
	if due(l.ApproveBy, now) {
		return &Error{Code: ECONFLICT, Message: fmt.Sprintf("The time to approve lease %s is over.", l.ID)}
	}
	for _, a := range l.Approved {
		if a.User == user {
			return &Error{Code: ECONFLICT, Message: "You have approved this already; somebody else has to."}
		}
	}
	l.Approved = append(l.Approved, Approval{User: user, At: now})
	if len(l.Approved) >= l.Approvals {
		l.beginOpening(now, t)
	}
	return nil
}

func (l *Lease) beginOpening(now time.Time, t Timing) {
	l.State, l.OpenBy = Opening, now.Add(t.Opening)
	l.enter(StageCheck, now)
}

func (l *Lease) enter(s Stage, now time.Time) {
	l.Stage, l.StageSince, l.NextTryAt = s, now, now
	l.Attempts, l.LastError, l.Detail = 0, "", ""
}

// advance records that the current stage is complete.
func (l *Lease) advance(now time.Time) {
	for i, s := range Stages {
		if s != l.Stage {
			continue
		}
		if i == len(Stages)-1 {
			l.State, l.Stage = Open, ""
			l.Attempts, l.LastError, l.Detail, l.NextTryAt = 0, "", "", now
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
}

// wait records that the current work is not there yet, which is no failure.
func (l *Lease) wait(now time.Time, s Step) {
	l.Attempts, l.LastError = 0, ""
	l.Detail, l.NextTryAt = s.Detail, now.Add(s.Wait)
}

// end decides the end of the lease. What never reached opening has nothing in
// AWS and is closed at once; the rest goes through closing, the one way down.
func (l *Lease) end(now time.Time, reason Reason, by, why string, t Timing) error {
	switch l.State {
	case Closing, Closed:
		return l.so()
	case Requested, Pending:
		if l.State == Pending {
			l.owe(NoticeEnded, now)
		}
		l.State, l.ClosedAt, l.KeepUntil = Closed, now, now.Add(t.Keep)
	case Opening, Open:
		if l.State == Opening && l.OpenedAt.IsZero() {
			l.owe(NoticeFailed, now)
		}
		l.State, l.Stage = Closing, ""
		l.Attempts, l.LastError, l.Detail, l.NextTryAt = 0, "", "", now
	}
	l.Reason, l.ClosingAt, l.ClosedBy, l.Why = reason, now, by, why
	return nil
}

// tornDown records what a teardown pass has seen gone.
func (l *Lease) tornDown(now time.Time, s Step, err error, t Timing) {
	l.Resources = s.Resources
	if l.Resources.BalancerGone && l.AccessEndedAt.IsZero() {
		l.AccessEndedAt = now
		if !l.OpenedAt.IsZero() {
			l.owe(NoticeEnded, now)
		}
	}
	switch {
	case err != nil:
		l.retry(now, err)
	case s.Wait > 0:
		l.wait(now, s)
	default:
		l.State, l.ClosedAt, l.KeepUntil = Closed, now, now.Add(t.Keep)
		l.Attempts, l.LastError, l.Detail, l.NextTryAt = 0, "", "", time.Time{}
	}
}

// extend moves the end. The session is not touched: only tags change in AWS.
func (l *Lease) extend(now time.Time, d time.Duration) error {
	if l.State != Open {
		return l.so()
	}
	if due(l.ExpiresAt, now) {
		return &Error{Code: ECONFLICT, Message: fmt.Sprintf("The time of lease %s is up. Open a new one.", l.ID)}
	}
	if left := l.OpenedAt.Add(l.Max).Sub(l.ExpiresAt); d > left {
		if left < time.Second {
			return &Error{Code: EFORBIDDEN, Message: fmt.Sprintf("Lease %s has reached the %s in all that policy allows. Open a new one when it has ended.", l.ID, FormatDuration(l.Max))}
		}
		return &Error{Code: EFORBIDDEN, Message: fmt.Sprintf("Policy allows %s in all, so lease %s can be extended by at most %s: /sshforward extend %s %s", FormatDuration(l.Max), l.ID, FormatDuration(left.Truncate(time.Second)), l.ID, FormatDuration(left.Truncate(time.Second)))}
	}
	l.ExpiresAt = l.ExpiresAt.Add(d)
	l.NextTryAt = now
	l.settle(NoticeReminder)
	return nil
}

// remind decides a reminder. Earlier ones that were missed are not made up for.
func (l *Lease) remind(now time.Time) {
	l.RemindedAt = now
	l.owe(NoticeReminder, now)
}

// Backoff is the pause after so many failures in a row: 1s, 2s, 4s … 30s, and
// from a minute to two once the lease is stuck, give or take a fifth so that
// leases which failed together do not return together. atLeast is what the
// other side asked for.
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
	return max(pause, atLeast)
}
