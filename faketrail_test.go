package sshforward

import (
	"context"
	"iter"
	"time"
)

func (s *memStore) Append(context.Context, ...Event) error { return nil }
func (s *memStore) Events(context.Context, time.Time) iter.Seq2[Event, error] {
	return func(func(Event, error) bool) {}
}
func (s *memStore) Past(context.Context, string, time.Time, int) ([]Event, error) { return nil, nil }
