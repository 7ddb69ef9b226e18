package sim

import (
	"context"

	"github.com/sshforward/sshforward"
)

// seen is what the test has read of the store since something was written there. It
// looks several times a second, and from one second to the next nothing is written as
// a rule; to read each lease anew was half of the time of a simulation.
type seen struct {
	writes int // how many there were; what was read before one is not kept after it
	leases map[string]*sshforward.Lease
	active []*sshforward.Lease // nil: to be read
}

// lease reads what the store has, the dead process's last word. Nobody may change it.
func (s *sim) lease(id string) *sshforward.Lease {
	s.t.Helper()
	s.mu.Lock()
	l, writes := s.seen.leases[id], s.seen.writes
	s.mu.Unlock()
	if l != nil {
		return l
	}
	l, err := s.process.store.Lease(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen.writes == writes {
		if s.seen.leases == nil {
			s.seen.leases = make(map[string]*sshforward.Lease)
		}
		s.seen.leases[id] = l
	}
	return l
}

// active reads which leases are not closed. Nobody may change them.
func (s *sim) active() []*sshforward.Lease {
	s.t.Helper()
	s.mu.Lock()
	active, writes := s.seen.active, s.seen.writes
	s.mu.Unlock()
	if active != nil {
		return active
	}
	active, err := s.process.store.Active(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen.writes == writes {
		s.seen.active = append(make([]*sshforward.Lease, 0, len(active)), active...)
	}
	return active
}

// wrote is to be called once a lease was written to the store, or may have been.
func (s *sim) wrote(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen.writes++
	s.seen.active = nil
	delete(s.seen.leases, id)
}

func (m mortalStore) Put(ctx context.Context, l *sshforward.Lease, events ...sshforward.Event) error {
	m.s.mu.Lock()
	m.s.last = l.Clone()
	m.s.mu.Unlock()
	return m.s.guard(m.p, "put "+string(l.State), func() error {
		if err := m.s.written("put"); err != nil {
			return err
		}
		defer m.s.wrote(l.ID)
		return m.Store.Put(ctx, l, events...)
	})
}

func (m mortalStore) Delete(ctx context.Context, id string, revision uint64) error {
	defer m.s.wrote(id)
	return m.Store.Delete(ctx, id, revision)
}
