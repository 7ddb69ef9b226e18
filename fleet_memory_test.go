package sshforward

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/sshforward/sshforward/internal/testenv"
)

// acts counts what the record has of a lease.
func (f *fleet) acts(id string) map[Act]int {
	told := make(map[Act]int)
	for _, e := range f.store.recorded() {
		if e.Lease == id {
			told[e.Act]++
		}
	}
	return told
}

// endedOnce holds a lease that is over to its end having been told once, in the record
// and to people.
func (f *fleet) endedOnce(id string) {
	f.t.Helper()
	told := f.acts(id)
	if told[ActEnding]+told[ActClose] != 1 || told[ActAccessEnded] != 1 || told[ActClosed] != 1 {
		f.t.Errorf("the record has %v", told)
	}
	if n := f.count("ended", id); n != 1 {
		f.t.Errorf("its end was said %d times: %q", n, f.slack.heard(id))
	}
	f.nothingLeft()
}

// The owner is cut off from the store, another one takes over, and the lease is
// extended: the owner, which knows of the former end alone, sees in AWS that there is
// another one. If the others are gone by then it ends the lease at that.
func TestAnExtensionThatTheOwnerCannotRead(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		alone bool // nobody but the owner is left, and the store cannot be reached
		mute  bool // and AWS does not tell it what there is
	}{
		"the others go on": {}, "the others are gone": {alone: true}, "nor can AWS be asked": {mute: true},
	} {
		t.Run(what, func(t *testing.T) {
			inFleet(t, 3, func(f *fleet) {
				id := f.opened(alice, "web", 10*time.Minute)
				end := f.lease(id).ExpiresAt
				owner := f.worker(id)
				f.pass(time.Until(end.Add(-2 * time.Minute)))
				owner.store.set(true)
				f.pass(deadAfter + 5*time.Second)
				if f.worker(id) == owner {
					f.t.Fatal("nobody has taken it over")
				}
				if _, err := f.worker(id).do(via(alice, "e-1"), ExtendLease{Ref: id, Duration: 10 * time.Minute}); err != nil {
					f.t.Fatal(err)
				}
				f.pass(10 * time.Second)
				if c.mute {
					f.cloud.script(failing("survey", "main", 1_000_000))
				}
				if c.alone {
					f.store.script(func(context.Context, string, string) error { return unavailable("The store") })
					for _, r := range slices.Clone(f.replicas) {
						if r != owner {
							f.kill(r)
						}
					}
				}
				f.pass(time.Until(end.Add(30 * time.Second)))
				if c.mute { // what ends early is told, and is not open by the record
					f.cloud.script(nil)
					owner.store.set(false)
					f.pass(20 * time.Minute)
					f.expect(id, Closed, Expired)
					if l := f.stored(id); l.Why.IsZero() || !l.AccessEndedAt.Before(l.ExpiresAt) {
						f.t.Errorf("it ended early, and says %q, access ended %s of %s", l.Why, l.AccessEndedAt, l.ExpiresAt)
					}
					f.endedOnce(id)
					return
				}
				if !f.cloud.reachable(id) {
					f.t.Fatal("it was closed at the end that it had before")
				}
				f.pass(time.Until(end.Add(10*time.Minute + 2*time.Second)))
				if f.cloud.reachable(id) {
					f.t.Error("access lasts beyond its end")
				}
				f.store.script(nil)
				owner.store.set(false)
				f.pass(time.Minute)
				f.expect(id, Closed, Expired)
				f.endedOnce(id)
				if l := f.stored(id); !l.Why.IsZero() {
					f.t.Errorf("it ended in time, and says %q", l.Why)
				}
			})
		})
	}
}

// An extension that was recorded while its owner was cut off, and that nobody has
// brought to AWS yet: the owner ends the lease at the former end, and as soon as it can
// be written everybody hears that it ended early.
func TestAnExtensionThatCameTooLateForTheOwner(t *testing.T) {
	t.Parallel()
	inFleet(t, 3, func(f *fleet) {
		id := f.opened(alice, "web", 10*time.Minute)
		end := f.lease(id).ExpiresAt
		owner := f.worker(id)
		f.pass(time.Until(end.Add(-6 * time.Second)))
		owner.store.set(true)
		f.pass(2 * time.Second)
		if _, err := f.others(id)[0].do(via(alice, "e-1"), ExtendLease{Ref: id, Duration: time.Hour}); err != nil {
			f.t.Fatal(err)
		}
		f.pass(time.Until(end.Add(2 * time.Second)))
		if f.cloud.reachable(id) {
			f.t.Fatal("it is open, which is not what this is about")
		}
		f.pass(20 * time.Second)
		owner.store.set(false)
		f.pass(time.Minute)
		l := f.stored(id)
		if l.State != Closed || l.Reason != Expired || l.Why.IsZero() {
			f.t.Errorf("it is %s %s: %s", l.State, l.Reason, l.Why)
		}
		f.endedOnce(id)
	})
}

