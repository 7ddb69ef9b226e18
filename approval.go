package sshforward

import (
	"slices"
	"time"
)

// approve is one approver's yes; the last one needed starts the opening. From
// says which of the needs each approver could answer now.
func (l *Lease) approve(now time.Time, user string, from map[string][]string, t Timing) error {
	if l.State != Pending {
		return l.stateConflict()
	}
	if due(l.ApproveBy, now) {
		return Errorf(ECONFLICT, "The time to approve lease %s is over.", l.ID)
	}
	by, err := withApproval(l.Approved, user, now, from, l.Needs)
	if err != nil {
		return err
	}
	l.Approved = by
	l.unclaim(user)
	if enough(l.Approved, l.Approvals, l.Needs) {
		l.beginOpening(now, t)
	}
	return nil
}

// withApproval adds a yes. ECONFLICT if the user has given one already, or if
// theirs is not one of those that are still needed.
func withApproval(by []Approval, user string, now time.Time, from map[string][]string, needs []Need) ([]Approval, error) {
	if hasApproved(by, user) {
		return by, Errorf(ECONFLICT, "You have approved this already; somebody else has to.")
	}
	out := slices.Clone(by)
	for i := range out {
		out[i].From = from[out[i].User]
	}
	before := answered(out, needs)
	out = append(out, Approval{User: user, At: now, From: from[user]})
	if len(needs) > 0 && answered(out, needs) == before {
		return by, Errorf(ECONFLICT, "There are enough approvals of your kind already; somebody else has to.")
	}
	return out, nil
}

// claim says that an approver looks at what is to be decided, so that the others
// need not.
func (l *Lease) claim(now time.Time, user string, extend time.Duration) error {
	by := l.Approved
	if extend > 0 {
		if err := l.checkAsked(extend); err != nil {
			return err
		}
		by = l.Asked.Approved
	} else if l.State != Pending || due(l.ApproveBy, now) {
		return l.stateConflict()
	}
	if hasApproved(by, user) {
		return Errorf(ECONFLICT, "You have approved this already; somebody else has to.")
	}
	l.Claim = Claim{User: user, At: now}
	return nil
}

// dropApprovals takes back the yes of those who may not say it any more, and
// every yes that was said under another rule.
func (l *Lease) dropApprovals(r *Rule, bad []string) {
	drop := func(a Approval) bool { return l.Rule != r.Name || slices.Contains(bad, a.User) }
	if l.State == Pending {
		l.Approved = slices.DeleteFunc(l.Approved, drop)
	}
	l.Asked.Approved = slices.DeleteFunc(l.Asked.Approved, drop)
}

// deny is an approver's no.
func (l *Lease) deny(now time.Time, user, because string, t Timing) error {
	if l.State != Pending {
		return l.stateConflict()
	}
	l.DeniedFor = because
	return l.end(now, Denied, user, Text{}, t)
}

// nextNudge is when the approvers are to be reminded next; zero if not any
// more. The pauses grow: with the default of 8 hours for an approval it is
// after 15 and 45 minutes, and after 1¾, 3¾ and 7¾ hours.
func (l *Lease) nextNudge() time.Time {
	pause := l.ApproveBy.Sub(l.ConfirmedAt) / 32
	at := l.ConfirmedAt.Add(pause * (1<<(min(l.Nudges, 10)+1) - 1))
	if pause <= 0 || l.ConfirmedAt.IsZero() || !at.Before(l.ApproveBy) {
		return time.Time{}
	}
	return at
}

// nudge decides a reminder to the approvers. Earlier ones that were missed are
// not made up for.
func (l *Lease) nudge(now time.Time) {
	for at := l.nextNudge(); !at.IsZero() && due(at, now); at = l.nextNudge() {
		l.Nudges++
	}
	l.oweAsk(NoticeNudge, now)
}

// extendable refuses what would go past the end, or past policy's total.
func (l *Lease) extendable(now time.Time, d time.Duration) error {
	if l.State != Open {
		return l.stateConflict()
	}
	if due(l.ExpiresAt, now) {
		return Errorf(ECONFLICT, "The time of lease %s is up. Open a new one.", l.ID)
	}
	if left := l.OpenedAt.Add(l.Max).Sub(l.ExpiresAt); d > left {
		if left < time.Second {
			return Errorf(EFORBIDDEN, "Lease %s has reached the %s in all that policy allows. Open a new one when it has ended.", l.ID, l.Max)
		}
		left = left.Truncate(time.Second)
		return Errorf(EFORBIDDEN, "Policy allows %s in all, so lease %s can be extended by at most %s.", l.Max, l.ID, left).
			try("extend", l.ID, FormatDuration(left))
	}
	return nil
}

