package sshforward

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// fleet is a world with several replicas on one store. The keeper of the world
// itself, which commands are given to and leases are read from, is the first of
// those that run.
type fleet struct {
	*world
	replicas []*replica
}

// replica is one keeper and its ways to the store and to AWS.
type replica struct {
	f     *fleet
	k     *Keeper
	store *wire
	aws   *wire
	slack *wire
	stop  context.CancelFunc // of the ticks

	mu        sync.Mutex
	off       time.Duration // of its clock
	takeovers int
	members   int
	skew      time.Duration
}

// inFleet runs a spec in a world with so many replicas that know each other.
func inFleet(t *testing.T, n int, spec func(f *fleet)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, n)
		defer f.end()
		f.pass(2 * time.Second)
		spec(f)
	})
}

func newFleet(t *testing.T, n int) *fleet {
	f := &fleet{world: newWorld(t)}
	for range n {
		f.begin()
	}
	return f
}

// begin brings up one more replica.
func (f *fleet) begin() *replica {
	ctx, cancel := context.WithCancel(context.Background())
	r := &replica{f: f, store: new(wire), aws: new(wire), slack: new(wire), stop: cancel}
	r.k = NewKeeper(Options{
		Store: linedStore{f.store, r.store}, Cloud: linedCloud{f.cloud, r.aws}, Slack: linedSlack{people{f.slack, f.dir}, r.slack}, Shared: true,
		Policy: f.policy, Timing: f.timing, Accounts: map[string]Account{"main": {ListenerPort: 443, SSHUser: "ubuntu"}, "far": {}},
		Logger:     slog.New(cmp.Or[slog.Handler](f.handler, slog.NewTextHandler(&f.log, nil))),
		OnOpened:   f.measure(&f.openings),
		OnOverstay: f.measure(&f.overstays),
		ClockOff: func() (time.Duration, bool) {
			r.mu.Lock()
			defer r.mu.Unlock()
			return r.off, true
		},
		OnTakeover: func() { r.note(func() { r.takeovers++ }) },
		OnMembers:  func(n int) { r.note(func() { r.members = n }) },
		OnSkew:     func(d time.Duration) { r.note(func() { r.skew = d }) },
	})
	f.replicas = append(f.replicas, r)
	f.rule()
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			go func() { _ = r.k.Tick(ctx) }() // of a line that stands still none comes back
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	}()
	return r
}

func (r *replica) note(what func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	what()
}

// rule makes the first of those that run the keeper of the world.
func (f *fleet) rule() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.k = f.replicas[0].k
}

// kill ends a replica as kill -9 does.
func (f *fleet) kill(r *replica) {
	r.stop()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	f.replicas = slices.DeleteFunc(f.replicas, func(o *replica) bool { return o == r })
	if len(f.replicas) > 0 {
		f.rule()
	}
	r.k.Stop(gone)
}

// terminate ends a replica as SIGTERM does.
func (f *fleet) terminate(r *replica, within time.Duration) {
	r.stop()
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	f.replicas = slices.DeleteFunc(f.replicas, func(o *replica) bool { return o == r })
	if len(f.replicas) > 0 {
		f.rule()
	}
	r.k.Stop(ctx)
}

func (f *fleet) end() {
	for _, r := range f.replicas {
		r.resume() // or it would be waited for
	}
	for len(f.replicas) > 0 {
		f.kill(f.replicas[0])
	}
}

// pause stops a replica as SIGSTOP does: none of its calls goes on.
func (r *replica) pause()  { r.store.pause(); r.aws.pause(); r.slack.pause() }
func (r *replica) resume() { r.store.resume(); r.aws.resume(); r.slack.resume() }

func (r *replica) id() string { return r.k.Replica() }

func (r *replica) do(c Caller, cmd Command) (Reply, error) {
	return r.k.Do(context.Background(), c, cmd)
}

// worker is the replica that works on a lease.
func (f *fleet) worker(id string) *replica {
	f.t.Helper()
	by := f.stored(id).Worker
	for _, r := range f.replicas {
		if r.id() == by {
			return r
		}
	}
	return nil
}

// others are the replicas that do not work on a lease.
func (f *fleet) others(id string) []*replica {
	by := f.stored(id).Worker
	return slices.DeleteFunc(slices.Clone(f.replicas), func(r *replica) bool { return r.id() == by })
}

func (f *fleet) count(what string, id string) (n int) {
	for _, heard := range f.slack.heard(id) {
		if heard == what {
			n++
		}
	}
	return n
}
