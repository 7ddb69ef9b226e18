package main

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
)

// kept fills a store with closed leases.
func kept(b *testing.B, n int) (file string, s *bolt.Store) {
	b.Helper()
	file = filepath.Join(b.TempDir(), "leases.db")
	s, err := bolt.Open(file, bolt.Options{})
	if err != nil {
		b.Fatal(err)
	}
	now := time.Now()
	const writers = 500
	errs := make(chan error, writers)
	for w := range writers {
		go func() {
			for i := w; i < n; i += writers {
				l := &sshforward.Lease{
					ID: fmt.Sprintf("%07d", i), State: sshforward.Closed, Reason: sshforward.Expired,
					RequestedAt: now, ClosedAt: now, KeepUntil: now.Add(time.Hour), DueAt: now.Add(time.Hour),
				}
				if err := s.Put(b.Context(), l); err != nil {
					errs <- err
					return
				}
			}
			errs <- nil
		}()
	}
	for range writers {
		if err := <-errs; err != nil {
			b.Fatal(err)
		}
	}
	return file, s
}

// BenchmarkTick is a tick of the cron loop with nothing due. The time for
// 100,000 kept leases is to be that for none.
func BenchmarkTick(b *testing.B) {
	for _, n := range []int{0, 1_000, 100_000} {
		b.Run(fmt.Sprintf("kept=%d", n), func(b *testing.B) {
			_, s := kept(b, n)
			defer s.Close()
			keeper := sshforward.NewKeeper(sshforward.Options{Store: s})
			for b.Loop() {
				if err := keeper.Tick(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStart opens the store as a start does.
func BenchmarkStart(b *testing.B) {
	for _, n := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("kept=%d", n), func(b *testing.B) {
			file, s := kept(b, n)
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s, err := bolt.Open(file, bolt.Options{})
				if err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
		})
	}
}
