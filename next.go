package sshforward

import (
	"strings"
	"time"
)

// Do names what a lease needs.
type Do string

const (
	DoNothing Do = ""         // for ever
	DoLapse   Do = "lapse"    // nobody said yes in time
	DoAdvance Do = "advance"  // do the current stage of opening
	DoGiveUp  Do = "give-up"  // opening took too long
	DoExtend  Do = "extend"   // move the end that stands in AWS
	DoMend    Do = "mend"     // put right what somebody else changed
	DoRemind  Do = "remind"   // it ends soon
	DoNudge   Do = "nudge"    // approvers have not decided yet
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
		if at := l.nextNudge(); !at.IsZero() {
			work = Action{DoNudge, at}
		}
	case Opening:
		end = Action{DoGiveUp, l.OpenBy}
		if !l.ExpiresAt.IsZero() && l.ExpiresAt.Before(l.OpenBy) {
			end = Action{DoExpire, l.ExpiresAt}
		}
		work = Action{DoAdvance, l.NextTryAt}
	case Open:
		end = Action{DoExpire, l.ExpiresAt}
		moved, drifted := !l.Resources.Until.Equal(l.ExpiresAt), l.Drift != (Drift{})
		switch {
		case drifted && (!moved || l.Attempts%2 == 0): // neither holds up the other by failing
			work = Action{DoMend, l.NextTryAt}
		case moved:
			work = Action{DoExtend, l.NextTryAt}
		}
		if at := l.nextReminder(); !at.IsZero() && (work.Do == DoNothing || at.Before(work.At)) {
			work = Action{DoRemind, at}
		}
	case Closing:
		return Action{DoClose, l.NextTryAt}
	case Closed:
		forget := Action{DoForget, l.KeepUntil}
		if lastWord := l.ClosedAt.Add(unheardAfter); !NextTalk(l).At.IsZero() && forget.At.Before(lastWord) {
			forget.At = lastWord // somebody has still to be told
		}
		return forget
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
// stand in its thread; but alarms do not wait for it, and nothing waits for a
// card that nobody takes.
func NextTalk(l *Lease) Talk {
	var card, first Talk
	if l.Card.Shown != l.Face() {
		at := l.Card.NextTryAt
		shown, _, _ := strings.Cut(l.Card.Shown, " ")
		if shown == string(l.State) && at.Before(l.Card.SentAt.Add(cardPause)) {
			at = l.Card.SentAt.Add(cardPause)
		}
		if at.IsZero() {
			at = l.RequestedAt
		}
		card = Talk{Card: true, At: at}
		first = card
	}
	for _, n := range l.Owed {
		if card.Card && l.Card.Attempts < StuckAfter && !n.Kind.Alarm() {
			continue
		}
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
