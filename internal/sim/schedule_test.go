package sim

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// seedsOf are those of the first n schedules, or the one that is to be gone
// through instead.
func seedsOf(n int, one uint64) []uint64 {
	if one != 0 {
		return []uint64{one}
	}
	seeds := make([]uint64, n)
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	return seeds
}

// eachSeed goes through schedules side by side, each in a bubble of its own.
func eachSeed(t *testing.T, seeds []uint64, do func(t *testing.T, seed uint64)) {
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { do(t, seed) })
		})
	}
}

// stays is how long leases could be used beyond their promised ends, over all
// schedules.
type stays struct {
	mu  sync.Mutex
	all []time.Duration
}

func (s *stays) add(some []time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, some...)
}

// String is what is published of them.
func (s *stays) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.all)
	if n == 0 {
		return "no lease that was open"
	}
	slices.Sort(s.all)
	return fmt.Sprintf("%d leases that were open: access after the promised end p50 %s, p99 %s, max %s",
		n, s.all[n/2], s.all[n*99/100], s.all[n-1])
}