// What somebody closes is closed, although the replica that was asked had it in memory
// alone and another one has changed the lease since.
func TestACloseInMemoryIsNotLost(t *testing.T) {
	t.Parallel()
	for what, aws := range map[string]bool{"it reaches AWS": true, "it does not reach AWS": false} {
		t.Run(what, func(t *testing.T) {
			inFleet(t, 3, func(f *fleet) {
				id := f.opened(alice, "web", 10*time.Minute)
				asked, owner := f.others(id)[0], f.worker(id)
				asked.store.fill(true)
				asked.aws.set(!aws)
				reply, err := asked.do(via(alice, "e-1"), CloseLease{Ref: id})
				if err != nil || !reply.Unrecorded {
					f.t.Fatalf("%+v, %v", reply, err)
				}
				if _, err := owner.do(via(alice, "e-2"), ExtendLease{Ref: id, Duration: time.Hour}); err != nil {
					f.t.Fatal(err)
				}
				f.pass(5 * time.Second)
				if f.cloud.reachable(id) == aws {
					f.t.Errorf("it reaches AWS: %v, and people are let in: %v", aws, !aws)
				}
				asked.store.fill(false)
				f.pass(5 * time.Second)
				asked.aws.set(false)
				f.pass(time.Minute)
				f.expect(id, Closed, ClosedByUser)
				if l := f.stored(id); l.ClosedBy != alice {
					f.t.Errorf("closed by %q", l.ClosedBy)
				}
				if n := f.acts(id)[ActClose]; n != 1 {
					f.t.Errorf("the record has %d clicks", n)
				}
				f.endedOnce(id)
			})
		})
	}
}

// The store does not even refuse: no call comes back. Access ends in time all the same.
func TestTheStoreFallsSilent(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(f *fleet) {
		id := f.opened(alice, "web", 10*time.Minute)
		end := f.lease(id).ExpiresAt
		f.pass(time.Until(end.Add(-time.Minute)))
		f.store.script(func(ctx context.Context, _, _ string) error { return hang(ctx) })
		var late time.Duration
		for f.pass(time.Until(end)); f.cloud.reachable(id) && late < time.Minute; late += 500 * time.Millisecond {
			f.pass(500 * time.Millisecond)
		}
		f.t.Logf("access ended %s late", late)
		if late > 4*time.Second {
			f.t.Errorf("access ended %s late", late)
		}
		f.store.script(nil)
		f.pass(time.Minute)
		f.expect(id, Closed, Expired)
		f.endedOnce(id)
	})
}

// A request that waits is with a replica that is cut off; another one has opened it when
// its time to be approved is over: it stays open.
func TestARequestThatWasOpenedElsewhereDoesNotLapse(t *testing.T) {
	testenv.SkipRaced(t, "TestAnExtensionThatTheOwnerCannotRead goes the same ways")
	t.Parallel()
	inFleet(t, 3, func(f *fleet) {
		f.buildsAhead()
		r, err := f.replicas[0].do(via(alice, "e-1"), OpenLease{Instance: "db", Duration: time.Hour, Because: "of a deployment"})
		if err != nil {
			f.t.Fatal(err)
		}
		id := r.Lease.ID
		f.pass(2 * time.Second)
		f.must(alice, ConfirmLease{ID: id})
		f.pass(time.Minute) // it is built
		owner := f.worker(id)
		f.pass(time.Until(f.lease(id).ApproveBy.Add(-2 * time.Minute)))
		owner.store.set(true)
		f.pass(deadAfter + 5*time.Second)
		if _, err := f.others(id)[1].do(via(bob, "e-2"), ApproveLease{ID: id}); err != nil {
			f.t.Fatal(err)
		}
		f.pass(10 * time.Minute)
		if s := f.stored(id).State; s != Open || !f.cloud.reachable(id) {
			f.t.Errorf("it is %s, and people are let in: %v", s, f.cloud.reachable(id))
		}
		owner.store.set(false)
		f.pass(time.Minute)
		f.expect(id, Open, "")
	})
}
