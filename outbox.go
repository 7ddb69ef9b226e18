package sshforward

import (
	"slices"
	"time"
)

// owe adds a notice; a newer one of the same kind replaces an older one, so
// that a long silence of Slack's is not followed by a storm.
func (l *Lease) owe(kind NoticeKind, now time.Time) {
	l.withdraw(kind)
	l.Owed = append(l.Owed, Notice{Kind: kind, At: now})
}

// oweAsk adds a notice to those who have to decide: where the card is, and to
// each of them directly. Who that is, is found out when it is sent.
func (l *Lease) oweAsk(kind NoticeKind, now time.Time) {
	l.withdraw(kind)
	l.Owed = append(l.Owed, Notice{Kind: kind, At: now, To: toApprovers}, Notice{Kind: kind, At: now})
}

// withdraw removes what is owed of a kind and was sent or is not true any more.
func (l *Lease) withdraw(kind NoticeKind) {
	l.Owed = slices.DeleteFunc(l.Owed, func(n Notice) bool { return n.Kind == kind })
}

// settle removes the very same notice.
func (l *Lease) settle(n Notice) {
	l.Owed = slices.DeleteFunc(l.Owed, n.same)
}

// same reports whether it is the same notice, whatever became of it meanwhile.
func (n Notice) same(m Notice) bool { return n.Kind == m.Kind && n.To == m.To && n.At.Equal(m.At) }

