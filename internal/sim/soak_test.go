package sim

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

var soakLeases = flag.Int("soak", 0, "how many leases TestSoak has; a thousand take a week")

// TestSoak is a week, or with fewer leases a shorter one, on a middling day's
// AWS: leases come and go, one call in twenty goes wrong, the process is killed
// seven times, what is over is forgotten after a seventh of the time, and AWS is
// looked at every five minutes.
func TestSoak(t *testing.T) {
	t.Parallel()
	if *soakLeases == 0 {
		testenv.SkipRaced(t, "more goes wrong in TestMonth")
	}
	n := cmp.Or(*soakLeases, 60)
	synctest.Test(t, func(t *testing.T) { soak(t, n) })
}

func soak(t *testing.T, n int) {
	const longest = 3*time.Hour + 5*time.Minute
	week := max(2*longest, 7*24*time.Hour*time.Duration(n)/1000) // as busy with fewer
	day := week / 7
	rng := rand.New(rand.NewPCG(7, 0))
	o := fakeaws.Realistic()
	o.Seed, o.LoadBalancerLimit = 7, 1000
	s := newSim(t, o)
	s.timing.Keep = day
	s.deadMan = &provisioner.DeadMan{RoleARN: "arn:aws:iam::123456789012:role/deadman", Grace: 5 * time.Minute}
	foreign := s.cloud.Foreign("sshforward:deployment", "sim")
	s.cloud.SetFault(fakeaws.NewChaos(7, 0.05).Fault)
	s.boot()

	var stays []time.Duration
	ends := make(map[sshforward.Reason]int)
	began := time.Now()
	arrivals := make([]time.Duration, n)
	for i := range arrivals {
		arrivals[i] = time.Duration(rng.Int64N(int64(week - longest)))
	}
	slices.Sort(arrivals)
	killed, live, told := began, map[string]bool{}, 0
	for now := began; now.Sub(began) < week; now = time.Now() {
		for len(arrivals) > 0 && now.Sub(began) >= arrivals[0] {
			arrivals = arrivals[1:]
			d := 5*time.Minute + time.Duration(rng.Int64N(int64(longest-5*time.Minute)))
			if id, ok := s.ask(fmt.Sprintf("U%d", rng.IntN(40)), d); ok {
				live[id] = true
			}
		}
		if now.Sub(killed) >= day {
			killed = now
			told += s.checkAuditLog() // of what is not forgotten
			s.process.end()
			s.survive()
		}
		if s.cloud.ForgetCalls(); rng.IntN(200) == 0 {
			for id := range live {
				caller := sshforward.Caller{Team: "T", User: s.lease(id).Owner}
				if rng.IntN(2) == 0 {
					_, _ = s.process.keeper.Do(t.Context(), caller, sshforward.CloseLease{Ref: id})
				} else {
					_, _ = s.process.keeper.Do(t.Context(), caller, sshforward.ExtendLease{Ref: id, Duration: time.Duration(1+rng.IntN(60)) * time.Minute})
				}
				break
			}
		}
		s.skip(5 * time.Minute)
		for id := range live {
			l := s.lease(id)
			if l.State != sshforward.Closed {
				continue
			}
			delete(live, id)
			ends[l.Reason]++
			if !l.OpenedAt.IsZero() {
				stays = append(stays, l.Overstay())
			}
		}
	}
	s.cloud.SetFault(nil)
	s.run(time.Hour, func() bool {
		for id := range live {
			if s.lease(id).State == sshforward.Closed {
				delete(live, id)
			}
		}
		return len(live) == 0
	})
	if left := s.cloud.Leftovers("sshforward:deployment", "sim"); len(left) > 0 {
		t.Errorf("left after a week: %v", left)
	}
	if after := s.cloud.Foreign("sshforward:deployment", "sim"); after != foreign {
		t.Errorf("something that is not ours was touched:\n%s\nbefore:\n%s", after, foreign)
	}
	if told += s.checkAuditLog(); told == 0 {
		t.Error("the audit record has no lease that is over")
	}
	slices.Sort(stays)
	if len(stays) == 0 {
		t.Fatal("nothing was ever open")
	}
	t.Logf("%s, %d leases that were open, ends %v: overstay p50 %s, p99 %s, max %s", week, len(stays), ends,
		stays[len(stays)/2], stays[len(stays)*99/100], stays[len(stays)-1])
	if worst := stays[len(stays)-1]; worst > retryBudget {
		t.Errorf("access lasted %s beyond its end", worst)
	}
	s.bury()
}

// skip goes to the next moment at which anything is due, but no further than
// the next look at AWS, and does what the cron loops would have done.
func (s *sim) skip(sweepEvery time.Duration) {
	s.t.Helper()
	now := time.Now()
	next := s.swept.Add(sweepEvery)
	for _, l := range s.active() {
		if l.DueAt.Before(next) {
			next = l.DueAt
		}
	}
	time.Sleep(max(next.Sub(now), 0).Truncate(time.Second)) // ticks are on the second
	s.sweepEvery = sweepEvery
	s.tick()
}
