package fakeaws

import (
	"slices"
	"time"
)

// lateCall is a call that reached AWS although its caller has given up.
type lateCall struct {
	call  Call
	scope scope
	at    time.Time
}

// later keeps a call that was given up for when it takes effect.
func (c *Cloud) later(call Call, s scope, at time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.late = append(c.late, lateCall{call: call, scope: s, at: at})
}

// settleLate lets calls take effect that were given up, in the order in which
// they are due.
func (c *Cloud) settleLate(now time.Time) {
	due := filterSlice(c.late, func(l lateCall) bool { return !now.Before(l.at) })
	if len(due) == 0 {
		return
	}
	c.late = filterSlice(c.late, func(l lateCall) bool { return now.Before(l.at) })
	slices.SortStableFunc(due, func(x, y lateCall) int { return x.at.Compare(y.at) })
	cause := c.cause
	for _, l := range due {
		c.cause = l.call.Operation
		_, code := c.act(l.call, l.scope, now)
		c.note(l.call.Seq, code, true)
	}
	c.cause = cause
}
