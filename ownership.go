package sshforward

import (
	"slices"
	"time"
)

// making reports whether whoever works on the lease may just be making something of
// it: in AWS, or its first card.
func (l *Lease) making() bool {
	switch l.State {
	case Opening:
		return true
	case Open:
		return len(l.upkeep()) > 0
	case Requested, Pending:
		return l.Card.TS == "" || l.building() || l.Drift != (Drift{})
	}
	return l.Card.TS == ""
}

// handOver has another replica work on the lease from now on. The one before may not
// have heard of it yet.
func (l *Lease) handOver(to string, making bool, now time.Time) {
	if from := l.Worker; making && from != "" && from != to {
		l.Stragglers = append(slices.Clone(l.Stragglers), Straggler{Worker: from, Until: now.Add(straggleFor)})
	}
	l.Worker = to
}

// tellTries is how often in a row Slack has to fail at one replica until another one
// tries: once in a while it fails everybody, and a lease is not to go to and fro by that.
const tellTries = 3

// cannotTell reports whether people could not be told something for the third time in
// a row, the sixth and so on, where no work in AWS would be torn by that.
func (l *Lease) cannotTell(was *Lease) bool {
	shown := was.Clone()
	shown.Card.TS = "shown"
	if shown.making() {
		return false
	}
	return l.Card.tired(was.Card.Retry) || slices.ContainsFunc(l.Owed, func(n Notice) bool {
		before := was.owed(n)
		return before != nil && n.tired(before.Retry)
	})
}

func (r Retry) tired(was Retry) bool { return r.Attempts > was.Attempts && r.Attempts%tellTries == 0 }

// tellAgain has what could not be told be tried without a pause.
func (l *Lease) tellAgain(was *Lease, now time.Time) {
	if l.Card.tired(was.Card.Retry) {
		l.Card.NextTryAt = now
	}
	for i := range l.Owed {
		if before := was.owed(l.Owed[i]); before != nil && l.Owed[i].tired(before.Retry) {
			l.Owed[i].NextTryAt = now
		}
	}
}

// straggles reports whether a replica was said to be still at work on the lease.
func (l *Lease) straggles(id string) bool {
	return id != "" && slices.ContainsFunc(l.Stragglers, func(s Straggler) bool { return s.Worker == id })
}

// letGo is what a replica says when it has ended its work on a lease that another one
// has by now. What it made last may not be listed yet. errMoved if that is known.
func (l *Lease) letGo(id string, worked bool, now time.Time) error {
	if !l.straggles(id) {
		return errMoved
	}
	l.Stragglers = slices.Clone(l.Stragglers)
	for i := range l.Stragglers {
		if s := &l.Stragglers[i]; s.Worker == id {
			s.Worker = ""
			if s.Until = now; worked {
				s.Until = now.Add(unseenFor)
			}
		}
	}
	return nil
}

// dropStragglers forgets those that are done. Once there is none any more, what was
// closed meanwhile is looked at again.
func (l *Lease) dropStragglers(now time.Time, done func(Straggler) bool) {
	if len(l.Stragglers) == 0 {
		return
	}
	l.Stragglers = slices.DeleteFunc(slices.Clone(l.Stragglers), func(s Straggler) bool { return due(s.Until, now) || done(s) })
	if len(l.Stragglers) == 0 {
		l.Stragglers = nil
		if l.State == Closing {
			l.NextTryAt = now
		}
	}
}
