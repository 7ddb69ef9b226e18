package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// The model that figures of speed are measured against, see fakeaws.SlowAWS: what
// an opening cannot do without, one after the other. A group is there a second
// after it was made; the instance is in service twelve seconds after it was
// registered.
const (
	aCall     = 60 * time.Millisecond
	aCreate   = 900 * time.Millisecond
	aGroup    = time.Second
	inService = 12 * time.Second
	// coldFloor: look at the instance, the group, the load balancer, its settings,
	// the registration; when it is in service see it, write the end, let in.
	coldFloor = aCall + aCall + aGroup + aCreate + aCall + aCall/2 + inService + aCall/2 + aCall + aCall
)

// speedSim is a sim on the slow model, whose process does not die and has swept
// the account.
func speedSim(t *testing.T) *sim {
	s := newSim(t, fakeaws.SlowAWS())
	s.timing.Min, s.sweepEvery = time.Second, 30*time.Second
	s.boot()
	s.run(time.Minute, func() bool { return !s.swept.IsZero() })
	return s
}

// settle lets the loops go round until done, in steps small enough to measure by.
func (s *sim) until(limit time.Duration, done func() bool) {
	s.t.Helper()
	for end, n := time.Now().Add(limit), 0; !done(); n++ {
		if time.Now().After(end) {
			s.t.Fatalf("not done after %s:\n%s", limit, s.describe())
		}
		if n%100 == 0 {
			_ = s.process.keeper.Tick(s.t.Context())
		}
		time.Sleep(10 * time.Millisecond)
		synctest.Wait()
	}
}

func (s *sim) states(ids []string, want sshforward.State) func() bool {
	return func() bool {
		return !slices.ContainsFunc(ids, func(id string) bool { return s.lease(id).State != want })
	}
}

// ask asks for so many leases, each by somebody else, without confirming them.
func (s *sim) askAll(n int) (ids []string) {
	s.t.Helper()
	for i := range n {
		from := netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i + 1)}), 32)
		reply, err := s.process.keeper.Do(s.t.Context(), person(i), sshforward.OpenLease{
			Instance: s.note.Web, Duration: time.Hour, Sources: []netip.Prefix{from}})
		if err != nil {
			s.t.Fatal(err)
		}
		ids = append(ids, reply.Lease.ID)
	}
	return ids
}

func person(i int) sshforward.Caller {
	return sshforward.Caller{Team: "T", User: fmt.Sprint("U", i), Channel: "C0DEV"}
}

// confirm confirms them at the same moment and returns how long each took until
// ssh worked.
func (s *sim) confirmAll(ids []string) (took []time.Duration) {
	s.t.Helper()
	began := time.Now()
	for i, id := range ids {
		if _, err := s.process.keeper.Do(s.t.Context(), person(i), sshforward.ConfirmLease{ID: id}); err != nil {
			s.t.Fatal(err)
		}
	}
	return s.readyAfter(began, ids)
}

// readyAfter waits until ssh gets through by all of them.
func (s *sim) readyAfter(began time.Time, ids []string) (took []time.Duration) {
	s.t.Helper()
	ready := make(map[string]time.Duration)
	s.until(10*time.Minute, func() bool {
		for _, id := range ids {
			if _, ok := ready[id]; !ok && s.lease(id).State == sshforward.Open {
				ready[id] = time.Since(began)
			}
		}
		return len(ready) == len(ids)
	})
	for _, d := range ready {
		took = append(took, d)
	}
	slices.Sort(took)
	return took
}

// An opening takes what AWS takes, and a tenth more at most; so do many at once,
// as far as the calls that they make all together allow; and what was built while
// somebody thought about it opens within two seconds of the yes.
func TestSpeed(t *testing.T) {
	testenv.SkipRaced(t, "how fast it is says nothing there")
	t.Run("cold", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := speedSim(t)
			took := s.confirmAll(s.askAll(1))[0]
			t.Logf("confirmed to ready: %s, %.2f x the floor of %s", took, took.Seconds()/coldFloor.Seconds(), coldFloor)
			if took > coldFloor*110/100 {
				t.Errorf("it took %s, more than 1.10 x the floor of %s", took, coldFloor)
			}
			s.bury()
		})
	})
	t.Run("many", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := speedSim(t)
			ids := s.askAll(18)
			time.Sleep(time.Minute)
			calls := s.count()
			took := s.confirmAll(ids)
			n := calls()
			per := float64(n) / float64(len(ids))
			// The budget: 40 calls at once and 10 a second, of which closing keeps half.
			floor := coldFloor
			if budget := time.Duration(float64(n-40) / 10 * float64(time.Second)); budget > floor {
				floor = budget
			}
			last := took[len(took)-1]
			t.Logf("%d at once: the first after %s, half after %s, the last after %s; "+
				"%.1f calls of ELB's each, so the floor is %s, and it is %.2f x that",
				len(ids), took[0], took[len(took)/2], last, per, floor, last.Seconds()/floor.Seconds())
			if last > floor*180/100 {
				t.Errorf("the last of them took %s, more than 1.8 x the floor of %s", last, floor)
			}
			s.bury()
		})
	})
	t.Run("built ahead", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			s := speedSim(t)
			s.bury()
			s.policy.Prepare = sshforward.PrepareApproval
			s.policy.Rules[0].Approvers, s.policy.Rules[0].Approvals = []string{"UBOB"}, 1
			s.boot()
			var took []time.Duration
			for range 4 {
				ids := s.askAll(5)
				for i, id := range ids {
					if _, err := s.process.keeper.Do(t.Context(), person(i), sshforward.ConfirmLease{ID: id}); err != nil {
						t.Fatal(err)
					}
				}
				s.until(10*time.Minute, func() bool {
					return !slices.ContainsFunc(ids, func(id string) bool { return !s.lease(id).Prepared.Ready() })
				})
				time.Sleep(10 * time.Minute)
				began := time.Now()
				for _, id := range ids {
					s.decide("UBOB", sshforward.ApproveLease{ID: id})
				}
				took = append(took, s.readyAfter(began, ids)...)
				for i, id := range ids {
					if _, err := s.process.keeper.Do(t.Context(), person(i), sshforward.CloseLease{Ref: id}); err != nil {
						t.Fatal(err)
					}
				}
				s.until(time.Hour, s.states(ids, sshforward.Closed))
			}
			slices.Sort(took)
			median, worst := took[len(took)/2], took[len(took)-1]
			t.Logf("last yes to ready, %d times, five at once: median %s, worst %s", len(took), median, worst)
			if median > 2*time.Second || worst > 5*time.Second {
				t.Errorf("from the last yes it took %s in the median and %s at worst", median, worst)
			}
			s.bury()
		})
	})
}

// count counts the calls of ELB's from now on.
func (s *sim) count() func() int {
	var mu sync.Mutex
	n := 0
	s.cloud.SetFault(func(c fakeaws.Call) fakeaws.Fault {
		mu.Lock()
		defer mu.Unlock()
		if c.Service == "elasticloadbalancing" {
			n++
		}
		return fakeaws.Fault{}
	})
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return n
	}
}
