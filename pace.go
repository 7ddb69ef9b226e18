package sshforward

import (
	"sync"
	"time"
)

// pace keeps people from doing something more often than so many times in a
// while. It is lost in a crash, which is no more than a new start.
type pace struct {
	most   int
	within time.Duration

	mu   sync.Mutex
	past map[string][]time.Time // by who did it, the oldest first
}

// take reports whether somebody may do it once more, and counts it if so.
func (p *pace) take(who string, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for other, times := range p.past { // a person who went home costs nothing
		for len(times) > 0 && now.Sub(times[0]) >= p.within {
			times = times[1:]
		}
		if p.past[other] = times; len(times) == 0 {
			delete(p.past, other)
		}
	}
	if len(p.past[who]) >= p.most {
		return false
	}
	if p.past == nil {
		p.past = make(map[string][]time.Time)
	}
	p.past[who] = append(p.past[who], now)
	return true
}
