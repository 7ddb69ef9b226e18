package sshforward

import (
	"context"
	"encoding/json"
	"iter"
	"slices"
	"time"
)

// trip takes events through JSON, as the real store does. What cannot be
// exported as it was is an error.
func (s *memStore) trip(events []Event) []Event {
	var out []Event
	for _, e := range events {
		b, err := json.Marshal(e)
		if err != nil {
			s.t.Errorf("event %+v: %v", e, err)
		}
		var read Event
		if err := json.Unmarshal(b, &read); err != nil {
			s.t.Errorf("event %s: %v", b, err)
		}
		out = append(out, read)
	}
	return out
}

func (s *memStore) Append(ctx context.Context, events ...Event) error {
	if err := s.enter(ctx, "append", ""); err != nil {
		return err
	}
	s.mu.Lock()
	s.events = append(s.events, s.trip(events)...)
	s.mu.Unlock()
	return s.leave("append", "")
}

// recorded returns all events in the order of their times.
func (s *memStore) recorded() []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	events := slices.Clone(s.events)
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	return events
}

func (s *memStore) Events(ctx context.Context, since time.Time) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := s.enter(ctx, "events", ""); err != nil {
			yield(Event{}, err)
			return
		}
		for _, e := range s.recorded() {
			if !e.At.Before(since) && !yield(e, nil) {
				return
			}
		}
	}
}

func (s *memStore) EventsAfter(ctx context.Context, seq uint64) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		if err := s.enter(ctx, "events", ""); err != nil {
			yield(Event{}, err)
			return
		}
		s.mu.Lock()
		events := slices.Clone(s.events)
		s.mu.Unlock()
		for i, e := range events {
			if e.Seq = uint64(i) + 1; e.Seq > seq && !yield(e, nil) {
				return
			}
		}
	}
}

func (s *memStore) Past(ctx context.Context, owner string, since time.Time, limit int) ([]Event, error) {
	if err := s.enter(ctx, "past", owner); err != nil {
		return nil, err
	}
	var past []Event
	for _, e := range slices.Backward(s.recorded()) {
		again := slices.ContainsFunc(past, func(p Event) bool { return p.Lease == e.Lease })
		if e.Act == ActClosed && e.Owner == owner && !e.Opened.IsZero() && !e.At.Before(since) && !again && len(past) < limit {
			past = append(past, e)
		}
	}
	return past, nil
}
