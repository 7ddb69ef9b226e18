package sshforward

import (
	"sync"
	"time"
)

const (
	// offered is how many instances a form is offered at once; Slack takes 100
	// options, and nobody reads more than a page.
	offered = 30
	// catalogAge is how old the catalog may be before being looked at makes
	// it look again.
	catalogAge = 30 * time.Second
)

// catalog remembers which instances there are, so that a form can offer them
// within the second that Slack gives it. It is a help for typing and decides
// nothing: what is asked for is looked up and checked anew.
type catalog struct {
	mu      sync.Mutex
	all     map[string][]Instance // by account, the last that AWS said
	at      time.Time             // of the last look that began
	looking bool
}

// known returns what is remembered, and whether it should be looked at anew.
func (c *catalog) known() (all []Instance, old bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, some := range c.all {
		all = append(all, some...)
	}
	return all, !c.looking && time.Since(c.at) > catalogAge
}
