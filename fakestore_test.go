package sshforward

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"
)

// memStore is a Store in memory. It keeps leases as they are after a trip
// through JSON, so what does not survive a restart of the real one does not
// survive here either, and it refuses writes that no lease may ever make.
type memStore struct {
	t *testing.T

	mu      sync.Mutex
	leases  map[string]*Lease    // as they are read back
	dueAt   map[string]time.Time // the index
	sources map[string][]netip.Prefix
	rebuilt map[string]bool // accounts
	members map[string]Member
	held    map[string]Held // by user
	puts    []string        // "id state", in the order of writing
	events  []Event         // in the order of writing

	// Scripts, called outside the lock. before may refuse or delay a call,
	// after runs when its effect is durable, read when a lease was read.
	before func(ctx context.Context, op, id string) error
	after  func(op, id string) error
	read   func(l *Lease)
}

func newMemStore(t *testing.T) *memStore {
	return &memStore{t: t, leases: make(map[string]*Lease), dueAt: make(map[string]time.Time), sources: make(map[string][]netip.Prefix),
		rebuilt: make(map[string]bool), members: make(map[string]Member), held: make(map[string]Held)}
}

func unavailable(what string) error {
	return &Error{Code: EUNAVAILABLE, Message: Textf("%s cannot be reached.", what), Err: errors.New("scripted fault")}
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

func (s *memStore) enter(ctx context.Context, op, id string) error {
	if err := ctx.Err(); err != nil {
		return &Error{Code: EUNAVAILABLE, Err: err}
	}
	s.mu.Lock()
	before := s.before
	s.mu.Unlock()
	if before != nil {
		return before(ctx, op, id)
	}
	return nil
}

// script changes what happens before a call; nil: nothing.
func (s *memStore) script(before func(ctx context.Context, op, id string) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.before = before
}

func (s *memStore) leave(op, id string) error {
	if s.after != nil {
		return s.after(op, id)
	}
	return nil
}

func (s *memStore) get(id string) (*Lease, bool) {
	l, ok := s.leases[id]
	if !ok {
		return nil, false
	}
	return l.Clone(), true
}

func (s *memStore) Lease(ctx context.Context, id string) (*Lease, error) {
	if err := s.enter(ctx, "lease", id); err != nil {
		return nil, err
	}
	s.mu.Lock()
	l, ok := s.get(id)
	read := s.read
	s.mu.Unlock()
	if !ok {
		return nil, &Error{Code: ENOTFOUND, Message: Textf("There is no such lease.")}
	}
	if read != nil {
		read(l)
	}
	return l, nil
}

func (s *memStore) Put(ctx context.Context, l *Lease, events ...Event) error {
	if err := s.enter(ctx, "put", l.ID); err != nil {
		return err
	}
	if err := s.put(l, events...); err != nil {
		return err
	}
	if err := s.leave("put", l.ID); err != nil {
		l.Revision-- // as every store: the caller's copy moves on success alone
		return err
	}
	return nil
}

func (s *memStore) put(l *Lease, events ...Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.get(l.ID)
	if !ok {
		old = &Lease{State: begins(l)}
	}
	if old.Revision != l.Revision {
		return &Error{Code: ECONFLICT, Message: Textf("Somebody else was first.")}
	}
	if l.State == Closed && !l.AccessEndedAt.IsZero() && old.State != Closed {
		old.State = Closing // it was, in the keeper's memory
	}
	if err := checkMove(old, l); err != nil {
		s.t.Errorf("lease %s: %v", l.ID, err)
	}
	next := l.Clone()
	next.Revision++
	b, err := json.Marshal(next)
	if err != nil {
		return err
	}
	read := new(Lease)
	if err := json.Unmarshal(b, read); err != nil {
		s.t.Errorf("lease %s cannot be read back: %v", l.ID, err)
	}
	s.leases[l.ID], s.dueAt[l.ID] = read, l.DueAt
	s.puts = append(s.puts, l.ID+" "+string(l.State))
	s.events = append(s.events, s.trip(events)...)
	l.Revision++
	return nil
}

func (s *memStore) Delete(ctx context.Context, id string, revision uint64) error {
	if err := s.enter(ctx, "delete", id); err != nil {
		return err
	}
	s.mu.Lock()
	l, ok := s.get(id)
	if ok && l.Revision != revision {
		s.mu.Unlock()
		return &Error{Code: ECONFLICT, Message: Textf("Somebody else was first.")}
	}
	delete(s.leases, id)
	delete(s.dueAt, id)
	s.mu.Unlock()
	return s.leave("delete", id)
}

func (s *memStore) all() []*Lease {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []*Lease
	for id := range s.leases {
		l, _ := s.get(id)
		out = append(out, l)
	}
	return out
}

func (s *memStore) Due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	if err := s.enter(ctx, "due", ""); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var ids []string
	for id, at := range s.dueAt {
		if !at.IsZero() && due(at, now) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return s.dueAt[a].Compare(s.dueAt[b]) })
	return ids[:min(limit, len(ids))], nil
}

func (s *memStore) Active(ctx context.Context) ([]*Lease, error) {
	if err := s.enter(ctx, "active", ""); err != nil {
		return nil, err
	}
	active := filter(s.all(), func(l *Lease) bool { return l.State != Closed })
	slices.SortFunc(active, func(a, b *Lease) int {
		return cmp.Or(a.RequestedAt.Compare(b.RequestedAt), cmp.Compare(a.ID, b.ID))
	})
	return active, nil
}

func (s *memStore) Source(ctx context.Context, user string) ([]netip.Prefix, error) {
	if err := s.enter(ctx, "source", user); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.sources[user]), nil
}

func (s *memStore) SetSource(ctx context.Context, user string, source []netip.Prefix) error {
	if err := s.enter(ctx, "set-source", user); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources[user] = slices.Clone(source)
	return nil
}

func (s *memStore) Rebuilt(ctx context.Context, account string) (bool, error) {
	if err := s.enter(ctx, "rebuilt", account); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rebuilt[account], nil
}

func (s *memStore) SetRebuilt(ctx context.Context, account string) error {
	if err := s.enter(ctx, "set-rebuilt", account); err != nil {
		return err
	}
	s.mu.Lock()
	s.rebuilt[account] = true
	s.mu.Unlock()
	return s.leave("set-rebuilt", account)
}
