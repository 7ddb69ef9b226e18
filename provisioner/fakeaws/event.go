package fakeaws

import (
	"sync"
	"time"
)

// What an Event can have done to a resource.
const (
	Created = "created"
	Changed = "changed"
	Deleted = "deleted"
)

// Event says that a resource has changed. Kind is the EC2 name of the type
// ("instance", "security-group", "security-group-rule", "network-interface",
// and so on), "load-balancer", "health" (an instance registered, deregistered,
// in or out of service; ID is NAME/INSTANCE), "schedule" or "schedule-group".
type Event struct {
	Seq             int
	At              time.Time
	Account, Region string
	Kind, ID        string
	Change          string
	Detail          string
	Cause           string // the API operation or fixture method; "time" if none
}

// recentEvents is how many events are remembered at least.
const recentEvents = 200

// Recent returns the last events, the oldest first: some hundreds at most.
func (c *Cloud) Recent() []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]Event(nil), c.recent...)
}

// Subscribe returns a stream of everything that changes from now on, and what
// ends it. A subscriber that falls behind by more than buffer loses events,
// which it sees as a gap in Seq and makes up for by reading the snapshots.
func (c *Cloud) Subscribe(buffer int) (events <-chan Event, cancel func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	ch := make(chan Event, max(buffer, 1))
	id := c.nextSeq()
	c.subs[id] = ch
	var once sync.Once
	return ch, func() {
		once.Do(func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			delete(c.subs, id)
			close(ch)
		})
	}
}

func (r *region) emit(kind, id, change, detail string) {
	c := r.cloud
	r.version++
	c.eventSeq++
	e := Event{
		Seq: c.eventSeq, At: time.Now(), Account: r.account, Region: r.name,
		Kind: kind, ID: id, Change: change, Detail: detail, Cause: c.cause,
	}
	if e.Cause == "" {
		e.Cause = "time"
	}
	if c.recent = append(c.recent, e); len(c.recent) >= 2*recentEvents {
		c.recent = append([]Event(nil), c.recent[recentEvents:]...)
	}
	for _, ch := range c.subs {
		select {
		case ch <- e:
		default:
		}
	}
}
