package sim

import (
	"cmp"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

var (
	storms    = flag.Int("storms", 0, "how many fault schedules TestStorms goes through; 500, or fewer under the race detector")
	stormSeed = flag.Uint64("storm", 0, "the one fault schedule to go through instead")
)

// retryBudget is how long after its promised end access may last in the worst
// of the storms: a teardown that fails is tried again after 1, 2, 4 and 8
// seconds, give or take a fifth, and then, being stuck, after one to two
// minutes, and each pass of it can spend some seconds on the SDK's own tries.
const retryBudget = 5 * time.Minute

// lingersLess is by how much less interfaces linger than they may. Whatever waits for
// them goes round a few hundred times, of which the race detector needs a few.
var lingersLess = time.Duration(testenv.UnlessRaced(1, 5))

// TestStorms puts leases through random fault schedules: three calls in ten
// are throttled, fail, or take effect while the answer is lost; new groups are
// invisible for seconds and interfaces linger for minutes; the process dies
// now and then. In half of them somebody has to say yes, and what is slow is done
// before that. A schedule follows from its seed alone:
//
//	go test -run TestStorms ./internal/sim -storm SEED
func TestStorms(t *testing.T) {
	t.Parallel()
	seeds := make([]uint64, cmp.Or(*storms, testenv.UnlessRaced(500, 3)))
	for i := range seeds {
		seeds[i] = uint64(i + 1)
	}
	if testenv.Race && *storms == 0 {
		seeds = []uint64{1, 5, 6} // built while approval is waited for; at the prompt; without any yes
	}
	if *stormSeed != 0 {
		seeds = []uint64{*stormSeed}
	}
	var mu sync.Mutex
	var stays []time.Duration
	t.Cleanup(func() {
		slices.Sort(stays)
		if n := len(stays); n > 0 {
			t.Logf("%d schedules, %d leases that were open: access after the promised end p50 %s, p99 %s, max %s",
				len(seeds), n, stays[n/2], stays[n*99/100], stays[n-1])
		}
	})
	for _, seed := range seeds {
		t.Run(fmt.Sprintf("seed=%d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				some := storm(t, seed)
				mu.Lock()
				defer mu.Unlock()
				stays = append(stays, some...)
			})
		})
	}
}

