package sim

import (
	"hash/fnv"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

// One lease whose every call to AWS panics, wherever that is made: the others are
// opened and end on time, the poisoned one is alarmed, and it is closed once
// that is over.
func TestPoisonedLease(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, everydayAWS())
		s.timing.Min, s.sweepEvery = time.Second, 30*time.Second
		s.boot()
		poisoned := s.open("U0ANN", time.Minute)
		s.run(time.Minute, func() bool { return s.lease(poisoned).State == sshforward.Open })
		name := sshforward.Name("sim", poisoned)
		s.poison = func(_, body string) bool { return strings.Contains(body, name) }

		for range 2 {
			other := s.open("U0BOB", 20*time.Second)
			s.run(10*time.Minute, s.closed(other))
			if l := s.lease(other); l.Reason != sshforward.Expired || l.Overstay() > 10*time.Second {
				t.Errorf("another lease ended as %s (%s), %s late", l.Reason, l.Why, l.Overstay())
			}
		}
		s.run(10*time.Minute, func() bool { return s.lease(poisoned).Stuck() })
		s.poison = nil
		s.run(10*time.Minute, s.closed(poisoned))
		if left := s.cloud.Leftovers("sshforward:deployment", "sim"); len(left) > 0 {
			t.Errorf("left in AWS: %v", left)
		}
		s.bury()
	})
}

// A panic in any one of the calls of a life, looks and sweeps among them, is a
// failure like others.
func TestPanicsInSingleCalls(t *testing.T) {
	t.Parallel()
	leases, few := testenv.UnlessRaced(10, 2), uint64(testenv.UnlessRaced(20, 4))
	synctest.Test(t, func(t *testing.T) {
		s := newSim(t, everydayAWS())
		s.timing.Min, s.sweepEvery = time.Second, 5*time.Second
		var calls, panics atomic.Uint64
		s.poison = func(operation, _ string) bool {
			h := fnv.New64a()
			h.Write([]byte{byte(calls.Add(1)), byte(calls.Load() >> 8)})
			h.Write([]byte(operation))
			hit := h.Sum64()%8 == 0
			if hit {
				panics.Add(1)
			}
			return hit
		}
		s.boot()
		for range leases {
			var id string
			for id == "" {
				if id = s.tryOpen("U0ANN", 20*time.Second); id == "" {
					s.survive() // until requests lapse whose confirmation failed: only so many may wait
					s.tick()
				}
			}
			s.run(time.Hour, s.closed(id))
			if l := s.lease(id); l.Overstay() > retryBudget {
				t.Errorf("lease %s ended %s late", id, l.Overstay())
			}
		}
		s.poison = nil
		if panics.Load() < few {
			t.Errorf("only %d of %d calls panicked", panics.Load(), calls.Load())
		}
		if left := s.cloud.Leftovers("sshforward:deployment", "sim"); len(left) > 0 {
			t.Errorf("left in AWS: %v", left)
		}
		s.bury()
	})
}

// tryOpen asks for and confirms a lease; the id is empty if that was refused.
func (s *sim) tryOpen(user string, d time.Duration) (id string) {
	caller := sshforward.Caller{Team: "T", User: user, Channel: "C0DEV"}
	reply, err := s.do(caller, sshforward.OpenLease{Instance: s.note.Web, Duration: d, Sources: source})
	if err != nil {
		return ""
	}
	if _, err := s.do(caller, sshforward.ConfirmLease{ID: reply.Lease.ID}); err != nil {
		return ""
	}
	return reply.Lease.ID
}
