package bot

import (
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
)

const (
	// Slack delivers events again for up to an hour when they are not
	// acknowledged, and duplicates of commands come within seconds.
	envelopeAge  = time.Hour
	maxEnvelopes = 20000
)

// delivery is one envelope that came, and how it was acknowledged.
type delivery struct {
	at   time.Time
	done chan struct{} // closed once it may be acknowledged
	ack  any           // payload of the acknowledgement; written before done
}

// dedup remembers envelopes by id, bounded by time and by number.
type dedup struct {
	mu   sync.Mutex
	byID *lru.Cache[string, *delivery]
}

func newDedup() *dedup {
	return &dedup{byID: newCache[string, *delivery](maxEnvelopes)}
}

// first returns the entry for an envelope id and whether it is new.
func (d *dedup) first(id string, now time.Time) (*delivery, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e, ok := d.byID.Peek(id); ok && now.Sub(e.at) <= envelopeAge {
		return e, false
	}
	e := &delivery{at: now, done: make(chan struct{})}
	d.byID.Add(id, e)
	return e, true
}
