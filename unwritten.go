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
	events []Event
}

// put keeps a lease that the store could not take, with all events that have to
// be written with it. It reports whether that is news.
func (u *unwritten) put(l *Lease, events []Event) (news bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	news = u.leases[l.ID].lease == nil
	u.set(l.ID, unwrittenLease{l.Clone(), slices.Clone(events)})
	return news
}

// keepEvents forgets the lease itself and keeps what is to be told of it.
func (u *unwritten) keepEvents(id string, events []Event) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(events) == 0 {
		delete(u.leases, id)
		return
	}
	u.set(id, unwrittenLease{events: events})
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
