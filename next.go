package sshforward

import (
	"time"
)

// ActionKind names what a lease needs.
type ActionKind string

const (
	ActionNone    ActionKind = ""         // nothing, ever again
	ActionLapse   ActionKind = "lapse"    // nobody said yes in time
	ActionAdvance ActionKind = "advance"  // do the current stage of opening, or of what is built ahead
	ActionGiveUp  ActionKind = "give-up"  // opening, or building ahead, took too long
	ActionExtend  ActionKind = "extend"   // move the end that stands in AWS
	ActionMend    ActionKind = "mend"     // put right what somebody else changed
	ActionMove    ActionKind = "move"     // let in another source, and the former one no more
	ActionRemind  ActionKind = "remind"   // it ends soon
	ActionNudge   ActionKind = "nudge"    // approvers have not decided yet
	ActionUnclaim ActionKind = "unclaim"  // who looked at it has not decided
	ActionExpire  ActionKind = "expire"   // the time is up
	ActionClose   ActionKind = "teardown" // remove what is in AWS
	ActionForget  ActionKind = "forget"   // delete the record
)

// Action is what a lease needs, and when.
type Action struct {
	Kind ActionKind
	At   time.Time
}

// Next says what the lease needs first. It is not to be done before its At.
// An end that is due goes before all other work that is due.
func Next(l *Lease, now time.Time) Action {
	var end, work Action
	switch l.State {
	case Requested:
		end, work = l.nextPreparing(Action{ActionLapse, l.ConfirmBy}, now)
	case Pending:
		end, work = l.nextPreparing(Action{ActionLapse, l.ApproveBy}, now)
		if at := l.nextNudge(); !at.IsZero() && (work.Kind == ActionNone || at.Before(work.At)) {
			work = Action{ActionNudge, at}
		}
		work = l.orUnclaim(work)
	case Opening:
		end = Action{ActionGiveUp, l.OpenBy}
		if !l.ExpiresAt.IsZero() && l.ExpiresAt.Before(l.OpenBy) {
			end = Action{ActionExpire, l.ExpiresAt}
		}
		work = Action{ActionAdvance, l.nextTry(now)}
		if l.Drift.Widened { // who came in before the last yes goes before anybody is let in
			work.Kind = ActionMend
		}
	case Open:
		end = Action{ActionExpire, l.ExpiresAt}
		if owed := l.upkeep(); len(owed) > 0 { // in turns, so that none holds up the others by failing
			work = Action{owed[l.Attempts%len(owed)], l.nextTry(now)}
		}
		if at := l.nextReminder(); !at.IsZero() && (work.Kind == ActionNone || at.Before(work.At)) {
			work = Action{ActionRemind, at}
		}
		work = l.orUnclaim(work)
	case Closing:
		return Action{ActionClose, l.nextTry(now)}
	case Closed:
		forget := Action{ActionForget, l.KeepUntil}
		if gaveUp := l.ClosedAt.Add(tellFor); !NextDelivery(l).At.IsZero() && forget.At.Before(gaveUp) {
			forget.At = gaveUp // somebody has still to be told
		}
		return forget
	}
	if work.Kind == ActionNone || due(end.At, now) || end.At.Before(work.At) {
		return end
	}
	return work
}

// upkeep is what an open lease needs in AWS to be as it is recorded.
func (l *Lease) upkeep() (owed []ActionKind) {
	if l.Drift != (Drift{}) {
		owed = append(owed, ActionMend)
	}
	if l.Moving() {
		owed = append(owed, ActionMove)
	}
	if !l.Resources.Until.Equal(l.ExpiresAt) {
		owed = append(owed, ActionExtend)
	}
	return owed
}

// orUnclaim is the action, or the end of a claim if that comes first.
func (l *Lease) orUnclaim(a Action) Action {
	if at := l.claimEnds(); !at.IsZero() && (a.Kind == ActionNone || at.Before(a.At)) {
		return Action{ActionUnclaim, at}
	}
	return a
}

// nextPreparing is what a lease needs of which a yes is missing, and which is
// over at end: building, and putting right what somebody else made of it.
func (l *Lease) nextPreparing(end Action, now time.Time) (sooner, work Action) {
	building := l.building()
	if building && l.Prepared.By.Before(end.At) {
		end = Action{ActionGiveUp, l.Prepared.By}
	}
	switch {
	case l.Drift != (Drift{}): // nothing more is built behind a door that is ajar
		work = Action{ActionMend, l.nextTry(now)}
	case building:
		work = Action{ActionAdvance, l.nextTry(now)}
	}
	return end, work
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

// nextDue is the earliest time at which the lease needs anything.
func (l *Lease) nextDue(now time.Time) time.Time {
	at := Next(l, now).At
	if len(l.Stragglers) > 0 {
		return now // they are looked for until they have let go
	}
	if delivery := l.noLater(NextDelivery(l).At, now); !delivery.IsZero() && (at.IsZero() || delivery.Before(at)) {
		at = delivery
	}
	return at
}

// nextTry is when the work in AWS is to be tried next.
func (l *Lease) nextTry(now time.Time) time.Time {
	if l.NextTryAt.After(now.Add(longestPause)) {
		return now
	}
	return l.NextTryAt
}

// opens reports whether an action makes something in AWS, or changes what lets
// people in.
func (k ActionKind) opens() bool {
	switch k {
	case ActionAdvance, ActionExtend, ActionMend, ActionMove:
		return true
	}
	return false
}

// ends reports whether an action ends a lease for its time alone.
func (k ActionKind) ends() bool {
	return k == ActionLapse || k == ActionExpire || k == ActionGiveUp
}

// late reports whether an action ends access and has waited for too long for who
// owns the lease.
func (a Action) late(now time.Time) bool {
	switch a.Kind {
	case ActionLapse, ActionExpire, ActionGiveUp:
		return due(a.At.Add(lateAfter), now)
	case ActionClose:
		return due(a.At.Add(roundAfter), now)
	}
	return false
}
