package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward"
)

// leasesOf is a store of a few leases; only what is followed is asked for.
type leasesOf struct {
	sshforward.Leases
	mu     sync.Mutex
	all    map[string]*sshforward.Lease
	looked int
	broken bool
}

func (s *leasesOf) set(id string, revision uint64, state sshforward.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all[id] = &sshforward.Lease{ID: id, Revision: revision, State: state}
}

func (s *leasesOf) Active(context.Context) (out []*sshforward.Lease, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.looked++; s.broken {
		return nil, sshforward.Errorf(sshforward.EUNAVAILABLE, "The store is away.")
	}
	for _, l := range s.all {
		if l.State != sshforward.Closed {
			out = append(out, l)
		}
	}
	return out, nil
}

func (s *leasesOf) Lease(_ context.Context, id string) (*sshforward.Lease, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[id], nil
}

type shown struct {
	mu      sync.Mutex
	watched bool
	says    []string
}

func (s *shown) say(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.says = append(s.says, what)
}

func (s *shown) Watched() bool               { s.mu.Lock(); defer s.mu.Unlock(); return s.watched }
func (s *shown) Changed(l *sshforward.Lease) { s.say(fmt.Sprint(l.ID, " ", l.State)) }
func (s *shown) ChangedAll()                 { s.say("all") }

func TestFollowReplicas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		store, slack := &leasesOf{all: make(map[string]*sshforward.Lease)}, &shown{}
		store.set("a", 1, sshforward.Open)
		store.set("b", 1, sshforward.Open)
		done := make(chan struct{})
		go func() { defer close(done); followReplicas(ctx, store, slack, slog.New(slog.DiscardHandler)) }()
		expect := func(why string, want ...string) {
			t.Helper()
			time.Sleep(3 * time.Second) // Homes follow within
			synctest.Wait()
			slack.mu.Lock()
			defer slack.mu.Unlock()
			if !slices.Equal(slack.says, want) {
				t.Errorf("%s: it shows %q, want %q", why, slack.says, want)
			}
			slack.says = nil
		}
		time.Sleep(time.Minute)
		if store.looked > 0 {
			t.Error("it looks although nobody does")
		}
		slack.mu.Lock()
		slack.watched = true
		slack.mu.Unlock()
		expect("somebody looks", "all")
		expect("nothing changes")
		store.set("a", 2, sshforward.Closing)
		expect("one has changed", "a closing")
		store.set("b", 2, sshforward.Closed)
		expect("one is over", "b closed")
		store.mu.Lock()
		store.broken = true
		store.mu.Unlock()
		store.set("a", 3, sshforward.Closed)
		expect("the store is away")
		store.mu.Lock()
		store.broken = false
		store.mu.Unlock()
		expect("it is back", "a closed")
		cancel()
		<-done
	})
}
