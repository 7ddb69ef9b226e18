package sshforward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
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

// wire is a way to somewhere: it can be cut, and it can stand still, as all does
// of a process that is stopped.
type wire struct {
	mu     sync.Mutex
	cut    bool
	paused chan struct{} // closed when it goes on; nil: it goes
	sent   bool          // what goes over it takes effect, however late
	full   bool          // nothing can be written over it
}

func (l *wire) pass() error {
	l.mu.Lock()
	paused := l.paused
	l.mu.Unlock()
	if paused != nil {
		<-paused
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return &Error{Code: EUNAVAILABLE, Message: Textf("%s cannot be reached.", "It"), Err: errors.New("the line is cut")}
	}
	return nil
}

func (l *wire) set(cut bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = cut
}

func (l *wire) fill(full bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.full = full
}

// passWrite is pass for what writes.
func (l *wire) passWrite() error {
	if err := l.pass(); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.full {
		return unavailable("The store")
	}
	return nil
}

func (l *wire) pause() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.paused = make(chan struct{})
}

func (l *wire) resume() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.paused != nil {
		close(l.paused)
		l.paused = nil
	}
}

// over does a call over a line.
func over[T any](l *wire, call func() (T, error)) (T, error) {
	if err := l.pass(); err != nil {
		var none T
		return none, err
	}
	return call()
}

func overNone(l *wire, call func() error) error {
	_, err := over(l, func() (struct{}, error) { return struct{}{}, call() })
	return err
}

// linedStore is the store at the end of a line.
type linedStore struct {
	*memStore
	line *wire
}

func (s linedStore) Lease(ctx context.Context, id string) (*Lease, error) {
	return over(s.line, func() (*Lease, error) { return s.memStore.Lease(ctx, id) })
}

func (s linedStore) Put(ctx context.Context, l *Lease, events ...Event) error {
	if err := s.line.passWrite(); err != nil {
		return err
	}
	return s.memStore.Put(ctx, l, events...)
}

func (s linedStore) Delete(ctx context.Context, id string, revision uint64) error {
	return overNone(s.line, func() error { return s.memStore.Delete(ctx, id, revision) })
}

func (s linedStore) Due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	return over(s.line, func() ([]string, error) { return s.memStore.Due(ctx, now, limit) })
}

func (s linedStore) Active(ctx context.Context) ([]*Lease, error) {
	return over(s.line, func() ([]*Lease, error) { return s.memStore.Active(ctx) })
}

func (s linedStore) Append(ctx context.Context, events ...Event) error {
	if err := s.line.passWrite(); err != nil {
		return err
	}
	return s.memStore.Append(ctx, events...)
}

func (s linedStore) Events(ctx context.Context, since time.Time) iter.Seq2[Event, error] {
	if err := s.line.pass(); err != nil {
		return func(yield func(Event, error) bool) { yield(Event{}, err) }
	}
	return s.memStore.Events(ctx, since)
}

func (s linedStore) Beat(ctx context.Context, m Member) error {
	return overNone(s.line, func() error { return s.memStore.Beat(ctx, m) })
}

func (s linedStore) Members(ctx context.Context) ([]Member, error) {
	return over(s.line, func() ([]Member, error) { return s.memStore.Members(ctx) })
}

func (s linedStore) Held(ctx context.Context, user string) (Held, error) {
	return over(s.line, func() (Held, error) { return s.memStore.Held(ctx, user) })
}

func (s linedStore) SetHeld(ctx context.Context, h *Held) error {
	return overNone(s.line, func() error { return s.memStore.SetHeld(ctx, h) })
}

// linedCloud is the cloud at the end of a line. What is under way when the line
// stops comes to an end only when it goes on.
type linedCloud struct {
	*fakeCloud
	line *wire
}

func (c linedCloud) Open(ctx context.Context, l *Lease) (StepResult, error) {
	if c.line.sent {
		ctx = context.WithoutCancel(ctx)
	}
	return over(c.line, func() (StepResult, error) { return c.fakeCloud.Open(ctx, l) })
}

func (c linedCloud) Extend(ctx context.Context, l *Lease) (StepResult, error) {
	return over(c.line, func() (StepResult, error) { return c.fakeCloud.Extend(ctx, l) })
}

func (c linedCloud) Close(ctx context.Context, l *Lease) (StepResult, error) {
	return over(c.line, func() (StepResult, error) { return c.fakeCloud.Close(ctx, l) })
}