// extend moves the end, or asks the approvers where the rule says so.
func (l *Lease) extend(now time.Time, user string, d time.Duration) error {
	if l.ExtendApprovals > 0 {
		return l.ask(now, user, d)
	}
	if e := l.Extended; l.State == Open && e.By == d && now.Sub(e.At) < repeatWithin {
		return Errorf(ECONFLICT, "Lease %s was extended by %s a moment ago. If you mean to do it once more, wait a few seconds.", l.ID, d)
	}
	if err := l.extendable(now, d); err != nil {
		return err
	}
	l.moveEnd(now, user, d)
	return nil
}

// repeatWithin is how soon the same extension is taken for a second click on the
// same button, or for a repeat after an answer that was lost.
const repeatWithin = 5 * time.Second

// moveEnd moves the end. The session is not touched: only tags change in AWS.
func (l *Lease) moveEnd(now time.Time, user string, d time.Duration) {
	l.ExpiresAt = l.ExpiresAt.Add(d)
	l.Extended = Extension{User: user, By: d, At: now}
	l.NextTryAt = now
	l.RemindedAt = now // reminders that lie behind the new end's are not made up for
	l.withdraw(NoticeReminder)
}

// ask records the wish for an extension. A newer wish takes the older one's
// place, and the approvals that one had are gone with it.
func (l *Lease) ask(now time.Time, user string, d time.Duration) error {
	if err := l.extendable(now, d); err != nil {
		return err
	}
	if l.Asked.Pending() && l.Asked.By == d {
		return Errorf(ECONFLICT, "An extension of lease %s by %s was asked for already and waits for approval.", l.ID, d)
	}
	l.Asked, l.Claim = ExtensionRequest{User: user, By: d, At: now}, Claim{}
	l.withdraw(NoticeRefused)
	l.oweAsk(NoticeAsked, now)
	return nil
}

// checkAsked refuses a decision about an extension that nobody waits for.
func (l *Lease) checkAsked(d time.Duration) error {
	switch {
	case l.State != Open:
		return l.stateConflict()
	case !l.Asked.Pending() || l.Asked.By != d:
		return Errorf(ECONFLICT, "No extension of lease %s by %s waits for approval.", l.ID, d)
	}
	return nil
}

// grant is one approver's yes to the extension; the last one needed moves the
// end.
func (l *Lease) grant(now time.Time, user string, from map[string][]string, d time.Duration) error {
	if err := l.checkAsked(d); err != nil {
		return err
	}
	if err := l.extendable(now, d); err != nil {
		return err
	}
	by, err := withApproval(l.Asked.Approved, user, now, from, l.ExtendNeeds)
	if err != nil {
		return err
	}
	l.Asked.Approved = by
	l.unclaim(user)
	if enough(by, l.ExtendApprovals, l.ExtendNeeds) {
		l.Asked.Decided = true
		l.withdraw(NoticeAsked)
		l.moveEnd(now, l.Asked.User, d)
	}
	return nil
}

// refuse is an approver's no to the extension. The lease goes on to its end.
func (l *Lease) refuse(now time.Time, user, because string, d time.Duration) error {
	if err := l.checkAsked(d); err != nil {
		return err
	}
	l.Asked.Decided, l.Asked.DeniedBy, l.Asked.DeniedAt, l.Asked.DeniedFor = true, user, now, because
	l.withdraw(NoticeAsked)
	l.owe(NoticeRefused, now)
	return nil
}

// confirm is the requester's yes.
func (l *Lease) confirm(now time.Time, t Timing) error {
	if l.State != Requested {
		return l.stateConflict()
	}
	if due(l.ConfirmBy, now) {
		return Errorf(ECONFLICT, "That prompt has lapsed. Ask again.")
	}
	l.ConfirmedAt = now
	if l.needsApproval() {
		l.State, l.ApproveBy = Pending, now.Add(t.Approval)
		l.oweAsk(NoticeApproval, now)
		return nil
	}
	l.beginOpening(now, t)
	return nil
}

// checkNotRequester refuses a decision about what the user asked for. EFORBIDDEN.
func (l *Lease) checkNotRequester(user string, extend time.Duration) error {
	if l.Owner == user || extend > 0 && l.Asked.User == user {
		return Errorf(EFORBIDDEN, "You asked for this yourself, so somebody else has to decide.")
	}
	return nil
}

// waitsFor reports whether the lease waits for a decision that the user, if
// an approver, has not given yet.
func (l *Lease) waitsFor(user string) bool {
	switch {
	case l.State == Pending:
		return !hasApproved(l.Approved, user)
	case l.State == Open && l.Asked.Pending() && l.Asked.User != user:
		return !hasApproved(l.Asked.Approved, user)
	}
	return false
}
