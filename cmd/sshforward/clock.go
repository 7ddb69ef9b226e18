package main

import (
	"slices"
	"sync"
	"time"
)

// answersForClock is how many answers of AWS the clock here is compared with: the
// middle one of so many says little wrong if some of them took their time.
const answersForClock = 9

// clock is how far this machine's clock is off, by what DynamoDB says in its answers,
// which come all the time where leases are in a table.
type clock struct {
	mu   sync.Mutex
	last []time.Duration
}

// see takes in by how much AWS's clock is ahead.
func (c *clock) see(ahead time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last = append(c.last, ahead); len(c.last) > answersForClock {
		c.last = c.last[1:]
	}
}

// off is by how much the clock here is behind; false as long as too few have
// answered.
func (c *clock) off() (behind time.Duration, known bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.last) < answersForClock {
		return 0, false
	}
	sorted := slices.Sorted(slices.Values(c.last))
	return sorted[len(sorted)/2], true
}

// offOr is off, or where DynamoDB is not asked what else is known.
func (c *clock) offOr(otherwise func() (time.Duration, bool)) (behind time.Duration, known bool) {
	if behind, known = c.off(); known {
		return behind, true
	}
	return otherwise()
}
