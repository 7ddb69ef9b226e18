package sshforward

import (
	"math/rand/v2"
	"time"
)

// Timing is how long things may take.
type Timing struct {
	Default   time.Duration   // of a lease, when the command gives none
	Min       time.Duration   // shortest lease
	Confirm   time.Duration   // for the requester to press Open
	Approval  time.Duration   // for approvers
	Opening   time.Duration   // from the last yes to ready; then it is rolled back
	Stopped   time.Duration   // for an instance that was stopped while open to come back
	Reminders []time.Duration // before the end
	Sweep     time.Duration   // between two looks for what should not be there
	Keep      time.Duration   // closed leases
}

// DefaultTiming is what the configuration starts from.
func DefaultTiming() Timing {
	return Timing{
		Default: time.Hour, Min: 5 * time.Minute,
		Confirm: 10 * time.Minute, Approval: 8 * time.Hour, Opening: 10 * time.Minute, Stopped: 30 * time.Minute,
		Reminders: []time.Duration{15 * time.Minute, 5 * time.Minute},
		Sweep:     5 * time.Minute, Keep: 90 * 24 * time.Hour,
	}
}

// due is the one predicate for "its time has come", the boundary included.
func due(at, now time.Time) bool { return !now.Before(at) }

// Backoff is the pause after so many failures in a row: 1s, 2s, 4s … 30s, and
// from a minute to two once the lease is stuck, give or take a fifth so that
// leases which failed together do not return together. atLeast is what the
// other side asked for; more than two minutes are not granted, since access
// may have to end meanwhile.
func Backoff(attempts int, atLeast time.Duration) time.Duration {
	pause := 30 * time.Second
	switch {
	case attempts > StuckAfter:
		pause = 2 * time.Minute
	case attempts == StuckAfter:
		pause = time.Minute
	case attempts < StuckAfter:
		pause = time.Second << max(0, attempts-1)
	}
	pause = pause*4/5 + rand.N(pause*2/5)
	return max(pause, min(atLeast, 2*time.Minute))
}

const (
	// listDelay is how long AWS may take to list what was done, and for how
	// long something has to be missing from every list to be taken for gone:
	// its lists agree with each other only eventually.
	listDelay = 10 * time.Second
	// outAfter is how long an instance is out of service before people are told.
	outAfter = time.Minute
)

// Of what replicas do with each other's leases.
const (
	// deadAfter is for how long the beat of a replica has to stand still before its
	// leases are taken over, by the clock of who looks.
	deadAfter = 12 * time.Second
	// straggleFor is how long a replica from which a lease was taken over may still
	// be at work on it, if it says nothing. AWS takes no call whose signature is
	// older than five minutes, and it has signed none since it was missed.
	straggleFor = 5 * time.Minute
	// lateAfter is how long an end that is due waits for its owner before any
	// replica decides it, and roundAfter how long the next round of closing does:
	// one takes some seconds.
	lateAfter  = 3 * time.Second
	roundAfter = deadAfter
	// unseenFor is how long AWS may not list what was made a moment ago.
	unseenFor = time.Minute
	// lookEvery is the pause between two looks at what is gone and may be made again.
	lookEvery = 15 * time.Second
)
