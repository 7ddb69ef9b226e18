package sshforward

import (
	"maps"
	"slices"
	"sync"
)

// unwritten is what the store could not take yet: leases, and the events that the
// audit record does not have of them.
type unwritten struct {
	mu     sync.Mutex
	leases map[string]unwrittenLease // by id
}

type unwrittenLease struct {
	lease  *Lease // nil: the store has a newer one, and only the events are missing
	was    *Lease // what the store had when this began; nil: none
	events []Event
}

// put keeps a lease that the store could not take, with all events that have to
// be written with it, and what it was before. It reports whether that is news.
func (u *unwritten) put(l, was *Lease, events []Event) (news bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	before, more := u.leases[l.ID]
	if more {
		was = before.was
	}
	u.set(l.ID, unwrittenLease{l.Clone(), was, slices.Clone(events)})
	return before.lease == nil
}

// replace keeps another lease instead of the one that was kept, of which another
// writer's is what the store has.
func (u *unwritten) replace(l, was *Lease, events []Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.set(l.ID, unwrittenLease{l.Clone(), was, events})
}

// change returns what the store had of a lease before it went on in memory, and what
// it is there; nil is for none.
func (u *unwritten) change(id string) (was, mine *Lease) {
	u.mu.Lock()
	defer u.mu.Unlock()
	l := u.leases[id]
	return l.was, l.lease
}

// keepEvents forgets the lease itself and keeps what is to be told of it.
func (u *unwritten) keepEvents(id string, events []Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(events) == 0 {
		delete(u.leases, id)
		return
	}
	u.set(id, unwrittenLease{was: u.leases[id].was, events: events})
}

func (u *unwritten) set(id string, l unwrittenLease) {
	if u.leases == nil {
		u.leases = make(map[string]unwrittenLease)
	}
	u.leases[id] = l
}

// drop forgets it again.
func (u *unwritten) drop(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.leases, id)
}

// has reports whether anything of a lease is to be written.
func (u *unwritten) has(id string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	_, ok := u.leases[id]
	return ok
}

// newest returns the copy that the store does not have yet, if there is one.
func (u *unwritten) newest(id string) (*Lease, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	l := u.leases[id].lease
	if l == nil {
		return nil, false
	}
	return l.Clone(), true
}

// events returns those that wait to be written with a lease.
func (u *unwritten) events(id string) []Event {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.leases[id].events)
}

// ids are those of the leases of which something is to be written.
func (u *unwritten) ids() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Collect(maps.Keys(u.leases))
}
