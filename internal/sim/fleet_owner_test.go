package sim

import (
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

// fates are what can become of the owner of a lease.
var fates = []struct {
	name string
	// befalls does it to the owner, and returns what mends it; nil: nothing does.
	befalls func(f *fleet, r *replica) (mend func())
	// late is for how long access may last beyond its end, and taken how long it may
	// take until another replica works on the lease: zero where that is at its end.
	late, taken time.Duration
}{
	// An end that is due waits for its owner for three seconds; it is looked for
	// every second.
	{"kill -9", func(f *fleet, r *replica) func() { f.away(r, r.kill); return nil }, 5 * time.Second, 17 * time.Second},
	{"SIGTERM", func(f *fleet, r *replica) func() { f.away(r, r.terminate); return nil }, 2 * time.Second, 3 * time.Second},
	{"SIGSTOP for 40 s", func(f *fleet, r *replica) func() { r.gate.pause(); return r.gate.resume }, 5 * time.Second, 17 * time.Second},
	{"cut off from the table", cutOff(toStore), 5 * time.Second, 17 * time.Second},
	{"cut off from AWS", cutOff(toAWS), 5 * time.Second, 0},
}

func cutOff(from outside) func(*fleet, *replica) func() {
	return func(_ *fleet, r *replica) func() {
		r.gate.setCut(from, true)
		return func() { r.gate.setCut(from, false) }
	}
}

// TestTheOwnerGoesAway has the owner of an open lease go away, each time at another
// moment before the end or after it, and measures how long it takes until another
// replica works on the lease, and how long access lasts beyond its end.
func TestTheOwnerGoesAway(t *testing.T) {
	t.Parallel()
	for _, fate := range fates[:testenv.UnlessRaced(len(fates), 1)] {
		t.Run(fate.name, func(t *testing.T) {
			t.Parallel()
			n := testenv.UnlessRaced(8, 1)
			var takes, stays []time.Duration
			var mu sync.Mutex
			for i := range n {
				synctest.Test(t, func(t *testing.T) {
					// From forty seconds before the end until half a second before it.
					before := 500*time.Millisecond + 40*time.Second*time.Duration(i)/time.Duration(n)
					take, stay := ownerGoesAway(t, uint64(i+1), before, fate.befalls)
					mu.Lock()
					defer mu.Unlock()
					stays = append(stays, stay)
					if take > 0 {
						takes = append(takes, take)
					}
				})
			}
			slices.Sort(takes)
			slices.Sort(stays)
			if stay := stays[len(stays)-1]; stay > fate.late {
				t.Errorf("access lasted %s beyond its end, want at most %s", stay, fate.late)
			}
			if len(takes) > 0 {
				t.Logf("taken over %d times of %d: after p50 %s, max %s", len(takes), n, takes[len(takes)/2], takes[len(takes)-1])
				if take := takes[len(takes)-1]; fate.taken > 0 && take > fate.taken {
					t.Errorf("another replica worked on it after %s, want at most %s", take, fate.taken)
				}
			}
			t.Logf("access after the promised end p50 %s, max %s", stays[len(stays)/2], stays[len(stays)-1])
		})
	}
}

// ownerGoesAway is one lease whose owner goes away so long before its end. take is
// zero if nobody took it over before it was closed.
func ownerGoesAway(t *testing.T, seed uint64, before time.Duration, befalls func(*fleet, *replica) func()) (take, stay time.Duration) {
	f := newFleet(t, seed, fakeaws.Options{Seed: seed, CallTime: 20 * time.Millisecond}, fakedynamo.Options{CallTime: 5 * time.Millisecond})
	f.timing.Min = time.Second
	f.boot()
	f.pass(10 * time.Second)
	id := f.ask("U0", time.Minute)
	f.confirm(id)
	f.until(time.Minute, "it is open", func() bool { return f.lease(id).State == sshforward.Open })
	end := f.lease(id).ExpiresAt
	f.pass(time.Until(end) - before)

	was := f.lease(id).Worker
	owner := f.replica(was)
	if owner == nil {
		t.Fatalf("lease %s is of %q, which is none of the replicas", id, was)
	}
	began := time.Now()
	mend := befalls(f, owner)
	for l := f.lease(id); l.State != sshforward.Closed; l = f.lease(id) {
		if take == 0 && l.Worker != was {
			take = time.Since(began)
		}
		if mend != nil && time.Since(began) > 40*time.Second {
			mend()
			mend = nil
		}
		if time.Since(end) > time.Hour {
			t.Fatalf("it does not end: %+v", l)
		}
		time.Sleep(100 * time.Millisecond)
		f.watch()
	}
	if mend != nil {
		mend()
	}
	f.pass(20 * time.Second)
	if left := f.cloud.Leftovers("sshforward:deployment", "sim"); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
	checkAuditLog(t, f.eyes)
	return take, f.stays([]string{id})[0]
}

// replica finds the one with an id of the table's.
func (f *fleet) replica(id string) *replica {
	for _, r := range f.replicas {
		if r.keeper.Replica() == id {
			return r
		}
	}
	return nil
}

// TestARollingDeploy replaces all replicas, one after the other, while leases open,
// are open and end: nobody waits for more than a moment.
func TestARollingDeploy(t *testing.T) {
	testenv.SkipRaced(t, "the root's TestARollingDeploy and the program's TestReplicas go the same ways")
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1, fakeaws.Options{CallTime: 20 * time.Millisecond}, fakedynamo.Options{CallTime: 5 * time.Millisecond})
		f.timing.Min = time.Second
		f.boot()
		f.pass(10 * time.Second)
		var ids []string
		for i := range 4 {
			id := f.ask([]string{"U0", "U1", "U2", "U3"}[i], time.Duration(20+15*i)*time.Second)
			f.confirm(id)
			ids = append(ids, id)
		}
		for range fleetSize {
			old := f.replicas[0]
			f.replicas = append(f.replicas, f.start())
			f.pass(5 * time.Second)
			f.away(old, old.terminate)
			f.pass(10 * time.Second)
		}
		for _, id := range ids {
			f.until(5*time.Minute, "lease "+id+" is closed", func() bool { return f.lease(id).State == sshforward.Closed })
		}
		f.pass(afterwards)
		for i, stay := range f.stays(ids) {
			if stay > 2*time.Second {
				t.Errorf("lease %s lasted %s beyond its end", ids[i], stay)
			}
		}
		for _, id := range ids {
			if l := f.lease(id); l.Reason != sshforward.Expired {
				t.Errorf("lease %s ended as %s: %s", id, l.Reason, l.Why)
			}
			if n := f.said(id, "card", ""); n != 1 {
				t.Errorf("lease %s has %d cards", id, n)
			}
		}
		if left := f.cloud.Leftovers("sshforward:deployment", "sim"); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
		f.checkEnvelopes()
	})
}

