package sshforward

import (
	"sync"
	"time"
)

// instancesAge is how old what is remembered of instances may be before being
// asked for it has them listed again.
const instancesAge = 30 * time.Second

// instanceCache remembers which instances there are, so that a form can offer
// them within the second that Slack gives it. It is a help for typing and
// decides nothing: what is asked for is looked up and checked anew.
type instanceCache struct {
	mu         sync.Mutex
	byAccount  map[string][]Instance // the last that AWS said
	listedAt   time.Time             // when the last listing began
	refreshing bool
}

// begin reports whether nobody else is listing the instances; if so, finish
// must follow.
func (c *instanceCache) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.refreshing {
		return false
	}
	c.refreshing, c.listedAt = true, time.Now()
	return true
}

func (c *instanceCache) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.refreshing = false
}

// set remembers what an account has.
func (c *instanceCache) set(account string, found []Instance) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byAccount == nil {
		c.byAccount = make(map[string][]Instance)
	}
	c.byAccount[account] = found
}

// all returns what is remembered, and whether it should be listed anew.
func (c *instanceCache) all() (found []Instance, old bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, some := range c.byAccount {
		found = append(found, some...)
	}
	return found, !c.refreshing && time.Since(c.listedAt) > instancesAge
}