// storm goes through one schedule and returns, for each lease that was ever
// reachable, how long it was so beyond its promised end.
func storm(t *testing.T, seed uint64) (stays []time.Duration) {
	rng := rand.New(rand.NewPCG(seed, 1))
	upTo := func(d time.Duration) time.Duration { return time.Duration(rng.Int64N(int64(d))) }
	s := newSim(t, fakeaws.Options{
		Seed: seed, FlakyVisibility: true, StrictDeregister: rng.IntN(2) == 0,
		GroupVisibleAfter: upTo(6 * time.Second), RuleVisibleAfter: upTo(3 * time.Second), LoadBalancerVisibleAfter: upTo(3 * time.Second),
		RegisterDelay: upTo(20 * time.Second), HealthTiming: true,
		InterfaceLinger: upTo(5*time.Minute) / lingersLess, DNSDelay: upTo(30 * time.Second),
	})
	s.timing.Min, s.sweepEvery = time.Second, time.Minute
	if rng.IntN(2) == 0 {
		s.deadMan = &provisioner.DeadMan{RoleARN: "arn:aws:iam::123456789012:role/deadman", Grace: 5 * time.Minute}
	}
	foreign := s.cloud.Foreign("sshforward:deployment", "sim")
	s.cloud.SetFault(fakeaws.NewChaos(seed, 0.3).Fault)
	deaths, fate := 0, rand.New(rand.NewPCG(seed, 2))
	s.killer = func(site) moment {
		if deaths < 3 && fate.Float64() < 0.005 {
			deaths++
			return cmp.Or(moment(fate.IntN(3)), before)
		}
		return survive
	}

	ahead := rand.New(rand.NewPCG(seed, 3))
	if ahead.IntN(2) == 0 {
		r := &s.policy.Rules[0]
		r.Approvers, r.Approvals = []string{"B0", "B1", "B2"}, 1+ahead.IntN(2)
		s.policy.Prepare = []sshforward.Prepare{sshforward.PrepareApproval, sshforward.PreparePrompt}[ahead.IntN(2)]
		s.timing.Approval, s.sweepEvery = 10*time.Minute, 20*time.Second
	}

	s.boot()
	last := make(map[string]time.Time) // when it was last reachable
	s.watch = func() {
		for _, b := range s.cloud.Home().LoadBalancers() {
			for _, from := range []string{"203.0.113.7", "203.0.113.20"} {
				if _, err := s.cloud.Home().Route(b.Name, netip.MustParseAddr(from), 22); err == nil {
					last[b.Name] = time.Now()
				}
			}
		}
	}
	var ids []string
	for i := range 1 + rng.IntN(3) {
		id, ok := s.ask(fmt.Sprintf("U%d", i), 20*time.Second+upTo(2*time.Minute))
		if ok {
			ids = append(ids, id)
		}
		for range rng.IntN(20) {
			s.survive()
			s.tick()
		}
	}
	if len(ids) > 0 && rng.IntN(2) == 0 {
		// Whether it is open yet or still, and whatever is lost: it is reached from
		// one of the two, and from neither beyond its end.
		s.survive()
		_, _ = s.do(sshforward.Caller{Team: "T", User: "U0"},
			sshforward.ChangeSource{Ref: ids[0], To: netip.MustParsePrefix("203.0.113.20/32")})
	}
	if len(ids) > 0 && rng.IntN(3) == 0 {
		for range rng.IntN(60) {
			s.survive()
			s.tick()
		}
		// Whether it is too early, too late or in time, and whatever is lost.
		_, _ = s.do(sshforward.Caller{Team: "T", User: "U0"}, sshforward.CloseLease{Ref: ids[0]})
	}
	for _, id := range ids {
		s.think(id, ahead)
	}
	for _, id := range ids {
		s.run(3*time.Hour, s.closed(id))
	}
	s.cloud.SetFault(nil)
	s.killer = nil
	s.run(time.Hour, func() bool { return len(s.cloud.Leftovers("sshforward:deployment", "sim")) == 0 })

	for _, id := range ids {
		l := s.lease(id)
		if l.Reason == "" || l.ClosedAt.IsZero() {
			t.Errorf("lease %s ended without a reason: %+v", id, l)
		}
		seen, reachable := last[sshforward.Name("sim", id)]
		if !reachable || l.ExpiresAt.IsZero() {
			continue
		}
		stay := max(0, seen.Sub(l.ExpiresAt))
		stays = append(stays, stay)
		if stay > retryBudget {
			t.Errorf("lease %s was reachable for %s after its end", id, stay)
		}
		if !l.AccessEndedAt.IsZero() && seen.After(l.AccessEndedAt.Add(time.Second)) {
			t.Errorf("lease %s was reachable until %s, and its receipt says %s", id, seen, l.AccessEndedAt)
		}
	}
	if after := s.cloud.Foreign("sshforward:deployment", "sim"); after != foreign {
		t.Errorf("something that is not ours was touched:\n%s\nbefore:\n%s", after, foreign)
	}
	if n := s.checkAuditLog(); n < len(ids) {
		t.Errorf("the audit record has %d leases that are over, and %d are", n, len(ids))
	}
	s.bury()
	return stays
}

// think has approvers say yes or no, or nothing, whether or not there is anything
// to decide and whatever becomes of the answer. Now and then somebody opens the
// door by hand before that.
func (s *sim) think(id string, rng *rand.Rand) {
	need := s.policy.Rules[0].Approvals
	if need == 0 {
		return
	}
	for i := range 1 + rng.IntN(3) {
		for range rng.IntN(40) {
			s.survive()
			s.tick()
		}
		if rng.IntN(8) == 0 {
			s.openByHand(id)
		}
		var cmd sshforward.Command = sshforward.ApproveLease{ID: id}
		if rng.IntN(6) == 0 {
			cmd = sshforward.DenyLease{ID: id}
		}
		s.survive()
		_, _ = s.process.keeper.Do(s.t.Context(), sshforward.Caller{Team: "T", User: fmt.Sprint("B", i)}, cmd)
	}
}

// ask asks for a lease as a person in a storm does: a few times, and then
// not any more.
func (s *sim) ask(user string, d time.Duration) (id string, ok bool) {
	caller := sshforward.Caller{Team: "T", User: user, Channel: "C0DEV"}
	for range 5 {
		s.survive()
		if id == "" {
			reply, err := s.do(caller, sshforward.OpenLease{Instance: s.note.Web, Duration: d, Sources: source})
			if err != nil {
				s.tick()
				continue
			}
			id = reply.Lease.ID
		}
		_, err := s.do(caller, sshforward.ConfirmLease{ID: id})
		if err == nil || sshforward.ErrorCode(err) == sshforward.ECONFLICT {
			return id, true
		}
		s.tick()
	}
	return id, id != ""
}

// survive restarts the process if it has died.
func (s *sim) survive() {
	if s.process.isOver() {
		s.deaths++
		s.bury()
		time.Sleep(3 * time.Second)
		s.boot()
	}
}