// TestThreeYesAtOnce has two of three approvers press at the same moment, each click
// delivered to all replicas: the lease has two approvals, each of them once.
func TestThreeYesAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2, fakeaws.Options{CallTime: 20 * time.Millisecond}, fakedynamo.Options{CallTime: 5 * time.Millisecond})
		f.policy.Rules[0].Approvers, f.policy.Rules[0].Approvals = []string{"B0", "B1", "B2"}, 3
		f.boot()
		f.pass(10 * time.Second)
		id := f.ask("U0", 10*time.Minute)
		f.confirm(id)
		var all []chan answer
		for _, user := range []string{"B0", "B1"} {
			e := f.newEnvelope(user, sshforward.ApproveLease{ID: id})
			all = append(all, f.deliver(e.by, e.cmd, append(slices.Clone(f.replicas), f.replicas...)...))
		}
		for _, answers := range all {
			f.wait(answers, time.Minute, func(a answer) {
				if a.err != nil {
					t.Errorf("somebody is told %v about their own click", a.err)
				}
			})
		}
		l := f.lease(id)
		if len(l.Approved) != 2 || l.State != sshforward.Pending || l.Approved[0].User == l.Approved[1].User {
			t.Errorf("lease is %s, approved by %v", l.State, l.Approved)
		}
		f.checkEnvelopes()
	})
}

// TestTheOwnerSleepsOverACall has the owner of a lease that opens fall asleep when a
// call that makes something is on its way, and wake up when the lease was closed by
// the others, or a little before: AWS makes it then. The lease is not said to be
// closed before all of it is gone, and nothing is left.
func TestTheOwnerSleepsOverACall(t *testing.T) {
	t.Parallel()
	calls := []string{"CreateSecurityGroup", "CreateLoadBalancer", "AuthorizeSecurityGroupIngress"}
	for _, operation := range calls[:testenv.UnlessRaced(len(calls), 1)] {
		for _, sleeps := range []time.Duration{40 * time.Second, 4 * time.Minute, 7 * time.Minute}[:testenv.UnlessRaced(3, 1)] {
			t.Run(operation+" "+sleeps.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) { ownerSleepsOver(t, operation, sleeps) })
			})
		}
	}
}

func ownerSleepsOver(t *testing.T, operation string, sleeps time.Duration) {
	f := newFleet(t, 3, fakeaws.Options{CallTime: 20 * time.Millisecond}, fakedynamo.Options{CallTime: 5 * time.Millisecond})
	f.timing.Min = time.Second
	f.boot()
	f.pass(10 * time.Second)
	id := f.ask("U0", 20*time.Second)
	var asleep atomic.Pointer[replica]
	for _, r := range f.replicas {
		r.gate.mu.Lock()
		r.gate.sleepy = func(o string) bool { return o == operation && asleep.CompareAndSwap(nil, r) }
		r.gate.mu.Unlock()
	}
	f.confirm(id)
	f.until(time.Minute, "its owner sleeps", func() bool { return asleep.Load() != nil })
	f.after(sleeps, asleep.Load().gate.resume)
	f.pass(15 * time.Second) // it is missed
	f.sendTo(f.newEnvelope("U0", sshforward.CloseLease{Ref: id}), func(r *replica) bool { return r != asleep.Load() })
	f.until(30*time.Minute, "it is closed", func() bool { return f.lease(id).State == sshforward.Closed })
	// Whatever comes late has come by now.
	for range testenv.UnlessRaced(10, 1) {
		if left := f.cloud.Leftovers("sshforward:lease", id); len(left) > 0 {
			t.Fatalf("%s after it was closed there is %v", time.Since(f.lease(id).ClosedAt), left)
		}
		f.pass(time.Minute)
	}
	if l := f.lease(id); l.State != sshforward.Closed || len(l.Stragglers) > 0 {
		t.Errorf("the lease is %s, and %v may be at work on it", l.State, l.Stragglers)
	}
	checkAuditLog(t, f.eyes)
}
