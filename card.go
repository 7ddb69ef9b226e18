package sshforward

import (
	"fmt"
	"time"
)

// CardKey is a short string that changes exactly when what the card shows should
// change. A card is owed whenever Card.Shown differs from it, so nothing has
// to be remembered about which changes were told.
func (l *Lease) CardKey() string { return l.firmKey() + l.progressKey() }

// firmKey is the part of CardKey that is shown at once: all but progress.
func (l *Lease) firmKey() string {
	key := string(l.State)
	switch l.State {
	case Pending:
		key += fmt.Sprintf(" approved=%d", len(l.Approved)) + l.claimKey()
	case Open:
		key += " until=" + l.ExpiresAt.UTC().Format(time.RFC3339Nano)
		if a := l.Asked; a.By > 0 {
			key += fmt.Sprintf(" asked=%d %d %t %s", a.At.UnixNano(), len(a.Approved), a.Decided, a.DeniedBy) + l.claimKey()
		}
		if m := l.Moved; !m.At.IsZero() {
			key += fmt.Sprintf(" from=%d %t", m.At.UnixNano(), l.Moving())
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

// OnlyProgress reports whether the card shows all that is so but how far the work
// has come.
func (l *Lease) OnlyProgress() bool { return l.Card.Firm == l.firmKey() }

// progressKey is the part of CardKey that tells how far the work has come.
func (l *Lease) progressKey() string {
	switch l.State {
	case Requested, Pending:
		return l.preparedKey()
	case Opening:
		return " " + string(l.Stage) + " " + l.Detail.String()
	}
	return ""
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

// cardShown is what a card shows.
type cardShown struct {
	key, firm string
	state     State
}

// cardNow is what the card should show.
func (l *Lease) cardNow() cardShown { return cardShown{l.CardKey(), l.firmKey(), l.State} }
