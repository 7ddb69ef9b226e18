package sshforward

import (
	"errors"
	"fmt"
	"slices"
)

// edges are the moves a lease may make.
var edges = map[State][]State{
	Requested: {Requested, Pending, Opening, Closing, Closed}, // to closing only what may have something in AWS
	Pending:   {Pending, Opening, Closing, Closed},            // and never past it
	Opening:   {Opening, Open, Closing},
	Open:      {Open, Closing},
	Closing:   {Closing, Closed},
	Closed:    {Closed, Closing}, // a sweep found something left of it
}

// begins is the state that a lease not recorded before comes from: what a
// sweep finds without a record goes on as it is, or is closed.
func begins(l *Lease) State {
	if l.State == Open || l.State == Closing {
		return l.State
	}
	return Requested
}

// checkMove holds two successive records of a lease to what is promised of
// every lease at every time.
func checkMove(was, l *Lease) error {
	switch {
	case !slices.Contains(edges[was.State], l.State):
		return fmt.Errorf("went from %s to %s", was.State, l.State)
	case was.Waiting() && l.State == Closed && was.mayHaveSomething(),
		was.Waiting() && l.State == Closing && !was.mayHaveSomething() && l.OpenedAt.IsZero(): // or its tags prove that it was open
		return fmt.Errorf("went from %s to %s, and what may be in AWS is %+v", was.State, l.State, was.Prepared)
	case l.Waiting() && (!l.OpenedAt.IsZero() || !l.ExpiresAt.IsZero() || !l.OpenBy.IsZero()):
		return fmt.Errorf("is %s, and its clock runs", l.State)
	case l.Waiting() && l.Prepared.Begun() && l.Prepared.Until.Before(l.Prepared.By.Add(l.Duration)):
		return errors.New("is built ahead with an end that is too early")
	case l.Waiting() && l.Prepared.Ready() && l.Stage != "" || l.building() && l.Stage == "":
		return fmt.Errorf("is built ahead at stage %q, ready at %s", l.Stage, l.Prepared.ReadyAt)
	case l.Waiting() && !l.Locked() || l.State == Opening && l.OpenedAt.IsZero() && !l.Locked():
		return fmt.Errorf("is %s, and its door is not locked", l.State)
	case l.State == Open && (l.OpenedAt.IsZero() || l.ExpiresAt.IsZero()):
		return errors.New("is open without a clock")
	case !l.OpenedAt.IsZero() && l.ExpiresAt.Sub(l.OpenedAt) > max(l.Max, l.Duration):
		return fmt.Errorf("may last %s, which is more than %s", l.ExpiresAt.Sub(l.OpenedAt), l.Max)
	case (l.State == Closing || l.State == Closed) && (l.Reason == "" || l.ClosingAt.IsZero()):
		return fmt.Errorf("is %s without a reason", l.State)
	case l.State == Closed && (l.ClosedAt.IsZero() || l.KeepUntil.IsZero()):
		return errors.New("is closed without a time")
	case was.State == Closed && l.State == Closing && (!l.ClosedAt.IsZero() || !l.KeepUntil.IsZero()):
		return errors.New("is closing and keeps the times of a closed one")
	case !was.ExpiresAt.IsZero() && !l.ExpiresAt.Equal(was.ExpiresAt) && was.State == Open && l.State == Open &&
		l.ExtendApprovals > 0 && len(l.Asked.Approved) < l.ExtendApprovals:
		return fmt.Errorf("was extended with %d of %d approvals", len(l.Asked.Approved), l.ExtendApprovals)
	case was.State == Requested && l.State == Opening && l.Approvals > 0 && !l.Urgent:
		return errors.New("opens without approval")
	case l.Drift != (Drift{}) && l.State != Open && !l.Waiting() && was.Drift == (Drift{}):
		return fmt.Errorf("is %s and has drifted", l.State)
	case l.Alarmed && !was.Alarmed && l.State != Open && l.State != Closing && !(l.Waiting() && l.Drift.Widened):
		return fmt.Errorf("is %s and stuck", l.State)
	case l.State == Open && was.State == Open && len(l.Sources) == 0 && len(was.Sources) > 0:
		return errors.New("is open for nobody")
	case l.State == Closed && l.Alarmed:
		return errors.New("is closed and stuck")
	case l.State == Closed && was.State == Closing && len(l.Stragglers) > 0:
		return fmt.Errorf("is closed while others may be at work on it: %+v", l.Stragglers)
	case l.DueAt.IsZero():
		return errors.New("will never be looked at again")
	case was.Reason != "" && was.Reason != l.Reason && (l.Reason != Lost || !l.Abandoned.Standing()):
		return fmt.Errorf("ended as %s and then as %s", was.Reason, l.Reason)
	}
	return nil
}
