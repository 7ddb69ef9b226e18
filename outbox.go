package sshforward

import (
	"fmt"
	"strings"
	"time"
)

// owe adds a notice; a newer one of the same kind replaces an older one, so
// that a long silence of Slack's is not followed by a storm.
func (l *Lease) owe(kind NoticeKind, now time.Time) {
	l.settle(kind)
	l.Owed = append(l.Owed, Notice{Kind: kind, At: now})
}

// settle removes a notice that was sent or is not true any more.
func (l *Lease) settle(kind NoticeKind) {
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
	case NoticeReady, NoticeReminder, NoticeRebuilt, NoticeMended:
		return l.State != Open
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

// NextDelivery says what is owed first. The card goes before the notices, which
// stand in its thread; but alarms do not wait for it, and nothing waits for a
// card that nobody takes.
func NextDelivery(l *Lease) Delivery {
	var card, first Delivery
	if l.Card.Shown != l.CardKey() {
		at := l.Card.NextTryAt
		shown, _, _ := strings.Cut(l.Card.Shown, " ")
		if shown == string(l.State) && at.Before(l.Card.SentAt.Add(cardPause)) {
			at = l.Card.SentAt.Add(cardPause)
		}
		if at.IsZero() {
			at = l.RequestedAt
		}
		card = Delivery{Card: true, At: at}
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
			first = Delivery{Notice: n, At: at}
		}
	}
	return first
}

// CardKey is a short string that changes exactly when what the card shows should
// change. A card is owed whenever Card.Shown differs from it, so nothing has
// to be remembered about which changes were told.
func (l *Lease) CardKey() string {
	face := string(l.State)
	switch l.State {
	case Pending:
		face += fmt.Sprintf(" approved=%d", len(l.Approved))
	case Opening:
		face += " " + string(l.Stage) + " " + l.Detail.String()
	case Open:
		face += " until=" + l.ExpiresAt.UTC().Format(time.RFC3339Nano)
		if a := l.Asked; a.By > 0 {
			face += fmt.Sprintf(" asked=%d %d %t %s", a.At.UnixNano(), len(a.Approved), a.Decided, a.DeniedBy)
		}
	case Closing:
		face += fmt.Sprintf(" ended=%t", !l.AccessEndedAt.IsZero())
	}
	if l.Stuck() {
		face += " stuck"
	}
	return face
}

// unheardAfter is how long after the end of a lease to keep trying to tell.
const unheardAfter = 24 * time.Hour

// unheard reports whether to stop trying to tell: there was nowhere to say it
// all that time.
func (l *Lease) unheard(now time.Time) bool {
	return l.State == Closed && now.Sub(l.ClosedAt) >= unheardAfter
}

// talkBackoff is Backoff for Slack: a minute at most while somebody waits for
// the word, an hour once the lease has been over for one.
func (l *Lease) talkBackoff(now time.Time, attempts int, atLeast time.Duration) time.Duration {
	if attempts < StuckAfter {
		return Backoff(attempts, atLeast)
	}
	if l.State == Closed && now.Sub(l.ClosedAt) > time.Hour {
		return time.Hour
	}
	return max(time.Minute, min(atLeast, 2*time.Minute))
}
