package sshforward

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"
)

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
