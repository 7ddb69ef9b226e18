package sshforward

import "time"

// claimFor is how long it is shown that somebody looks at a request.
const claimFor = 5 * time.Minute

// Claimed reports whether an approver looks at what is to be decided; see
// Lease.Claim.
func (l *Lease) Claimed() bool { return !l.claimEnds().IsZero() }

// unclaim forgets who looks at it, if that is the user.
func (l *Lease) unclaim(user string) {
	if l.Claim.User == user {
		l.Claim = Claim{}
	}
}

// claimEnds is when it is no longer shown that somebody looks at what waits for a
// decision; zero if nobody does.
func (l *Lease) claimEnds() time.Time {
	if l.Claim.User == "" || l.State != Pending && (l.State != Open || !l.Asked.Pending()) {
		return time.Time{}
	}
	return l.Claim.At.Add(claimFor)
}

// claimKey is what people see of a claim.
func (l *Lease) claimKey() string {
	if l.claimEnds().IsZero() {
		return ""
	}
	return " claim=" + l.Claim.User
}
