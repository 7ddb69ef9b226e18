package sshforward

import (
	"cmp"
	"context"
	"maps"
	"slices"
)

func (s *memStore) Beat(ctx context.Context, m Replica) error {
	if err := s.enter(ctx, "beat", m.ID); err != nil {
		return err
	}
	s.mu.Lock()
	s.replicas[m.ID] = m
	s.mu.Unlock()
	return s.leave("beat", m.ID)
}

func (s *memStore) Replicas(ctx context.Context) ([]Replica, error) {
	if err := s.enter(ctx, "replicas", ""); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.SortedFunc(maps.Values(s.replicas), func(a, b Replica) int { return cmp.Compare(a.ID, b.ID) }), nil
}

func (s *memStore) Dismiss(ctx context.Context, m Replica) error {
	if err := s.enter(ctx, "dismiss", m.ID); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if is, ok := s.replicas[m.ID]; ok && is.Beat != m.Beat {
		return &Error{Code: ECONFLICT, Message: Textf("It has beaten since.")}
	}
	delete(s.replicas, m.ID)
	return nil
}

func (s *memStore) Held(ctx context.Context, user string) (Held, error) {
	if err := s.enter(ctx, "held", user); err != nil {
		return Held{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.held[user]
	h.User, h.Leases, h.Answered = user, slices.Clone(h.Leases), slices.Clone(h.Answered)
	return h, nil
}

func (s *memStore) SetHeld(ctx context.Context, h *Held) error {
	if err := s.enter(ctx, "set-held", h.User); err != nil {
		return err
	}
	s.mu.Lock()
	if s.held[h.User].Revision != h.Revision {
		s.mu.Unlock()
		return &Error{Code: ECONFLICT, Message: Textf("Somebody else was first.")}
	}
	s.held[h.User] = Held{User: h.User, Revision: h.Revision + 1, Leases: slices.Clone(h.Leases), Answered: slices.Clone(h.Answered)}
	s.mu.Unlock()
	if err := s.leave("set-held", h.User); err != nil {
		return err
	}
	h.Revision++
	return nil
}
