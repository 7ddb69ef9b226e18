package sshforward

import (
	"sync"
	"time"
)

const (
	// recallTimeout is how long an end may wait for a look at its account.
	recallTimeout = 5 * time.Second
	// recallLasts is for how long one look serves all leases that end in it.
	recallLasts = 2 * time.Second
)

// recalls are the looks at AWS by which a replica that cannot read the store learns
// what others have made of its leases since.
type recalls struct {
	looking keyedMutex // by account

	mu   sync.Mutex
	last map[string]recalled
}

// recalled is what one look has found, and when it was over.
type recalled struct {
	found []Found
	err   error
	at    time.Time
}

func (r *recalls) get(account string, now time.Time) (recalled, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	last, ok := r.last[account]
	return last, ok && now.Sub(last.at) < recallLasts
}

func (r *recalls) set(account string, is recalled) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.last == nil {
		r.last = make(map[string]recalled)
	}
	r.last[account] = is
}
