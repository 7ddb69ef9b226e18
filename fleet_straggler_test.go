package sshforward

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// A replica stands still in the middle of an opening, and goes on after another one
// has closed the lease: what it makes then is found, and the lease is closed only
// when that is gone.
func TestAStragglerMakesSomethingAfterTheEnd(t *testing.T) {
	t.Parallel()
	for _, stage := range []Stage{StageGroup, StageBalancer, StageRegister, StageClock} {
		for _, sleeps := range []time.Duration{5 * time.Second, 40 * time.Second, straggleFor - 30*time.Second} {
			t.Run(fmt.Sprintf("%s, asleep for %s", stage, sleeps), func(t *testing.T) {
				inFleet(t, 2, func(f *fleet) {
					id := f.ask(alice, "web", 10*time.Minute)
					f.pass(2 * time.Second)
					owner := f.worker(id)
					owner.aws.sent = true
					f.cloud.script(func(_ context.Context, op string, _ *Lease) error {
						if op == "open/"+string(stage) && len(f.cloud.times(op, id)) == 1 {
							owner.pause()
							return owner.aws.pass() // it is sent, and what comes of it is seen later
						}
						return nil
					})
					f.must(alice, ConfirmLease{ID: id})
					for f.cloud.count("open/"+string(stage), id) == 0 {
						f.pass(time.Second)
					}
					if _, err := f.others(id)[0].do(via(alice, "e-9"), CloseLease{Ref: id}); err != nil {
						f.t.Fatal(err)
					}
					f.pass(sleeps)
					if l := f.stored(id); l.State != Closing {
						f.t.Fatalf("it is %s while the other one may be at work on it", l.State)
					}
					owner.resume()
					for f.stored(id).State != Closed {
						if f.pass(time.Second); time.Since(f.stored(id).ClosingAt) > straggleFor+2*time.Minute {
							f.t.Fatalf("still %s: %+v", f.stored(id).State, f.stored(id).Stragglers)
						}
					}
					f.nothingLeft()
					f.pass(time.Minute)
					f.nothingLeft()
					if n := f.count("new card", id); n != 1 {
						f.t.Errorf("%d cards", n)
					}
				})
			})
		}
	}
}

// A replica that died in the middle of an opening keeps the lease from being closed
// until AWS takes nothing any more that it has signed, and no longer.
func TestALeaseOfADeadOneIsClosedAfterFiveMinutes(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(f *fleet) {
		id := f.ask(alice, "web", 10*time.Minute)
		f.pass(2 * time.Second)
		f.must(alice, ConfirmLease{ID: id})
		f.pass(time.Second)
		f.kill(f.worker(id))
		f.pass(deadAfter + 2*time.Second)
		taken := time.Now()
		f.must(alice, CloseLease{Ref: id})
		f.pass(straggleFor - 15*time.Second)
		f.expect(id, Closing, ClosedByUser)
		f.nothingLeft()
		f.pass(45 * time.Second)
		f.expect(id, Closed, ClosedByUser)
		t.Logf("closed %s after it was taken over", f.stored(id).ClosedAt.Sub(taken))
	})
}

// One that is told to stop lets go of what it was opening: the opening goes on
// elsewhere at once, and its end waits for nobody.
func TestARollingDeploy(t *testing.T) {
	t.Parallel()
	inFleet(t, 3, func(f *fleet) {
		var ids []string
		for n := range 6 {
			id := f.ask(alice, "web", 10*time.Minute)
			ids = append(ids, id)
			if n%2 == 0 {
				f.pass(time.Second)
			}
			f.must(alice, ConfirmLease{ID: id})
		}
		for range 3 {
			old := f.replicas[0]
			f.begin()
			f.pass(4 * time.Second)
			mine := 0
			for _, id := range ids {
				if f.worker(id) == old {
					mine++
				}
			}
			f.terminate(old, 7*time.Second)
			f.pass(1500 * time.Millisecond)
			for _, id := range ids {
				if f.stored(id).Worker == old.id() {
					f.t.Errorf("of %d one is still with who left", mine)
				}
			}
		}
		f.pass(time.Minute)
		for _, id := range ids {
			f.expect(id, Open, "")
			if n := f.count("new card", id); n != 1 {
				f.t.Errorf("%d cards of %s", n, id)
			}
			if n := f.count("ready", id); n != 1 {
				f.t.Errorf("told %d times that %s is ready", n, id)
			}
		}
		f.pass(10*time.Minute + lingering)
		for _, id := range ids {
			f.expect(id, Closed, Expired)
		}
		f.nothingLeft()
		if listed, _ := f.store.Replicas(context.Background()); len(listed) != 3 {
			f.t.Errorf("%d replicas are listed: %+v", len(listed), listed)
		}
	})
}
