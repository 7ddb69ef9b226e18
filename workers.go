package sshforward

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
)

const (
	laneWork = "work" // AWS
	laneTalk = "talk" // Slack

	stepsPerAccount = 32 // at one time, openings and closings counted apart
	wordsAtOnce     = 8  // calls to Slack at one time
)

// crew is who works on leases: at most one worker per lease and lane, and a
// bounded number of them in an effect at one time. Accounts do not wait for
// each other, and a teardown never waits for openings.
type crew struct {
	ctx    context.Context
	cancel context.CancelFunc
	done   chan struct{} // closed when stopping
	wg     sync.WaitGroup

	mu      sync.Mutex
	stopped bool
	running map[lane]bool // true: look again before leaving
	turns   map[turn]chan struct{}
	words   chan struct{}
	memory  map[string]unwritten // what the store could not take yet
	breaks  map[string]context.CancelFunc
}

// unwritten is a lease that goes on in memory, and what the audit record does
// not have of it yet.
type unwritten struct {
	lease  *Lease
	events []Event
}

type lane struct{ id, name string }

type turn struct {
	account string
	closing bool
}

func (c *crew) init() {
	c.ctx, c.cancel = context.WithCancel(context.Background())
	c.done = make(chan struct{})
	c.running = make(map[lane]bool)
	c.turns = make(map[turn]chan struct{})
	c.words = make(chan struct{}, wordsAtOnce)
	c.memory = make(map[string]unwritten)
	c.breaks = make(map[string]context.CancelFunc)
}

// run starts do for the lane of a lease. If it is running already it is run
// once more afterwards, since it may have looked at the lease too early.
func (c *crew) run(id, name string, do func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := lane{id, name}
	if c.stopped {
		return
	}
	if _, ok := c.running[key]; ok {
		c.running[key] = true
		return
	}
	c.running[key] = false
	c.wg.Go(func() {
		for {
			do()
			c.mu.Lock()
			if again := c.running[key]; !again || c.stopped {
				delete(c.running, key)
				c.mu.Unlock()
				return
			}
			c.running[key] = false
			c.mu.Unlock()
		}
	})
}

// turn waits until the lease's account has room for one more effect.
func (c *crew) turn(ctx context.Context, l *Lease) (release func(), err error) {
	key := turn{account: l.Instance.Account, closing: l.State == Closing}
	c.mu.Lock()
	room, ok := c.turns[key]
	if !ok {
		room = make(chan struct{}, stepsPerAccount)
		c.turns[key] = room
	}
	c.mu.Unlock()
	return c.take(ctx, room)
}

// word waits until there is room for one more call to Slack.
func (c *crew) word(ctx context.Context) (release func(), err error) { return c.take(ctx, c.words) }

// errStopping ends the wait for a turn: nothing new is begun.
var errStopping = errors.New("stopping")

func (c *crew) take(ctx context.Context, room chan struct{}) (func(), error) {
	if c.stopping() {
		return nil, errStopping
	}
	select {
	case room <- struct{}{}:
		return func() { <-room }, nil
	case <-c.done:
		return nil, errStopping
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (c *crew) stopping() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

func (c *crew) stop(ctx context.Context) {
	c.mu.Lock()
	if !c.stopped {
		c.stopped = true
		close(c.done)
	}
	c.mu.Unlock()
	idle := make(chan struct{})
	go func() { c.wg.Wait(); close(idle) }()
	select {
	case <-idle:
	case <-ctx.Done():
	}
	c.cancel()
	<-idle
}

// interruptible lets interrupt cut short the effect that runs for a lease. The
// returned function ends that.
func (c *crew) interruptible(id string, cancel context.CancelFunc) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.breaks[id] = cancel
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.breaks, id)
	}
}

// interrupt cuts short an opening step, so that a close does not wait for it.
func (c *crew) interrupt(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if cancel, ok := c.breaks[id]; ok {
		cancel()
	}
}

// keep remembers a lease that the store could not take, with all events that
// have to be written with it, and reports whether this is new.
func (c *crew) keep(l *Lease, events []Event) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, had := c.memory[l.ID]
	c.memory[l.ID] = unwritten{l.Clone(), slices.Clone(events)}
	return !had
}

// saved forgets it again.
func (c *crew) saved(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.memory, id)
}

func (c *crew) unsaved(id string) (*Lease, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	u, ok := c.memory[id]
	if !ok {
		return nil, false
	}
	return u.lease.Clone(), true
}

// untold returns the events that were kept with a lease.
func (c *crew) untold(id string) []Event {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.memory[id].events)
}

func (c *crew) unsavedIDs() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.memory))
}

// latest returns the copy in memory of a lease, where there is one.
func (c *crew) latest(l *Lease) *Lease {
	if newer, ok := c.unsaved(l.ID); ok {
		return newer
	}
	return l
}
