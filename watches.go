package sshforward

import (
	"sync"
	"time"
)

// healthEvery is how often the health of an open lease is asked for at most: ELB
// has an API budget of its own that others may need.
const healthEvery = 30 * time.Second

// nameEvery is how often a name is looked up that did not resolve.
const nameEvery = 10 * time.Second

// watches remember when the health of each open lease was asked for, and since
// when every answer was bad. They are lost in a crash, which only makes the next
// looks more patient.
type watches struct {
	mu     sync.Mutex
	leases map[string]*watched
}

type watched struct {
	looking  bool
	lookedAt time.Time // at its health
	namedAt  time.Time // when its name was looked up
	outSince time.Time // zero: it was in service when last seen
}

// keep forgets all leases but these.
func (w *watches) keep(open []*Lease) {
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := make(map[string]*watched)
	for _, l := range open {
		if kept[l.ID] = w.leases[l.ID]; kept[l.ID] == nil {
			// It was in service when it opened.
			kept[l.ID] = &watched{lookedAt: l.OpenedAt}
		}
	}
	w.leases = kept
}

// enter begins a look at a lease, and says whether its health is to be asked for
// and whether its name is to be looked up: neither while one is under way, or
// too soon after the last.
func (w *watches) enter(l *Lease, now time.Time) (health, name bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.leases[l.ID]
	if x == nil || x.looking {
		return false, false
	}
	if health = now.Sub(x.lookedAt) >= healthEvery; health {
		x.lookedAt = now
	}
	if name = l.ByAddress() != "" && now.Sub(x.namedAt) >= nameEvery; name {
		x.namedAt = now
	}
	x.looking = health || name
	return health, name
}

// leave ends it.
func (w *watches) leave(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if x := w.leases[id]; x != nil {
		x.looking = false
	}
}

// saw notes what was seen and returns since when the instance is out of service
// in every look; zero if it is in service.
func (w *watches) saw(id string, inService bool, now time.Time) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := w.leases[id]
	switch {
	case x == nil:
		return time.Time{}
	case inService:
		x.outSince = time.Time{}
	case x.outSince.IsZero():
		x.outSince = now
	}
	return x.outSince
}
