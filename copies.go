package sshforward

import (
	"sync"
	"time"
)

// copies are a replica's own leases as it has read or written them last. Access ends
// also while the store cannot be reached: then it goes on from these.
type copies struct {
	mu     sync.Mutex
	leases map[string]*Lease // by id
}

// note keeps a lease, or forgets it when keep is false.
func (c *copies) note(l *Lease, keep bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !keep {
		delete(c.leases, l.ID)
		return
	}
	if c.leases == nil {
		c.leases = make(map[string]*Lease)
	}
	c.leases[l.ID] = l.Clone()
}

func (c *copies) forget(id string) { c.note(&Lease{ID: id}, false) }

func (c *copies) get(id string) (*Lease, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, ok := c.leases[id]
	if !ok {
		return nil, false
	}
	return l.Clone(), true
}

// due returns the ids of those that need something by then.
func (c *copies) due(then time.Time) (ids []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, l := range c.leases {
		if due(l.DueAt, then) {
			ids = append(ids, id)
		}
	}
	return ids
}
