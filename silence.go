package sshforward

import (
	"context"
	"sync/atomic"
	"time"
)

const (
	// storeTimeout bounds a call to a store that replicas share: while it does not
	// answer, what is due goes on from memory.
	storeTimeout = 3 * time.Second
	// silentTimeout is the same once a call was waited for in vain: an end takes
	// several of them, and must not wait for each.
	silentTimeout = 300 * time.Millisecond
)

// silence is whether a store has let the last call that was given its full time wait
// in vain. It is over with the first answer, be it to a beat.
type silence struct{ atomic.Bool }

func (s *silence) timeout() time.Duration {
	if s.Load() {
		return silentTimeout
	}
	return storeTimeout
}

// bounded bounds a call to a store that replicas share. done is told what came of it.
func (s *silence) bounded(ctx context.Context, shared bool) (within context.Context, done func(error)) {
	if !shared {
		return ctx, func(error) {}
	}
	within, cancel := context.WithTimeout(ctx, s.timeout())
	return within, func(err error) {
		if ctx.Err() == nil {
			s.Store(err != nil && within.Err() != nil)
		}
		cancel()
	}
}
