package sshforward

import (
	"fmt"
	"time"
)

// owe adds a notice; a newer one of the same kind replaces an older one, so
// that a long silence of Slack's is not followed by a storm.
func (l *Lease) owe(kind NoticeKind, now time.Time) {
	l.withdraw(kind)
	l.Owed = append(l.Owed, Notice{Kind: kind, At: now})
}

// withdraw removes a notice that was sent or is not true any more.
func (l *Lease) withdraw(kind NoticeKind) {
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
	switch kind {
	case NoticeApproval, NoticeNudge:
		return l.State != Pending
	case NoticeAsked:
		return l.State != Open || !l.Asked.Pending()
	case NoticeReady, NoticeReminder, NoticeRebuilt, NoticeMended, NoticeShortened:
		return l.State != Open
	case NoticeUnjudged:
		return !l.Unjudged
	case NoticeOutage:
		return l.State != Open || l.Outage.Since.IsZero()
	case NoticeBack:
		return l.State != Open || !l.Outage.Since.IsZero()
	case NoticeStuck:
		return !l.Alarmed
	}
	return false
}

// Delivery is what is owed to people: a notice, or the card when Card is set.
type Delivery struct {
	Card   bool
	Notice Notice
	At     time.Time // zero: nothing is owed
}

// cardPause keeps the progress of an opening from using up Slack's limit of
// about one message a second in a channel. A change of state does not wait.
const cardPause = time.Second

// NextDelivery says what is owed first. Nothing waits for a card that nobody
// takes, and alarms wait for nothing else.
func NextDelivery(l *Lease) Delivery {
	told, alarm := l.nextTold(), l.nextAlarm()
	if told.At.IsZero() || !alarm.At.IsZero() && alarm.At.Before(told.At) {
		return alarm
	}
	return told
}

// nextTold is what the people of the lease are owed first. The card goes before
// the notices, which stand in its thread.
func (l *Lease) nextTold() Delivery {
	var card Delivery
	if l.Card.Shown != l.CardKey() {
		at := l.Card.NextTryAt
		if l.Card.State == l.State && at.Before(l.Card.SentAt.Add(cardPause)) {
			at = l.Card.SentAt.Add(cardPause)
		}
		if at.IsZero() {
			at = l.RequestedAt
		}
		card = Delivery{Card: true, At: at}
		if l.Card.Attempts < StuckAfter {
			return card
		}
	}
	return l.nextNotice(card, func(k NoticeKind) bool { return !k.Alarm() })
}

// nextAlarm is what whoever is on call is owed first.
func (l *Lease) nextAlarm() Delivery { return l.nextNotice(Delivery{}, NoticeKind.Alarm) }

// nextNotice is the notice of some kinds that is due before all others and before
// first, if there is one.
func (l *Lease) nextNotice(first Delivery, kinds func(NoticeKind) bool) Delivery {
	for _, n := range l.Owed {
		if !kinds(n.Kind) {
			continue
		}
		at := n.NextTryAt
		if at.IsZero() {
			at = n.At
		}
		if first.At.IsZero() || at.Before(first.At) {
			first = Delivery{Notice: n, At: at}
		}
	}
	return first
}

// CardKey is a short string that changes exactly when what the card shows should
// change. A card is owed whenever Card.Shown differs from it, so nothing has
// to be remembered about which changes were told.
func (l *Lease) CardKey() string {
	key := string(l.State)
	switch l.State {
	case Requested:
		key += l.preparedKey()
	case Pending:
		key += fmt.Sprintf(" approved=%d", len(l.Approved)) + l.preparedKey()
	case Opening:
		key += " " + string(l.Stage) + " " + l.Detail.String()
	case Open:
		key += " until=" + l.ExpiresAt.UTC().Format(time.RFC3339Nano)
		if a := l.Asked; a.By > 0 {
			key += fmt.Sprintf(" asked=%d %d %t %s", a.At.UnixNano(), len(a.Approved), a.Decided, a.DeniedBy)
		}
		if a := l.ByAddress(); a != "" {
			key += " by=" + a
		}
		if o := l.Outage; !o.Since.IsZero() {
			key += fmt.Sprintf(" out=%d %s %s", o.Since.UnixNano(), o.State, o.Why)
		}
	case Closing:
		key += fmt.Sprintf(" ended=%t", !l.AccessEndedAt.IsZero())
	}
	if l.Stuck() {
		key += " stuck"
	}
	return key
}

// preparedKey is the part of CardKey that tells how far a lease is built ahead.
func (l *Lease) preparedKey() string {
	switch {
	case l.Prepared.Ready():
		return " ready"
	case l.Prepared.Begun():
		return " building"
	}
	return ""
}

// cardSent records that the card shows what the key and the state were when it
// was sent, or that Slack did not take it.
func (l *Lease) cardSent(now time.Time, at Place, key string, state State, err error) {
	switch {
	case err == nil:
		l.Card = Card{Channel: at.Channel, TS: at.TS, Shown: key, State: state, SentAt: now}
	case l.undeliverable(now):
		l.Card.Shown, l.Card.State = key, state
	default:
		l.Card.failed(now, l.deliveryBackoff(now, l.Card.Attempts+1, retryAfter(err)))
	}
}

// noticeSent records that people have a notice, or that Slack did not take it.
// errMoved if a newer one of its kind took its place meanwhile.
func (l *Lease) noticeSent(now time.Time, n Notice, at Place, err error) error {
	if n.Kind == NoticeUrgent && err == nil {
		l.Broadcast = at
	}
	switch owed := l.owed(n); {
	case owed != nil && err != nil && (n.Kind.Alarm() || !l.undeliverable(now)):
		owed.failed(now, l.deliveryBackoff(now, owed.Attempts+1, retryAfter(err)))
	case owed != nil:
		l.withdraw(n.Kind)
	case n.Kind == NoticeStuck && err == nil && !l.Alarmed:
		l.owe(NoticeFreed, now) // the alarm was taken back while it was sent
	default:
		return errMoved
	}
	return nil
}

// noticeDropped records that a notice need not be sent any more. errMoved if it
// is not owed any more anyway.
func (l *Lease) noticeDropped(n Notice) error {
	if l.owed(n) == nil {
		return errMoved
	}
	l.withdraw(n.Kind)
	return nil
}

// owed returns the very same notice as the lease has it now, or nil.
func (l *Lease) owed(n Notice) *Notice {
	for i := range l.Owed {
		if l.Owed[i].Kind == n.Kind && l.Owed[i].At.Equal(n.At) {
			return &l.Owed[i]
		}
	}
	return nil
}

// tellFor is how long after the end of a lease to keep trying to tell.
const tellFor = 24 * time.Hour

// undeliverable reports whether to stop trying to tell: there was nowhere to
// say it all that time.
func (l *Lease) undeliverable(now time.Time) bool {
	return l.State == Closed && now.Sub(l.ClosedAt) >= tellFor
}

// deliveryBackoff is Backoff for Slack: a minute at most while somebody waits
// for the news, an hour once the lease has been over for one.
func (l *Lease) deliveryBackoff(now time.Time, attempts int, atLeast time.Duration) time.Duration {
	if attempts < StuckAfter {
		return Backoff(attempts, atLeast)
	}
	if l.State == Closed && now.Sub(l.ClosedAt) > time.Hour {
		return time.Hour
	}
	return max(time.Minute, min(atLeast, 2*time.Minute))
}
