package sshforward

import (
	"cmp"
	"strings"
	"time"
)

// Waiting reports whether a yes is missing.
func (l *Lease) Waiting() bool { return l.State == Requested || l.State == Pending }

// Locked reports whether nobody may be let in by the lease: a yes is missing, the
// clock does not run yet, or its end was decided. Whoever lets people in asks this
// first.
func (l *Lease) Locked() bool {
	switch l.State {
	case Opening:
		return l.OpenedAt.IsZero() || l.needsApproval() && !enough(l.Approved, l.Approvals, l.Needs)
	case Open:
		return false // how many approvals the rule wants by now is for policy to judge
	}
	return true
}

// mayHaveSomething reports whether a lease of which a yes is missing may have
// something in AWS.
func (l *Lease) mayHaveSomething() bool {
	return l.Prepared.Begun() || l.Drift != (Drift{}) || l.Alarmed
}

// neverOpened reports whether the lease was built ahead and no yes opened it, so
// that there is no access that could end.
func (l *Lease) neverOpened() bool { return l.Prepared.Begun() && l.OpenedAt.IsZero() }

// building reports whether the lease is being built ahead.
func (l *Lease) building() bool { return l.Waiting() && l.Prepared.Begun() && !l.Prepared.Ready() }

// needsApproval reports whether somebody else has to say yes before it opens.
func (l *Lease) needsApproval() bool { return l.Approvals > 0 && !l.Urgent }

// heldAhead reports whether the lease has a load balancer, or soon will, though a
// yes is missing or will never come.
func (l *Lease) heldAhead() bool {
	return l.Prepared.Begun() && (l.Waiting() || l.State == Closing && l.OpenedAt.IsZero() && !l.Resources.BalancerGone)
}

// prepared records that only the rules that let people in are missing.
func (l *Lease) prepared(now time.Time) {
	l.Prepared.ReadyAt, l.Stage = now, ""
	l.restart(now)
}

// resumeAt is where an opening goes on of which something was built ahead. What
// was ready may have been so for hours, so its health and its address are looked
// at again.
func (l *Lease) resumeAt() Stage {
	switch {
	case l.Prepared.Ready():
		return StageService
	case l.Stage != StageCheck:
		return l.Stage
	}
	return ""
}

// builtMeanwhile notes what was done of a lease while its last yes was given, so
// that it is not done again after the check.
func (l *Lease) builtMeanwhile(s Stage, r StepResult, err error) {
	if l.State != Opening || l.Stage != StageCheck || l.Prepared.Resume != s || err != nil || r.Wait > 0 {
		return
	}
	l.Prepared.Resume = s.next()
	l.hint(r.Detail)
}

// hint adds what is to be known about the open forward, once.
func (l *Lease) hint(t Text) {
	if !strings.Contains(l.Hint.String(), t.String()) {
		l.Hint = l.Hint.And(t)
	}
}

// lastYes is when the last person whose yes was needed gave it.
func (l *Lease) lastYes() time.Time {
	if n := len(l.Approved); n > 0 {
		return l.Approved[n-1].At
	}
	return l.ConfirmedAt
}

// workBy is when the work on a lease has to be done: its end, or what ends it
// before it has opened. Zero for what is never over, as closing.
func (l *Lease) workBy() time.Time {
	var by time.Time
	for _, at := range l.ends() {
		if !at.IsZero() && (by.IsZero() || at.Before(by)) {
			by = at
		}
	}
	return by
}

func (l *Lease) ends() []time.Time {
	switch l.State {
	case Requested, Pending:
		out := []time.Time{l.ApproveBy}
		if l.State == Requested {
			out = []time.Time{l.ConfirmBy}
		}
		if l.building() {
			out = append(out, l.Prepared.By)
		}
		return out
	case Opening:
		return []time.Time{l.OpenBy, l.ExpiresAt}
	case Open:
		return []time.Time{l.ExpiresAt}
	}
	return nil
}

// Billed is for how long AWS charges for the load balancer, as far as that is
// known: until it was gone, and from when it was asked for, if that was before the
// last yes. Zero if it is not gone, or there was none.
func (l *Lease) Billed() time.Duration {
	from, to := l.OpenedAt, l.AccessEndedAt
	if p := l.Prepared; !p.BilledAt.IsZero() && !l.Resources.BalancerRefused {
		from = p.BilledAt
		if !p.GoneAt.IsZero() {
			to = p.GoneAt
		}
	}
	if from.IsZero() || to.IsZero() {
		return 0
	}
	return max(0, to.Sub(from))
}

// prepares is when policy has a lease of the rule built ahead.
func (p *Policy) prepares(r *Rule) Prepare { return cmp.Or(r.Prepare, p.Prepare, PrepareNever) }

// ajar records that a group lets somebody in though a yes is missing. errMoved if
// that is known, or not so any more.
func (l *Lease) ajar(now time.Time) error {
	if !l.Waiting() || l.Drift.Widened {
		return errMoved
	}
	l.Drift.Widened, l.NextTryAt = true, now
	return nil
}
