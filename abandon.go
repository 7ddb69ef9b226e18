package sshforward

import "time"

// abandonable refuses to give up what is not closing, or what may still be closed
// in the ordinary way. configured tells whether its account is. ECONFLICT.
func (l *Lease) abandonable(configured bool) error {
	switch {
	case l.State == Closing:
		if configured && !l.Stuck() {
			return Errorf(ECONFLICT, "Lease %s is closing, and the work on it does not keep failing. Wait for it.", l.ID)
		}
		return nil
	case l.Waiting() && !l.mayHaveSomething():
		return Errorf(ECONFLICT, "Lease %s has nothing in AWS yet. Close it instead of giving it up.", l.ID).try("close", l.ID, "")
	case l.Waiting() || l.State == Opening || l.State == Open:
		return Errorf(ECONFLICT, "Lease %s is not closing. Close it first; if that gets nowhere, it can be given up.", l.ID).
			try("close", l.ID, "")
	}
	return l.stateConflict()
}

// abandon gives the lease up: it is over without a proof of that. Whoever is on
// call hears of it, and its owner, if they were not told yet that access ended.
func (l *Lease) abandon(now time.Time, by, because string, unseen Text, t Timing) {
	if l.AccessEndedAt.IsZero() && !l.OpenedAt.IsZero() {
		l.owe(NoticeEnded, now)
	}
	l.Abandoned = Abandonment{By: by, At: now, Because: because, Was: l.Reason, Unseen: unseen}
	l.State, l.Reason, l.ClosedBy = Closed, Lost, by
	l.ClosedAt, l.KeepUntil = now, now.Add(t.Keep)
	l.restart(time.Time{})
	l.Alarmed = false
	l.withdraw(NoticeStuck)
	l.withdraw(NoticeFreed)
	l.owe(NoticeAbandoned, now)
}

// Unproved says what a look at the lease's account has shown, and what of it was
// not seen gone.
func (l *Lease) Unproved(r Remains) Text {
	var says Text
	switch f := r.Found; {
	case r.Partly && f == nil:
		says = Textf("Not all of account %s could be looked at: %s", l.Instance.Account, r.Blind)
	case !r.Blind.IsZero() && !r.Partly:
		says = Textf("Nothing could be looked at in account %s: %s", l.Instance.Account, r.Blind)
	case f == nil:
		says = Textf("A look at account %s shows nothing of it.", l.Instance.Account)
	case f.Balancer:
		says = Textf("A look at account %s shows that its load balancer is still there: it may still let people in.", l.Instance.Account)
	default:
		says = Textf("A look at account %s shows that something of it is still there.", l.Instance.Account)
	}
	if r.Partly && r.Found != nil {
		says = says.And(Textf("Not all of account %s could be looked at: %s", l.Instance.Account, r.Blind))
	}
	if l.AccessEndedAt.IsZero() && !l.neverOpened() {
		says = says.And(Textf("Access was not seen to end."))
	}
	res := l.Resources
	if !res.BalancerGone {
		says = says.And(Textf("Its load balancer was not seen gone."))
	}
	if !res.RuleGone && res.InstanceRuleID != "" {
		says = says.And(Textf("Its rule %s in the security group %s was not seen gone.", res.InstanceRuleID, res.InstanceGroupID))
	}
	if !res.GroupGone && res.GroupID != "" {
		says = says.And(Textf("Its security group %s was not seen gone.", res.GroupID))
	}
	return says
}
