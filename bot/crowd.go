package bot

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// crowd watches for a second process on the same app token, such as a copy that
// somebody forgot to stop: Slack gives it its share of the commands, which then
// never arrive here. Slack says how many connections there are in the greeting of
// each new one, and at no other time, so a suspicion is looked into by making one
// of one's own anew.
type crowd struct {
	log *slog.Logger

	mu     sync.Mutex
	others int // connections that were not the bot's own at the last greeting
	known  int // of them, those that have been there for a while
}

// greeted notes how many connections Slack counted, and how many of them were
// the bot's own.
func (c *crowd) greeted(all, own int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.others = max(0, all-own)
}

func (c *crowd) suspected() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.others > 0
}

// rivals is how many connections others have had for a while.
func (c *crowd) rivals() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known
}

// settle takes the last greeting for what is so, and says what is new about it.
func (c *crowd) settle() {
	c.mu.Lock()
	was, is := c.known, c.others
	c.known = is
	c.mu.Unlock()
	switch {
	case is > 0 && was == 0:
		c.log.Error("A SECOND PROCESS USES THE SAME APP TOKEN: Slack gives it a share of the commands, which are lost; stop it",
			"connections", is)
	case is == 0 && was > 0:
		c.log.Info("no second process uses the app token any more")
	}
}

// watch looks for a second process until ctx ends; renew makes a connection anew
// and waits until it is up.
func (c *crowd) watch(ctx context.Context, after, every time.Duration, renew func(context.Context)) {
	for {
		wait := after
		if c.rivals() > 0 {
			wait = every
		}
		if !sleep(ctx, wait) {
			return
		}
		if c.suspected() || c.rivals() > 0 {
			renew(ctx)
			c.settle()
		}
	}
}
