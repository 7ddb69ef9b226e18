package sshforward

import (
	"context"
	"testing"
	"time"
)

// A replica whose clock is off says so. When it is off by too much the others have
// its leases at once, and it opens nothing; when it is set, it works as before.
func TestAClockThatIsOff(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(f *fleet) {
		id := f.opened(alice, "web", time.Hour)
		owner := f.worker(id)
		other := f.others(id)[0]
		off := func(by time.Duration) {
			owner.note(func() { owner.off = by })
			f.pass(2 * time.Second)
		}
		off(3 * time.Second)
		if owner.k.Fit() == nil || owner.skew != 3*time.Second || f.worker(id) != owner {
			t.Errorf("off by 3s: %v, %s, and %q works on it", owner.k.Fit(), owner.skew, f.stored(id).Worker)
		}
		off(-30 * time.Second)
		if f.worker(id) != other || other.takeovers != 1 {
			t.Errorf("%q works on it after %d takeovers, want %q", f.stored(id).Worker, other.takeovers, other.id())
		}
		r, err := owner.do(from(alice), OpenLease{Instance: "two"}) // somebody who asks it is served all the same
		if err != nil {
			t.Fatal(err)
		}
		f.pass(3 * time.Second)
		if f.worker(r.Lease.ID) != other || f.count("new card", r.Lease.ID) != 1 {
			t.Errorf("the request is with %q: %q", f.stored(r.Lease.ID).Worker, f.slack.heard(r.Lease.ID))
		}
		off(0)
		f.pass(beatEvery)
		if owner.k.Fit() != nil || owner.k.Replicas() != 2 {
			t.Errorf("its clock is right: %v, %d replicas", owner.k.Fit(), owner.k.Replicas())
		}
		if f.worker(id) != other {
			t.Error("the lease went back")
		}
	})
}

// A replica that cannot say that it lives opens nothing more, and closes all the same.
func TestAReplicaThatCannotBeat(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(f *fleet) {
		open := f.opened(alice, "web", 5*time.Minute)
		f.store.script(refusing("beat"))
		f.pass(muteAfter + time.Second)
		id := f.ask(alice, "two", time.Hour)
		f.must(alice, ConfirmLease{ID: id})
		f.pass(time.Minute)
		f.expect(id, Opening, "")
		if n := f.cloud.count("open/group", id); n != 0 {
			t.Error("it has begun to open")
		}
		if f.replicas[0].k.Fit() == nil {
			t.Error("it says that all is well")
		}
		f.pass(5 * time.Minute)
		f.expect(open, Closed, Expired)
		f.store.script(nil)
		f.pass(10*time.Second + untilInService)
		f.expect(id, Open, "")
	})
}

// What is under way when the membership ends is cut short.
func TestAnOpeningEndsWithTheMembership(t *testing.T) {
	t.Parallel()
	inFleet(t, 1, func(f *fleet) {
		f.cloud.script(hanging("open/balancer"))
		id := f.ask(alice, "web", time.Hour)
		f.must(alice, ConfirmLease{ID: id})
		f.pass(2 * time.Second)
		f.store.script(refusing("beat"))
		f.pass(muteAfter + 2*time.Second)
		if f.replicas[0].k.workers.atWork(id) {
			t.Error("it goes on")
		}
		f.store.script(nil)
		f.cloud.script(nil)
		f.pass(30 * time.Second)
		f.expect(id, Open, "")
	})
}

// The store is cut off from the owner at the last step of an opening. The owner opens
// the forward all the same, in memory, and another one takes the lease over and opens it
// as well: the record has it opened once.
func TestAnOpeningThatTwoReplicasCompleteIsToldOnce(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(f *fleet) {
		id := f.ask(alice, "web", 10*time.Minute)
		f.pass(2 * time.Second)
		owner := f.worker(id)
		f.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "open/"+string(StageClock) && len(f.cloud.times(op, id)) == 1 {
				owner.store.set(true)
			}
			return nil
		})
		f.must(alice, ConfirmLease{ID: id})
		for f.stored(id).State != Open {
			f.pass(time.Second)
		}
		if by := f.stored(id).Worker; by == owner.id() {
			t.Fatal("nobody has taken it over")
		}
		if l, _ := owner.k.ledger.unwritten.newest(id); l == nil || l.State != Open {
			t.Fatalf("in the former owner's memory it is %+v", l)
		}
		owner.store.set(false)
		f.pass(time.Minute)
		if owner.k.ledger.unwritten.has(id) {
			t.Error("the former owner still has news of it")
		}
		n := 0
		for _, e := range f.store.recorded() {
			if e.Lease == id && e.Act == ActOpened {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the record has it opened %d times", n)
		}
	})
}