func (c linedCloud) Survey(ctx context.Context, account string, stored []*Lease) (Survey, error) {
	return over(c.line, func() (Survey, error) { return c.fakeCloud.Survey(ctx, account, stored) })
}

func (c linedCloud) Instance(ctx context.Context, account, id string) (Instance, error) {
	return over(c.line, func() (Instance, error) { return c.fakeCloud.Instance(ctx, account, id) })
}

// linedSlack is Slack at the end of a line.
type linedSlack struct {
	people
	line *wire
}

func (s linedSlack) Person(ctx context.Context, user string) (Person, error) {
	return over(s.line, func() (Person, error) { return s.people.Person(ctx, user) })
}

func (s linedSlack) Card(ctx context.Context, l *Lease) (channel, ts string, err error) {
	if err := s.line.pass(); err != nil {
		return "", "", err
	}
	return s.people.Card(ctx, l)
}

func (s linedSlack) Notice(ctx context.Context, l *Lease, n Notice) (Place, error) {
	return over(s.line, func() (Place, error) { return s.people.Notice(ctx, l, n) })
}

func (s linedSlack) Edit(ctx context.Context, l *Lease, p Posted) error {
	return overNone(s.line, func() error { return s.people.Edit(ctx, l, p) })
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

// A lease lives its whole life among three replicas: each thing is done once.
func TestALifeAmongThree(t *testing.T) {
	inFleet(t, 3, func(f *fleet) {
		r, err := f.replicas[1].do(via(alice, "e-1"), OpenLease{Instance: "web", Duration: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		id := r.Lease.ID
		if f.worker(id) != f.replicas[1] {
			t.Errorf("%s works on it, and %s was asked", f.stored(id).Worker, f.replicas[1].id())
		}
		f.pass(2 * time.Second)
		if _, err := f.replicas[2].do(via(alice, "e-2"), ConfirmLease{ID: id}); err != nil {
			t.Fatal(err)
		}
		if f.worker(id) != f.replicas[2] {
			t.Error("who recorded the yes does not work on it")
		}
		f.pass(untilInService + time.Second)
		f.expect(id, Open, "")
		for _, op := range []string{"open/group", "open/balancer", "open/clock"} {
			if n := f.cloud.count(op, id); n != 1 {
				t.Errorf("%s was done %d times", op, n)
			}
		}
		if _, err := f.replicas[0].do(via(alice, "e-3"), ExtendLease{Ref: id, Duration: time.Hour}); err != nil {
			t.Fatal(err)
		}
		f.pass(3 * time.Second)
		if n := f.cloud.count("extend", id); n != 1 {
			t.Errorf("its tags were moved %d times", n)
		}
		f.pass(time.Until(f.lease(id).ExpiresAt))
		if f.cloud.reachable(id) {
			t.Error("access lasted beyond its end")
		}
		f.pass(time.Minute)
		f.expect(id, Closed, Expired)
		f.nothingLeft()
		for _, what := range []string{"new card", "ready", "command", "ended"} {
			if n := f.count(what, id); n != 1 {
				t.Errorf("%q was said %d times: %q", what, n, f.slack.heard(id))
			}
		}
		for _, r := range f.replicas {
			if r.members != 3 {
				t.Errorf("%s counts %d replicas", r.id(), r.members)
			}
			if r.takeovers != 0 {
				t.Errorf("%s has taken over %d leases", r.id(), r.takeovers)
			}
		}
		if l := f.stored(id); len(l.Stragglers) > 0 {
			t.Errorf("at work still: %+v", l.Stragglers)
		}
	})
}

// What a replica that was killed was opening is opened by another one, and ends in
// time even if it is killed at its end.
func TestARestartElsewhere(t *testing.T) {
	for _, after := range []time.Duration{0, time.Second, 5 * time.Second, 20 * time.Second} {
		t.Run(fmt.Sprint("killed after ", after), func(t *testing.T) {
			inFleet(t, 2, func(f *fleet) {
				id := f.ask(alice, "web", 10*time.Minute)
				f.pass(2 * time.Second)
				f.must(alice, ConfirmLease{ID: id})
				f.pass(after)
				f.kill(f.worker(id))
				f.pass(deadAfter + untilInService + pollEvery + 3*time.Second)
				f.expect(id, Open, "")
				if f.worker(id) == nil {
					t.Fatal("a dead one works on it")
				}
				f.pass(time.Until(f.lease(id).ExpiresAt))
				if f.cloud.reachable(id) {
					t.Error("access lasted beyond its end")
				}
				f.pass(straggleFor + time.Minute)
				f.expect(id, Closed, Expired)
				f.nothingLeft()
				if n := f.count("new card", id); n != 1 {
					t.Errorf("%d cards", n)
				}
			})
		})
	}
}

// The owner dies just before the end, or cannot do anything: the end is late by the
// take-over at most.
func TestTheOwnerIsGoneAtTheEnd(t *testing.T) {
	for what, c := range map[string]struct {
		gone func(f *fleet, r *replica)
		most time.Duration
	}{
		"killed":                 {func(f *fleet, r *replica) { f.kill(r) }, deadAfter + 2*time.Second},
		"paused":                 {func(_ *fleet, r *replica) { r.pause() }, deadAfter + 2*time.Second},
		"cut off from AWS":       {func(_ *fleet, r *replica) { r.aws.set(true) }, roundAfter + 2*time.Second},
		"cut off from the store": {func(_ *fleet, r *replica) { r.store.set(true) }, deadAfter + 2*time.Second},
		"told to stop":           {func(f *fleet, r *replica) { f.terminate(r, 7*time.Second) }, 0},
	} {
		t.Run(what, func(t *testing.T) {
			inFleet(t, 3, func(f *fleet) {
				id := f.opened(alice, "web", 10*time.Minute)
				end := f.lease(id).ExpiresAt
				f.pass(time.Until(end.Add(-1500 * time.Millisecond)))
				owner := f.worker(id)
				c.gone(f, owner)
				ended := time.Duration(-1)
				for late := time.Duration(0); late < time.Minute; late += 500 * time.Millisecond {
					f.pass(time.Until(end.Add(late)))
					if !f.cloud.reachable(id) {
						ended = late
						break
					}
				}
				if ended < 0 || ended > c.most {
					t.Errorf("access ended %s late, want %s at most", ended, c.most)
				}
				t.Logf("access ended %s late", ended)
				if slices.Contains(f.replicas, owner) {
					f.pass(time.Minute)
					if what == "paused" {
						owner.resume()
					}
					owner.aws.set(false)
					owner.store.set(false)
				}
				f.pass(straggleFor + 2*time.Minute)
				if l := f.stored(id); l.State != Closed || l.Reason != Expired {
					t.Errorf("it is %s %s", l.State, l.Reason)
				}
				f.nothingLeft()
				// Who is cut off from the store ends it too, and says so.
				if n := f.count("ended", id); n != 1 && (n != 2 || what != "cut off from the store") {
					t.Errorf("its end was said %d times", n)
				}
			})
		})
	}
}

// The store is gone for all of them: who owns a lease ends it in time, and what
// happened is written once the store is back.
func TestAllAreCutOffFromTheStore(t *testing.T) {
	inFleet(t, 2, func(f *fleet) {
		id := f.opened(alice, "web", 10*time.Minute)
		end := f.lease(id).ExpiresAt
		f.pass(time.Until(end.Add(-time.Minute)))
		for _, r := range f.replicas {
			r.store.set(true)
		}
		f.pass(time.Until(end.Add(time.Second)))
		if f.cloud.reachable(id) {
			t.Error("access lasts beyond its end")
		}
		f.pass(time.Minute)
		f.nothingLeft()
		if s := f.stored(id).State; s != Open {
			t.Fatalf("the store has %s", s)
		}
		for _, r := range f.replicas {
			r.store.set(false)
		}
		f.pass(20 * time.Second)
		f.expect(id, Closed, Expired)
		if n := f.count("ended", id); n != 1 {
			t.Errorf("its end was said %d times", n)
		}
		told := make(map[Act]int)
		for _, e := range f.store.recorded() {
			told[e.Act]++
		}
		for _, act := range []Act{ActEnding, ActAccessEnded, ActClosed} {
			if told[act] != 1 {
				t.Errorf("%s is %d times in the record", act, told[act])
			}
		}
	})
}

// refusing has one kind of call to the store fail.
func refusing(kind string) func(context.Context, string, string) error {
	return func(_ context.Context, op, _ string) error {
		if op == kind {
			return unavailable("The store")
		}
		return nil
	}
}
