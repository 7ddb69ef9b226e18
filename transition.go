package sshforward

import (
	"cmp"
	"time"
)

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

// admitted is what the first stage found: the instance as it is, and the rule
// that lets the lease in.
type admitted struct {
	instance Instance
	rule     *Rule
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
			l.Instance = checked.instance
			l.applyRule(checked.rule)
		}
		if !r.Detail.IsZero() {
			l.Hint = r.Detail
		}
		l.advance(now)
	}
	return nil
}

// endMoved records whether the end that stands in AWS is the given one now.
func (l *Lease) endMoved(now, end time.Time, r StepResult, err error) {
	l.Resources.Until = r.Resources.Until
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

// reopen closes a closed lease once more, of which something was found. errMoved
// if it is not closed any more.
func (l *Lease) reopen(now time.Time, f *Found) error {
	if l.State != Closed {
		return errMoved
	}
	l.State, l.Resources = Closing, f.Lease.Resources
	// Its account may have another name by now, and only there can it be closed.
	l.Instance.Account, l.Instance.Region = f.Lease.Instance.Account, f.Lease.Instance.Region
	l.ClosingAt, l.NextTryAt, l.KeepUntil, l.ClosedAt = now, now, time.Time{}, time.Time{}
	if f.Balancer {
		l.AccessEndedAt, l.Prepared.GoneAt = time.Time{}, time.Time{} // it has not ended after all
	}
	if l.Abandoned.Standing() {
		l.Abandoned.FoundAt = now
		l.owe(NoticeFound, now)
	}
	return nil
}

// drifted records what somebody else changed on an open lease.
func (l *Lease) drifted(now time.Time, d Drift) {
	l.Drift, l.NextTryAt = d, now
}

// fares records what was seen of the health of an open lease: since is when
// every look began to find the instance out of service, zero if this one did
// not. errMoved if that is no news.
func (l *Lease) fares(now, since time.Time, h Health) error {
	switch {
	case l.State != Open, l.Outage.State != "":
		return errMoved // a stopped instance is out of service for as long as it is
	case h.InService && !l.Outage.Since.IsZero():
		l.back(now)
	case h.InService || h.State != "" && h.State != "running":
		return errMoved // and it is a survey that says what the instance is
	case !l.Outage.Since.IsZero() && l.Outage.Why.String() != h.Why.String():
		l.Outage.Why = h.Why
	case l.Outage.Since.IsZero() && !since.IsZero() && due(since.Add(outAfter), now):
		l.Outage = Outage{Since: since, Why: h.Why}
		l.owe(NoticeOutage, now)
	default:
		return errMoved
	}
	return nil
}

// back records that the instance can be reached again. It is said only if it
// was said that it could not.
func (l *Lease) back(now time.Time) {
	l.Outage = Outage{}
	owed := len(l.Owed)
	l.withdraw(NoticeOutage)
	if len(l.Owed) == owed {
		l.owe(NoticeBack, now)
	}
}

// stopped records that the instance of an open lease does not run, and until
// when it may come back; errMoved if that is no news.
func (l *Lease) stopped(now time.Time, state string, t Timing) error {
	switch o := l.Outage; {
	case o.State == state:
		return errMoved
	case o.State != "":
		l.Outage.State = state // stopping, stopped, pending
		return nil
	}
	l.Outage = Outage{Since: now, State: state, CloseAt: now.Add(t.Stopped)}
	l.owe(NoticeOutage, now)
	return nil
}

// runs records that the instance runs again. It is back when it is in service.
func (l *Lease) runs(now time.Time) error {
	if l.State != Open || l.Outage.State == "" {
		return errMoved
	}
	l.Outage = Outage{Since: l.Outage.Since, Why: Textf("The instance runs again, and the health check has not passed yet.")}
	return nil
}

// identify fills in what a rebuilt lease could not be told of its instance; errMoved
// if it knows that. rule decides about the instance, nil if none does.
func (l *Lease) identify(in Instance, rule *Rule, alias string) error {
	if l.State != Open || l.Instance.Zone != "" || l.Instance.ID != in.ID {
		return errMoved
	}
	l.Instance, l.HostKeyAlias = in, alias
	if rule != nil {
		l.rebuiltUnder(rule)
	}
	return nil
}

// rebuiltUnder applies the rule that decides today to a lease that was rebuilt. It
// keeps the name of another one that is signed, under which its approvers were asked.
func (l *Lease) rebuiltUnder(r *Rule) {
	signed := l.Rule
	if l.applyRule(r); signed != TagValue(r.Name) {
		l.Rule = signed
	}
}

// unsure reports whether what was not read could say more of a lease that the store
// does not know: that it is signed, that its clock has started, or a later end.
func (f *Found) unsure(s *Survey) bool {
	switch proven := f.Proof == ProofValid || f.Proof == ProofElsewhere; {
	case s.Hides(PartGroups) && !f.Group:
		return true
	case s.Hides(PartBalancers):
		return !proven || f.Lease.State != Open || due(f.Lease.ExpiresAt, s.At)
	}
	return false
}

// endsLater reports whether the tags of an open lease prove an end that this
// record does not know of. An end that is being moved earlier still stands there,
// so what the record says has to have been written.
func (l *Lease) endsLater(f *Found) bool {
	return l.State == Open && f.Proof == ProofValid && f.Lease.State == Open &&
		f.Lease.ExpiresAt.Sub(l.Resources.Until) >= time.Second && f.Lease.ExpiresAt.Sub(l.ExpiresAt) >= time.Second
}

// opensLater reports whether the tags of a lease that has all its yeses and is opening
// by this record prove that it is open.
func (l *Lease) opensLater(f *Found, now time.Time) bool {
	whole := f.Balancer && f.Registered && f.Group && !f.Reshaped
	return l.State == Opening && whole && f.Proof == ProofValid && f.Lease.State == Open && !due(f.Lease.ExpiresAt, now)
}

// restoreOpening takes over what the tags prove of a lease that was opened.
func (l *Lease) restoreOpening(now time.Time, f *Found) {
	l.State, l.Stage, l.Resources, l.Prepared.Resume = Open, "", f.Lease.Resources, ""
	l.OpenedAt, l.ExpiresAt = f.Lease.OpenedAt, f.Lease.ExpiresAt
	l.Sources, l.Approved, l.Urgent = f.Lease.Sources, f.Lease.Approved, f.Lease.Urgent
	l.Rule = cmp.Or(f.Lease.Rule, l.Rule)
	l.Max = max(l.Max, l.ExpiresAt.Sub(l.OpenedAt))
	l.restart(now)
	l.owe(NoticeRebuilt, now)
}

// restoreEnd takes over the end that the tags prove.
func (l *Lease) restoreEnd(now, end time.Time) {
	l.ExpiresAt, l.Resources.Until = end, end
	l.Max = max(l.Max, end.Sub(l.OpenedAt))
	l.RemindedAt = now
	l.withdraw(NoticeReminder)
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
	if l.Drift.Retagged {
		l.owe(NoticeRetagged, now)
	}
	l.Drift = Drift{}
	l.restart(now)
	l.clearAlarm(now)
}

// listedBy reports whether a survey that began then can tell anything about the
// lease: it is open, or built ahead, and AWS lists by then what was last done to
// it. Work that fails does not count, or a lease whose repair fails would never be
// looked at.
func (l *Lease) listedBy(at time.Time) bool {
	whole := l.State == Open || l.Waiting() && l.Prepared.Ready()
	return whole && (l.Attempts > 0 || due(l.NextTryAt.Add(listDelay), at))
}

// remind decides a reminder. Earlier ones that were missed are not made up for.
func (l *Lease) remind(now time.Time) {
	l.RemindedAt = now
	l.owe(NoticeReminder, now)
}

// stuckClosing is how long a closing may wait for AWS before an operator should
// look. The interfaces of a load balancer linger for 15 minutes at worst.
const stuckClosing = 30 * time.Minute

// reject ends what policy, judged anew, would not let in any more. Whoever is on
// call hears of it too, since tags, groups or the configuration may not be as
// they should be.
func (l *Lease) reject(now time.Time, why Text, t Timing) error {
	begun := l.State == Opening || l.State == Open
	if err := l.end(now, NotAdmitted, "", why, t); err != nil {
		return err
	}
	if begun {
		l.owe(NoticeRejected, now)
	}
	return nil
}

// shorten moves the end to what policy allows now.
func (l *Lease) shorten(now time.Time, r *Rule) {
	l.ExpiresAt = r.latest(l, now)
	l.Max = l.ExpiresAt.Sub(l.OpenedAt)
	l.NextTryAt = now
	l.owe(NoticeShortened, now)
}

// judged records whether it can be told if policy would still let the lease in.
func (l *Lease) judged(now time.Time, known bool) {
	l.Unjudged = !known
	l.withdraw(NoticeUnjudged)
	if !known {
		l.owe(NoticeUnjudged, now)
	}
}
