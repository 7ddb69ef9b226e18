package sshforward

import (
	"time"
)

// Prepare says when what is slow about an opening is done while a yes is still
// missing, with the door locked: the lease's own group lets nobody in.
type Prepare string

const (
	PrepareNever    Prepare = "never"    // what is slow begins with the last yes
	PrepareApproval Prepare = "approval" // once the requester has confirmed what needs approval
	PreparePrompt   Prepare = "prompt"   // as soon as the requester is asked to confirm
)

// Preparation is what is built of a lease while a yes is missing.
type Preparation struct {
	// Since is when building began; zero: nothing was built ahead. What was begun
	// gets to Closed only through Closing.
	Since   time.Time `json:",omitzero"`
	By      time.Time `json:",omitzero"` // ready by then, or given up
	Until   time.Time `json:",omitzero"` // the latest end that the lease may get
	ReadyAt time.Time `json:",omitzero"` // all is there, but nobody is let in
	// Resume is the stage at which the opening goes on after its check.
	Resume Stage `json:",omitempty"`
	// BilledAt is when the load balancer was asked for, and GoneAt when it was
	// seen gone.
	BilledAt time.Time `json:",omitzero"`
	GoneAt   time.Time `json:",omitzero"`
	// Cold says why nothing is built ahead though policy asks for it.
	Cold Text `json:",omitzero"`
}

// Begun reports whether something was built of the lease, or may have been, while
// a yes was missing.
func (p Preparation) Begun() bool { return !p.Since.IsZero() }

// Ready reports whether only the rules that let people in are missing.
func (p Preparation) Ready() bool { return !p.ReadyAt.IsZero() }
