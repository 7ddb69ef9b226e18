package sshforward

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// changeSource decides that an open lease lets in another address instead of what
// it did when seen was read. ECONFLICT if that has changed.
func (l *Lease) changeSource(now time.Time, user string, to netip.Prefix, seen *Lease) error {
	switch {
	case l.State != Open:
		return l.stateConflict()
	case len(l.Sources) == 1 && l.Sources[0] == to && l.Moving():
		return Errorf(ECONFLICT, "The source address of lease %s is being changed to %s already.", l.ID, FormatSources(l.Sources))
	case len(l.Sources) == 1 && l.Sources[0] == to:
		return Errorf(ECONFLICT, "Lease %s lets in %s already.", l.ID, FormatSources(l.Sources))
	case !l.sameMove(seen.Moved):
		return Errorf(ECONFLICT, "The source address of lease %s was changed to %s in the same moment.", l.ID, FormatSources(l.Sources))
	}
	from := l.Sources
	if l.Moving() && l.Moved.Refused.IsZero() {
		from = l.Moved.From // nothing says that the one of the last wish was let in
	}
	l.Moved = SourceChange{User: user, At: now, To: to, From: from}
	l.setSources([]netip.Prefix{to})
	l.NextTryAt = now
	l.withdraw(NoticeMoved)
	return nil
}

// setSources takes over the sources that are to be let in. What may be let in by
// now is no more after that.
func (l *Lease) setSources(to []netip.Prefix) {
	l.Former = slices.DeleteFunc(l.Admitted(), func(p netip.Prefix) bool { return slices.Contains(to, p) })
	l.Sources = to
}

// sourceChanged records what came of changing the source. What AWS refuses for
// good is taken back: it lets in again what it did.
func (l *Lease) sourceChanged(now time.Time, r StepResult, err error) {
	l.Resources.BalancerTagsFull = r.Resources.BalancerTagsFull
	final := ErrorCode(err) == EQUOTA || ErrorCode(err) == EFORBIDDEN || ErrorCode(err) == EINVALID
	switch {
	case err != nil && final && l.Moved.Refused.IsZero():
		l.Moved.Refused = ErrorMessage(err)
		l.setSources(l.Moved.From)
		l.restart(now)
		if !l.Moving() {
			l.oweMoved(now)
		}
	case err != nil:
		l.retry(now, err)
	case r.Wait > 0:
		l.restart(now.Add(r.Wait))
	default:
		l.Former = nil
		l.restart(now)
		if l.Drift == (Drift{}) && l.Resources.Until.Equal(l.ExpiresAt) {
			l.clearAlarm(now) // else it may be about those
		}
		l.oweMoved(now)
	}
}

// oweMoved has told what became of the change: where the card is, and to those who
// have said yes, directly where they may not see the card.
func (l *Lease) oweMoved(now time.Time) {
	l.owe(NoticeMoved, now)
	if !l.Direct && !strings.HasPrefix(l.Card.Channel, "D") {
		return
	}
	for _, a := range l.Approved {
		l.Owed = append(l.Owed, Notice{Kind: NoticeMoved, At: now, To: a.User})
	}
}
