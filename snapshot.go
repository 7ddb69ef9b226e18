package sshforward

import (
	"context"
	"sync"

	"github.com/sshforward/sshforward/internal/safe"
)

// leasesByAccount are the leases that are not closed, by account and id.
type leasesByAccount map[string]map[string]*Lease

// snapshots reads all leases that are not closed, once for all who ask at about
// the same time: a sweep of a hundred accounts would read each lease two hundred
// times. What is returned was read after it was asked for.
type snapshots struct {
	ledger *ledger

	mu      sync.Mutex
	running *snapshot // is being read, so that whoever comes now needs another
	next    *snapshot // will be read after that one
}

type snapshot struct {
	done   chan struct{} // closed when the rest is there
	leases leasesByAccount
	err    error
}

// take waits for a snapshot.
func (s *snapshots) take(ctx context.Context) (leasesByAccount, error) {
	s.mu.Lock()
	mine, before, first := s.next, s.running, s.next == nil
	if first {
		mine = &snapshot{done: make(chan struct{})}
		s.next = mine
	}
	s.mu.Unlock()
	if first {
		if before != nil {
			<-before.done
		}
		s.mu.Lock()
		s.next, s.running = nil, mine
		s.mu.Unlock()
		s.read(context.WithoutCancel(ctx), mine) // the others do not end with the first of them
	}
	select {
	case <-mine.done:
		return mine.leases, mine.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *snapshots) read(ctx context.Context, to *snapshot) {
	all, err := safe.Value(func() ([]*Lease, error) { return s.ledger.active(ctx, func(*Lease) bool { return true }) })
	to.leases, to.err = make(leasesByAccount), err
	for _, l := range all {
		account := l.Instance.Account
		if to.leases[account] == nil {
			to.leases[account] = make(map[string]*Lease)
		}
		to.leases[account][l.ID] = l
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.running == to {
		s.running = nil
	}
	close(to.done)
}
