package sshforward

import (
	"maps"
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
	byAccount  map[string][]offer // of the last that AWS said, what a rule decides about
	listedAt   time.Time          // when the last listing began
	refreshing bool
}

// offer is as much of an instance as a form shows, and the rule that decides about
// it: a hundred accounts may have half a million, so that every byte of it is half
// a megabyte. What many have in common is there once.
type offer struct {
	text string // the id and the name, one after the other
	id   int    // how much of that is the id
	*common
}

type common struct {
	region, zone string
	rule         *Rule
}

func (o offer) name() string { return o.text[o.id:] }

// instance is what a form is told.
func (o offer) instance(account string) Instance {
	return Instance{Account: account, Region: o.region, ID: o.text[:o.id], Name: o.name(), Zone: o.zone,
		Running: true, State: "running"}
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
func (c *instanceCache) set(account string, found []offer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.byAccount == nil {
		c.byAccount = make(map[string][]offer)
	}
	c.byAccount[account] = found
}

// all returns what is remembered by account, and whether it should be listed anew.
// The lists are not to be changed.
func (c *instanceCache) all() (found map[string][]offer, old bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.byAccount), !c.refreshing && time.Since(c.listedAt) > instancesAge
}
