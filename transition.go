package sshforward

import "time"

// stateConflict says what state the lease is in, for someone who came too late.
func (l *Lease) stateConflict() error {
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

// prepare begins to build the lease while a yes is missing.
func (l *Lease) prepare(now time.Time, t Timing) {
	latest := l.ApproveBy
	if l.State == Requested {
		latest = l.ConfirmBy
		if l.needsApproval() {
			latest = latest.Add(t.Approval)
		}
	}
	l.Prepared = Preparation{Since: now, By: now.Add(t.Opening), Until: latest.Add(t.Opening + l.Duration)}
	l.enter(StageCheck, now)
}

// beginOpening follows the last yes.
func (l *Lease) beginOpening(now time.Time, t Timing) {
	if l.Prepared.Begun() {
		l.Prepared.Resume = l.resumeAt()
	}
	l.State, l.OpenBy = Opening, now.Add(t.Opening)
	l.enter(StageCheck, now)
}

// enter begins a stage of opening.
func (l *Lease) enter(s Stage, now time.Time) {
	l.Stage, l.StageSince = s, now
	if s == StageBalancer && l.Waiting() && l.Prepared.BilledAt.IsZero() {
		l.Prepared.BilledAt = now
	}
	l.restart(now)
}

// advance records that the current stage is complete.
func (l *Lease) advance(now time.Time) {
	for i, s := range Stages {
		if s != l.Stage {
			continue
		}
		if i == len(Stages)-1 {
			l.State, l.Stage = Open, ""
			l.ReadyIn = now.Sub(l.lastYes())
			l.restart(now)
			l.owe(NoticeReady, now)
			l.owe(NoticeCommand, now)
			return
		}
		next := Stages[i+1]
		if resume := l.Prepared.Resume; s == StageCheck && resume != "" {
			next, l.Prepared.Resume = resume, ""
		}
		switch {
		case next != StageClock:
		case l.State != Opening: // a yes is missing
			l.prepared(now)
			return
		default:
			// The clock starts now, and not at the click: people are
			// promised time with a forward that works.
			l.OpenedAt, l.ExpiresAt = now, now.Add(l.Duration)
		}
		l.enter(next, now)
		return
	}
}

// admitted is what the first stage found: the instance as it is, the rule that lets
// the lease in, and where its load balancer goes or stands.
type admitted struct {
	instance  Instance
	rule      *Rule
	placement Placement
	warning   Text // of what nobody was warned of before
}

// stageDone records what came of the current stage: done, not there yet, to be
// tried again, or hopeless.
func (l *Lease) stageDone(now time.Time, checked admitted, r StepResult, err error, t Timing) error {
	switch {
	case err != nil && (Final(err) || ErrorCode(err) == ECONFLICT):
		return l.end(now, Failed, "", ErrorMessage(err), t)
	case err != nil:
		l.retry(now, err)
	case r.Wait > 0:
		l.wait(now, r)
	default:
		if l.Stage == StageCheck && l.State == Opening {
			l.Instance, l.Placement = checked.instance, checked.placement
			l.applyRule(checked.rule)
		}
		l.hint(r.Detail)
		l.advance(now)
	}
	return nil
}

// endMoved records whether the end that stands in AWS is the given one now.
func (l *Lease) endMoved(now, end time.Time, r StepResult, err error) {
	l.Resources.Until, l.Resources.BalancerTagsFull = r.Resources.Until, r.Resources.BalancerTagsFull
	switch {
	case err != nil:
		l.retry(now, err)
		return
	case r.InLine:
		l.wait(now, r)
		return
	case r.Wait == 0:
		// Done is done, also where what stands there is rounded: comparing
		// that with ExpiresAt would move it for ever.
		l.Resources.Until = end
	}
	l.restart(now.Add(r.Wait))
	if l.Drift == (Drift{}) && !l.Moving() {
		l.clearAlarm(now) // else the alarm may be about those
	}
}

// retry records a failure of the current work and when to do it again.
func (l *Lease) retry(now time.Time, err error) {
	l.LastError = ErrorMessage(err)
	l.Retry.failed(now, Backoff(l.Attempts+1, retryAfter(err)))
	if l.InLine {
		l.Detail, l.InLine = Text{}, false // it had its turn
	}
	if l.Attempts >= StuckAfter {
		l.alarm(now)
	}
}

// alarm tells the operators once that a lease is stuck. An opening is not: it
// is rolled back when its time is over. Nor is what is built ahead, unless somebody
// else lets people in and that cannot be undone.
func (l *Lease) alarm(now time.Time) {
	ajar := l.Waiting() && l.Drift.Widened
	if !l.Alarmed && (l.State == Open || l.State == Closing || ajar) {
		l.Alarmed = true
		l.owe(NoticeStuck, now)
	}
}

// clearAlarm takes back an alarm that was not sent yet, and owes the all-clear
// for one that was.
func (l *Lease) clearAlarm(now time.Time) {
	if !l.Alarmed {
		return
	}
	l.Alarmed = false
	owed := len(l.Owed)
	l.withdraw(NoticeStuck)
	if len(l.Owed) == owed {
		l.owe(NoticeFreed, now)
	}
}

// wait records that the current work is not there yet, which is no failure; and
// if it did not get as far as to ask, nothing that happened before is over.
func (l *Lease) wait(now time.Time, r StepResult) {
	if r.InLine {
		l.NextTryAt = now.Add(r.Wait)
	} else {
		l.restart(now.Add(r.Wait))
	}
	l.Detail, l.InLine = r.Detail, r.InLine
	if l.State == Closing && now.Sub(l.ClosingAt) > stuckClosing {
		if l.LastError.IsZero() {
			l.LastError = r.Detail
		}
		l.alarm(now)
	}
}

// end decides the end of the lease. What was not begun to be built has nothing in
// AWS and is closed at once; the rest goes through closing, the one way down.
func (l *Lease) end(now time.Time, reason Reason, by string, why Text, t Timing) error {
	switch l.State {
	case Closing, Closed:
		return l.stateConflict()
	case Requested, Pending:
		switch {
		case reason == Failed: // told at once, before anybody says yes for nothing
			l.owe(NoticeFailed, now)
		case l.State == Pending:
			l.owe(NoticeEnded, now)
		}
		if l.mayHaveSomething() {
			l.beginClosing(now)
			break
		}
		l.State, l.ClosedAt, l.KeepUntil = Closed, now, now.Add(t.Keep)
	case Opening, Open:
		if reason == Failed {
			l.owe(NoticeFailed, now)
		}
		l.beginClosing(now)
	}
	l.Reason, l.ClosingAt, l.ClosedBy, l.Why = reason, now, by, why
	return nil
}

func (l *Lease) beginClosing(now time.Time) {
	if l.Stage == StageCheck && l.Prepared.Resume == "" {
		l.StageSince = time.Time{} // nothing was made, and nothing is on its way
	}
	l.State, l.Stage = Closing, ""
	l.restart(now)
}

// tooSlow says why an opening was given up.
func (l *Lease) tooSlow(t Timing) Text {
	why := Textf("It was not ready within %s.", t.Opening)
	switch {
	case l.InLine:
		return why.And(l.LastError).And(l.Detail)
	case !l.LastError.IsZero():
		return why.And(l.LastError)
	case !l.Detail.IsZero():
		return why.And(l.Detail)
	}
	return why
}

// lineUp records that the work waits for its turn, which is no failure and keeps
// the last one that was. errMoved if that is known.
func (l *Lease) lineUp(others int) error {
	if l.InLine {
		return errMoved
	}
	l.InLine = true
	l.Detail = Textf("It waits for its turn: %d others are at work in account %s.", others, l.Instance.Account)
	return nil
}

// tornDown records what a round of closing has seen gone.
func (l *Lease) tornDown(now time.Time, r StepResult, err error, t Timing) {
	l.Resources = r.Resources
	if l.Prepared.Begun() && l.Resources.BalancerGone && l.Prepared.GoneAt.IsZero() {
		l.Prepared.GoneAt = now
	}
	if ended := l.Resources.ended(now); !ended.IsZero() && l.AccessEndedAt.IsZero() && !l.neverOpened() {
		l.AccessEndedAt = ended
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
	case r.Wait > 0:
		l.wait(now, r)
	case len(l.Stragglers) > 0:
		l.wait(now, StepResult{Wait: lookEvery, Detail: Textf("All is gone. A replica that was at work on it did not say that it has stopped, " +
			"so I look again until it cannot make anything of it any more.")})
	default:
		l.State, l.ClosedAt, l.KeepUntil = Closed, now, now.Add(t.Keep)
		l.restart(time.Time{})
		l.clearAlarm(now)
	}
}

// ended is when access has ended, as well as it is known by now; zero if it has
// not.
func (r *Resources) ended(now time.Time) time.Time {
	switch {
	case !r.EndSeenAt.IsZero():
		return r.EndSeenAt
	case !r.BalancerGone:
		return time.Time{}
	case !r.EndAcceptedAt.IsZero():
		return r.EndAcceptedAt
	}
	return now
}

// remind decides a reminder. Earlier ones that were missed are not made up for.
func (l *Lease) remind(now time.Time) {
	l.RemindedAt = now
	l.owe(NoticeReminder, now)
}

// stuckClosing is how long a closing may wait for AWS before an operator should
// look. The interfaces of a load balancer linger for 15 minutes at worst.
const stuckClosing = 30 * time.Minute
