package sshforward

import (
	"cmp"
	"time"
)

// Transitions for what the loops find that look at AWS and at policy: drift, outages,
// later ends, what is not admitted any more.

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

// openedSince reports whether the tags of a lease of which a yes is missing by this
// record, an old backup's, prove that it was opened.
func (l *Lease) openedSince(f *Found) bool {
	return l.Waiting() && f.Proof == ProofValid && f.Lease.State == Open
}

// disown ends such a lease. To lock it would leave the sessions that were begun, and
// for as long as the yes is waited for.
func (l *Lease) disown(now time.Time, f *Found, t Timing) error {
	l.restoreOpening(now, f) // so that the receipt says what was
	l.withdraw(NoticeRebuilt)
	return l.end(now, Lost, "", Textf("By its tags it was open, but by my records, which are an older backup's, a yes is missing."), t)
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
	if l.State == Opening { // the last yes came meanwhile; what else there is is put right when it is open
		l.Drift.Widened = false
		l.owe(NoticeNarrowed, now)
		l.restart(now)
		l.clearAlarm(now)
		return
	}
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
