package sshforward

import (
	"slices"
	"time"
)

// What of the messages beside the card has buttons, an end or a command, or asks
// somebody to decide, is kept in the lease until it has been edited to say what
// became of it. So nothing goes on saying what is not true any more, and no button
// stays that does nothing, whatever dies in between.

// postedOver is the key of a message that says what became of it.
const postedOver = "over"

// postedKey is what a message shows, which changes exactly when it should show
// something else; postedOver once what it says is over, "" if a notice of the
// kind is never edited.
func (l *Lease) postedKey(p Posted) string {
	until := "until " + l.ExpiresAt.UTC().Format(time.RFC3339Nano)
	switch p.Kind {
	case NoticeApproval, NoticeNudge:
		if l.State == Pending {
			return l.askedKey(p.To, l.Approved)
		}
	case NoticeAsked:
		if l.State == Open && l.Asked.Pending() && l.Asked.At.Equal(p.At) {
			return l.askedKey(p.To, l.Asked.Approved)
		}
	case NoticeReminder, NoticeRebuilt, NoticeShortened:
		switch {
		case l.State == Open:
			return until
		case l.State == Closing && l.AccessEndedAt.IsZero():
			return "ending" // the buttons are of no use already
		}
	case NoticeReady, NoticeRefused:
		if l.accessible() {
			return until
		}
	case NoticeUnjudged:
		if l.accessible() && l.Unjudged {
			return until
		}
	case NoticeOutage:
		if l.State == Open && l.Outage.Since.Equal(p.Since) {
			return l.Outage.State + " until " + l.Outage.CloseAt.UTC().Format(time.RFC3339Nano)
		}
	case NoticeCommand:
		if l.accessible() {
			return l.SSHCommand()
		}
	default:
		return ""
	}
	return postedOver
}

// accessible reports whether nobody has seen access end yet.
func (l *Lease) accessible() bool {
	return l.State == Open || l.State == Closing && l.AccessEndedAt.IsZero()
}

// askedKey is what a request to decide shows.
func (l *Lease) askedKey(user string, by []Approval) string {
	if user == "" {
		return "asked" // where the card is, which shows the rest
	}
	key := "asked" + l.claimKey()
	if hasApproved(by, user) {
		key += " approved"
	}
	return key
}

// noticeKey is what a notice will show when it is sent now; "" if it is not one
// to be kept. Who has the buttons already is reminded without them.
func (l *Lease) noticeKey(n Notice) string {
	if n.Kind == NoticeNudge && n.To != "" && l.HasAsked(n.To) {
		return ""
	}
	return l.postedKey(Posted{Kind: n.Kind, At: n.At, To: n.To, Since: l.Outage.Since})
}

// HasAsked reports whether a user has a direct message that asks to approve the
// lease.
func (l *Lease) HasAsked(user string) bool {
	return slices.ContainsFunc(l.Posted, func(p Posted) bool {
		return p.To == user && (p.Kind == NoticeApproval || p.Kind == NoticeNudge)
	})
}

// outdated reports whether a message shows something else than it should.
func (l *Lease) outdated(p Posted) bool { return l.postedKey(p) != p.Key }

// AskedDirectly reports whether somebody has got a request in a direct message,
// or is going to.
func (l *Lease) AskedDirectly(n Notice) bool {
	return slices.ContainsFunc(l.Posted, func(p Posted) bool { return p.To != "" && p.Kind == n.Kind && p.At.Equal(n.At) }) ||
		slices.ContainsFunc(l.Owed, func(o Notice) bool { return o.To != "" && o.Kind == n.Kind && o.At.Equal(n.At) })
}

// Asks are who is asked to decide: users and user groups.
func (l *Lease) Asks() []string {
	if len(l.Notify) > 0 {
		return l.Notify
	}
	return l.Approvers
}

// Over reports whether what a message says is over, so that nobody can decide
// by it any more.
func (l *Lease) Over(p Posted) bool { return l.postedKey(p) == postedOver }

// Keeps reports whether the lease keeps a message up to date that asks somebody
// to decide.
func (l *Lease) Keeps(at Place) bool {
	p := l.posted(at)
	return p != nil && p.Kind.Asks()
}

// posted returns the message at a place as the lease has it now, or nil.
func (l *Lease) posted(at Place) *Posted {
	for i := range l.Posted {
		if l.Posted[i].Place == at {
			return &l.Posted[i]
		}
	}
	return nil
}

// forgetPosted ends the care for the message at a place.
func (l *Lease) forgetPosted(at Place) {
	l.Posted = slices.DeleteFunc(l.Posted, func(p Posted) bool { return p.Place == at })
}

// outageOf is when the outage began that a notice speaks of; zero for others.
func (l *Lease) outageOf(n Notice) time.Time {
	if n.Kind == NoticeOutage {
		return l.Outage.Since
	}
	return time.Time{}
}
