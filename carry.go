package sshforward

// outlasts reports whether an end that was decided in memory counts although another
// writer has changed the lease since, and has it open: one that a person decided
// always does, and any by which access is over in AWS. Only of the end of the time
// that is promised the other one may have known better.
func (l *Lease) outlasts(is *Lease) bool {
	switch {
	case l == nil || l.State != Closing && l.State != Closed:
		return false
	case is.State != Open && is.State != Opening:
		return false
	case l.ClosedBy != "":
		return true
	}
	return !l.AccessEndedAt.IsZero() && (l.Reason != Expired || is.ExpiresAt.After(l.ExpiresAt))
}

// carriedOver is what another writer has made of a lease, ended as it was in memory
// here. What is still there of it is seen again by closing it, so that its receipt
// says no more than was seen after the other one was at work on it.
func (l *Lease) carriedOver(is *Lease) (*Lease, error) {
	ended := is.Clone()
	if err := ended.end(l.ClosingAt, l.Reason, l.ClosedBy, l.Why, Timing{}); err != nil {
		return nil, err
	}
	if l.Reason == Expired {
		ended.Why = Textf("It had been extended meanwhile, which the replica that ended it could not read.")
	}
	for _, envelope := range l.Envelopes {
		if !ended.cameIn(envelope) {
			ended.remember(envelope)
		}
	}
	return ended, nil
}

// carriedWith is what of events that are in memory here is still to be told with such
// an end.
func (l *Lease) carriedWith(events []Event, is *Lease) []Event {
	var out []Event
	for _, e := range events {
		switch e.Act {
		case ActEnding:
			e.Expires, e.Detail = l.ExpiresAt.UTC(), plain(l.Why.String())
		case ActClose:
		case ActAccessEnded, ActClosed:
			continue // by whoever sees it again
		default:
			if e.toldBy(is, is, nil) {
				continue
			}
		}
		out = append(out, e)
	}
	return out
}
