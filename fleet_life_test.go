package sshforward

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// A lease lives its whole life among three replicas: each thing is done once.
func TestALifeAmongThree(t *testing.T) {
	t.Parallel()
	inFleet(t, 3, func(f *fleet) {
		r, err := f.replicas[1].do(via(alice, "e-1"), OpenLease{Instance: "web", Duration: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		id := r.Lease.ID
		if f.worker(id) != f.replicas[1] {
			t.Errorf("%s works on it, and %s was asked", f.stored(id).Worker, f.replicas[1].id())
		}
		f.pass(2 * time.Second)
		if _, err := f.replicas[2].do(via(alice, "e-2"), ConfirmLease{ID: id}); err != nil {
			t.Fatal(err)
		}
		if f.worker(id) != f.replicas[2] {
			t.Error("who recorded the yes does not work on it")
		}
		f.pass(untilInService + time.Second)
		f.expect(id, Open, "")
		for _, op := range []string{"open/group", "open/balancer", "open/clock"} {
			if n := f.cloud.count(op, id); n != 1 {
				t.Errorf("%s was done %d times", op, n)
			}
		}
		if _, err := f.replicas[0].do(via(alice, "e-3"), ExtendLease{Ref: id, Duration: time.Hour}); err != nil {
			t.Fatal(err)
		}
		f.pass(3 * time.Second)
		if n := f.cloud.count("extend", id); n != 1 {
			t.Errorf("its tags were moved %d times", n)
		}
		f.pass(time.Until(f.lease(id).ExpiresAt))
		if f.cloud.reachable(id) {
			t.Error("access lasted beyond its end")
		}
		f.pass(time.Minute)
		f.expect(id, Closed, Expired)
		f.nothingLeft()
		for _, what := range []string{"new card", "ready", "command", "ended"} {
			if n := f.count(what, id); n != 1 {
				t.Errorf("%q was said %d times: %q", what, n, f.slack.heard(id))
			}
		}
		for _, r := range f.replicas {
			if r.replicas != 3 {
				t.Errorf("%s counts %d replicas", r.id(), r.replicas)
			}
			if r.takeovers != 0 {
				t.Errorf("%s has taken over %d leases", r.id(), r.takeovers)
			}
		}
		if l := f.stored(id); len(l.Stragglers) > 0 {
			t.Errorf("at work still: %+v", l.Stragglers)
		}
	})
}

// What a replica that was killed was opening is opened by another one, and ends in
// time even if it is killed at its end.
func TestARestartElsewhere(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Second, 5 * time.Second, 20 * time.Second} {
		t.Run(fmt.Sprint("killed after ", after), func(t *testing.T) {
			inFleet(t, 2, func(f *fleet) {
				id := f.ask(alice, "web", 10*time.Minute)
				f.pass(2 * time.Second)
				f.must(alice, ConfirmLease{ID: id})
				f.pass(after)
				f.kill(f.worker(id))
				f.pass(deadAfter + untilInService + pollEvery + 3*time.Second)
				f.expect(id, Open, "")
				if f.worker(id) == nil {
					t.Fatal("a dead one works on it")
				}
				f.pass(time.Until(f.lease(id).ExpiresAt))
				if f.cloud.reachable(id) {
					t.Error("access lasted beyond its end")
				}
				f.pass(straggleFor + time.Minute)
				f.expect(id, Closed, Expired)
				f.nothingLeft()
				if n := f.count("new card", id); n != 1 {
					t.Errorf("%d cards", n)
				}
			})
		})
	}
}

// The owner dies just before the end, or cannot do anything: the end is late by the
// take-over at most.
func TestTheOwnerIsGoneAtTheEnd(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		gone func(f *fleet, r *replica)
		most time.Duration
	}{
		"killed":                 {func(f *fleet, r *replica) { f.kill(r) }, deadAfter + 2*time.Second},
		"paused":                 {func(_ *fleet, r *replica) { r.pause() }, deadAfter + 2*time.Second},
		"cut off from AWS":       {func(_ *fleet, r *replica) { r.aws.set(true) }, roundAfter + 2*time.Second},
		"cut off from the store": {func(_ *fleet, r *replica) { r.store.set(true) }, deadAfter + 2*time.Second},
		"told to stop":           {func(f *fleet, r *replica) { f.terminate(r, 7*time.Second) }, 0},
	} {
		t.Run(what, func(t *testing.T) {
			inFleet(t, 3, func(f *fleet) {
				id := f.opened(alice, "web", 10*time.Minute)
				end := f.lease(id).ExpiresAt
				f.pass(time.Until(end.Add(-1500 * time.Millisecond)))
				owner := f.worker(id)
				c.gone(f, owner)
				ended := time.Duration(-1)
				for late := time.Duration(0); late < time.Minute; late += 500 * time.Millisecond {
					f.pass(time.Until(end.Add(late)))
					if !f.cloud.reachable(id) {
						ended = late
						break
					}
				}
				if ended < 0 || ended > c.most {
					t.Errorf("access ended %s late, want %s at most", ended, c.most)
				}
				t.Logf("access ended %s late", ended)
				if slices.Contains(f.replicas, owner) {
					f.pass(time.Minute)
					if what == "paused" {
						owner.resume()
					}
					owner.aws.set(false)
					owner.store.set(false)
				}
				f.pass(straggleFor + 2*time.Minute)
				if l := f.stored(id); l.State != Closed || l.Reason != Expired {
					t.Errorf("it is %s %s", l.State, l.Reason)
				}
				f.nothingLeft()
				// Who is cut off from the store ends it too, and says so.
				if n := f.count("ended", id); n != 1 && (n != 2 || what != "cut off from the store") {
					t.Errorf("its end was said %d times", n)
				}
			})
		})
	}
}

// The store is gone for all of them: who owns a lease ends it in time, and what
// happened is written once the store is back.
func TestAllAreCutOffFromTheStore(t *testing.T) {
	t.Parallel()
	inFleet(t, 2, func(f *fleet) {
		id := f.opened(alice, "web", 10*time.Minute)
		end := f.lease(id).ExpiresAt
		f.pass(time.Until(end.Add(-time.Minute)))
		for _, r := range f.replicas {
			r.store.set(true)
		}
		f.pass(time.Until(end.Add(time.Second)))
		if f.cloud.reachable(id) {
			t.Error("access lasts beyond its end")
		}
		f.pass(time.Minute)
		f.nothingLeft()
		if s := f.stored(id).State; s != Open {
			t.Fatalf("the store has %s", s)
		}
		for _, r := range f.replicas {
			r.store.set(false)
		}
		f.pass(20 * time.Second)
		f.expect(id, Closed, Expired)
		if n := f.count("ended", id); n != 1 {
			t.Errorf("its end was said %d times", n)
		}
		told := make(map[Act]int)
		for _, e := range f.store.recorded() {
			told[e.Act]++
		}
		for _, act := range []Act{ActEnding, ActAccessEnded, ActClosed} {
			if told[act] != 1 {
				t.Errorf("%s is %d times in the record", act, told[act])
			}
		}
	})
}
