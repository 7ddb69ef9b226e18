package bot

import (
	"sync"
	"time"
)

const (
	// Slack delivers events again for up to an hour when they are not
	// acknowledged, and duplicates of commands come within seconds.
	rememberFor  = time.Hour
	rememberMost = 20000
)

// delivery is what became of one envelope.
type delivery struct {
	id   string
	at   time.Time
	done chan struct{} // closed once it may be acknowledged
	ack  any           // payload of the acknowledgement; written before done
}

// dedup remembers envelopes by id, bounded by time and by number.
type dedup struct {
	mu    sync.Mutex
	byID  map[string]*delivery
	order []*delivery // oldest first
}

// first returns the entry for an envelope id and whether it is new.
func (d *dedup) first(id string, now time.Time) (*delivery, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.byID == nil {
		d.byID = map[string]*delivery{}
	}
	if e := d.byID[id]; e != nil {
		return e, false
	}
	for len(d.order) > 0 && (len(d.order) >= rememberMost || now.Sub(d.order[0].at) > rememberFor) {
		delete(d.byID, d.order[0].id)
		d.order[0] = nil
		d.order = d.order[1:]
	}
	e := &delivery{id: id, at: now, done: make(chan struct{})}
	d.byID[id] = e
	d.order = append(d.order, e)
	return e, true
}