// stale reports whether a notice that is still owed is not true any more.
func (l *Lease) stale(kind NoticeKind) bool {
	switch kind {
	case NoticeApproval, NoticeNudge:
		return l.State != Pending
	case NoticeAsked:
		return l.State != Open || !l.Asked.Pending()
	case NoticeReady, NoticeCommand, NoticeReminder, NoticeRebuilt, NoticeMended, NoticeShortened:
		return l.State != Open
	case NoticeMoved:
		return l.State != Open || l.Moving()
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

// Delivery is what is owed to people: a notice, the card when Card is set, or
// that messages are brought up to date when Edits is.
type Delivery struct {
	Card   bool
	Edits  bool
	Notice Notice
	At     time.Time // zero: nothing is owed
}

// cardPause keeps the progress of openings from using up Slack's limit of about
// fifty updates a minute in a workspace. A change of state does not wait.
const cardPause = 5 * time.Second

// NextDelivery says what is owed first. The card, the notices, alarms and edits
// do not wait for each other but for what stands in a thread: see held.
func NextDelivery(l *Lease) Delivery {
	var first Delivery
	for _, d := range []Delivery{l.nextCard(), l.nextTold(), l.nextAlarm(), l.nextEdit()} {
		if first.At.IsZero() || !d.At.IsZero() && d.At.Before(first.At) {
			first = d
		}
	}
	return first
}

// nextCard is the card if it does not show what it should.
func (l *Lease) nextCard() Delivery {
	if l.Card.Shown == l.CardKey() {
		return Delivery{}
	}
	at := l.Card.NextTryAt
	if l.OnlyProgress() {
		at = slices.MaxFunc([]time.Time{at, l.Card.SentAt.Add(cardPause), l.Card.RoomAt}, time.Time.Compare)
	}
	if at.IsZero() {
		at = l.RequestedAt
	}
	return Delivery{Card: true, At: at}
}

// nextTold is what the people of the lease are owed first.
func (l *Lease) nextTold() Delivery {
	return l.nextNotice(func(n Notice) bool { return !n.Kind.Alarm() && !l.held(n) })
}

// nextAlarm is what whoever is on call is owed first.
func (l *Lease) nextAlarm() Delivery {
	return l.nextNotice(func(n Notice) bool { return n.Kind.Alarm() })
}

// nextNotice is the notice of some that is due first.
func (l *Lease) nextNotice(some func(Notice) bool) Delivery {
	var first Delivery
	for _, n := range l.Owed {
		if !some(n) {
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

// held reports whether a notice waits for another message. Notices stand in the
// thread of the card, so they wait until there is one, or until it is clear that
// Slack does not take it; the command that somebody waits for, and a request to
// decide, wait for one try only. What is said to approvers where the card is
// waits until it is known who of them is told directly.
func (l *Lease) held(n Notice) bool {
	if n.To != "" && n.To != toApprovers {
		return false
	}
	if l.Card.TS == "" && l.Card.Shown != l.CardKey() {
		tried := l.Card.Attempts > 0 || !l.Card.NextTryAt.IsZero()
		if waited := n.Kind == NoticeReady || n.Kind == NoticeCommand || n.Kind.Asks(); !tried || !waited && l.Card.Attempts < StuckAfter {
			return true
		}
	}
	if n.To == toApprovers {
		return false
	}
	if n.Kind == NoticeCommand { // the last word, to be found at once
		return slices.ContainsFunc(l.Owed, func(o Notice) bool { return o.Kind == NoticeReady })
	}
	first := Notice{Kind: n.Kind, At: n.At, To: toApprovers}
	return slices.ContainsFunc(l.Owed, func(o Notice) bool { return o.same(first) && o.Attempts == 0 })
}

// cardSent records that the card shows what its keys were when it was sent, or
// that Slack did not take it. That its turn is later is no failure.
func (l *Lease) cardSent(now time.Time, at Place, as cardShown, err error) {
	switch {
	case err == nil:
		l.Card = Card{Channel: at.Channel, TS: at.TS, Shown: as.key, Firm: as.firm, State: as.state, SentAt: now}
	case l.undeliverable(now):
		l.Card.Shown, l.Card.Firm, l.Card.State = as.key, as.firm, as.state
	case retryAfter(err) > 0 && as.firm == l.Card.Firm:
		l.Card.RoomAt = now.Add(Backoff(1, retryAfter(err)))
	case retryAfter(err) > 0:
		l.Card.NextTryAt = now.Add(Backoff(1, retryAfter(err)))
	default:
		l.Card.failed(now, l.deliveryBackoff(now, l.Card.Attempts+1))
	}
}

// noticeSent records that people have a notice, and what it showed, or that
// Slack did not take it. errMoved if a newer one of its kind took its place
// meanwhile.
func (l *Lease) noticeSent(now time.Time, n Notice, at Place, key string, err error) error {
	if n.Kind == NoticeUrgent && err == nil {
		l.Broadcast = at
	}
	if err == nil && key != "" && at.TS != "" {
		l.forgetPosted(at) // a place is that of one message
		l.Posted = append(l.Posted, Posted{Place: at, Kind: n.Kind, At: n.At, To: n.To, Since: l.outageOf(n), Key: key})
	}
	l.Owed = slices.Clone(l.Owed) // the lease as it was has the same, and is compared with
	switch owed := l.owed(n); {
	case owed != nil && err != nil && n.To != "" && Final(err): // they cannot be written to
		l.settle(n)
	case owed != nil && err != nil && (n.Kind.Alarm() || !l.undeliverable(now)):
		if after := retryAfter(err); after > 0 {
			owed.NextTryAt = now.Add(Backoff(1, after))
			return nil
		}
		owed.failed(now, l.deliveryBackoff(now, owed.Attempts+1))
	case owed != nil:
		l.settle(n)
	case n.Kind == NoticeStuck && err == nil && !l.Alarmed:
		l.owe(NoticeFreed, now) // the alarm was taken back while it was sent
	case err == nil && key != "":
		return nil // nobody is owed it any more, but it is there
	default:
		return errMoved
	}
	return nil
}

// asked are the approvers who are told directly.
type asked struct {
	who   []string
	alone bool // nobody else is told
	more  bool // there may be others, whom Slack does not tell just now
}

// askEach has each of some people owed a notice of their own in the place of the
// one to all approvers. Where they alone are asked, and somebody is, the notice
// where the card is falls away. With more, it is tried later who else there is.
func (l *Lease) askEach(now time.Time, n Notice, found asked) error {
	l.Owed = slices.Clone(l.Owed) // the lease as it was has the same, and is compared with
	owed := l.owed(n)
	if owed == nil {
		return errMoved
	}
	told := slices.Clone(owed.Asked)
	for _, user := range found.who {
		if !slices.Contains(told, user) {
			told = append(told, user)
			l.Owed = append(l.Owed, Notice{Kind: n.Kind, At: n.At, To: user})
		}
	}
	if owed = l.owed(n); found.more && owed.Attempts < StuckAfter {
		owed.Asked = told
		owed.failed(now, Backoff(owed.Attempts+1, 0))
	} else {
		l.settle(n)
	}
	if found.alone && len(told) > 0 {
		l.settle(Notice{Kind: n.Kind, At: n.At})
	}
	return nil
}

// noticeDropped records that a notice need not be sent any more. errMoved if it
// is not owed any more anyway.
func (l *Lease) noticeDropped(n Notice) error {
	if l.owed(n) == nil {
		return errMoved
	}
	l.settle(n)
	return nil
}

// owed returns the very same notice as the lease has it now, or nil.
func (l *Lease) owed(n Notice) *Notice {
	for i := range l.Owed {
		if l.Owed[i].same(n) {
			return &l.Owed[i]
		}
	}
	return nil
}

// editTries is how often it is tried to edit a message.
const editTries = 10

// nextEdit is when the first message is to be edited.
func (l *Lease) nextEdit() Delivery {
	var first Delivery
	for _, p := range l.Posted {
		if !l.outdated(p) {
			continue
		}
		at := p.NextTryAt
		if at.IsZero() {
			at = p.At
		}
		if first.At.IsZero() || at.Before(first.At) {
			first = Delivery{Edits: true, At: at}
		}
	}
	return first
}

// toEdit are the messages that are to be edited now.
func (l *Lease) toEdit(now time.Time) []Posted {
	var out []Posted
	for _, p := range l.Posted {
		if l.outdated(p) && due(l.noLater(p.NextTryAt, now), now) {
			out = append(out, p)
		}
	}
	return out
}

// edited records that a message shows what the key was when it was sent, or that
// Slack did not take that. It is forgotten once it is over, or cannot be edited.
func (l *Lease) edited(now time.Time, at Place, key string, err error) error {
	p := l.posted(at)
	switch {
	case p == nil:
		return errMoved
	case retryAfter(err) > 0 && !l.undeliverable(now):
		p.NextTryAt = now.Add(Backoff(1, retryAfter(err)))
	case err != nil && !Final(err) && p.Attempts < editTries && !l.undeliverable(now):
		p.failed(now, l.deliveryBackoff(now, p.Attempts+1))
	case err != nil || key == postedOver:
		l.forgetPosted(at)
	default:
		p.Key, p.Retry = key, Retry{}
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
func (l *Lease) deliveryBackoff(now time.Time, attempts int) time.Duration {
	if attempts < StuckAfter {
		return Backoff(attempts, 0)
	}
	if l.State == Closed && now.Sub(l.ClosedAt) > time.Hour {
		return time.Hour
	}
	return time.Minute
}

// No pause is longer than these. A time further ahead was written when the clock
// was ahead, and waiting for it would stop the work for as long.
const (
	longestPause     = 3 * time.Minute
	longestSendPause = 2 * time.Hour // of a lease that is over, see deliveryBackoff
)

// noLater is when something is to be sent that was put off until at.
func (l *Lease) noLater(at, now time.Time) time.Time {
	most := longestPause
	if l.State == Closed && now.Sub(l.ClosedAt) > time.Hour {
		most = longestSendPause
	}
	if at.After(now.Add(most)) {
		return now
	}
	return at
}
