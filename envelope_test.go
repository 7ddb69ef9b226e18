package sshforward

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// via is somebody who typed or clicked in an envelope.
func via(user, envelope string) Caller {
	c := from(user)
	c.Envelope = envelope
	return c
}

func (w *world) in(envelope, user string, cmd Command) (Reply, error) {
	return w.keeper().Do(context.Background(), via(user, envelope), cmd)
}

func TestLeaseIDOfAnEnvelope(t *testing.T) {
	seen := make(map[string]string)
	for _, envelope := range []string{"e-1", "e-2", "e-1/0"} {
		for n := range 3 {
			what := fmt.Sprintf("%s, draw %d", envelope, n)
			id := leaseID(envelope, n)
			if _, ok := ParseID(id); !ok || len(id) != idLength {
				t.Errorf("%s: %q is no id", what, id)
			}
			if id != leaseID(envelope, n) {
				t.Errorf("%s: not the same the second time", what)
			}
			if other, ok := seen[id]; ok {
				t.Errorf("%s has the id of %s", what, other)
			}
			seen[id] = what
		}
	}
	if one, other := leaseID("", 0), leaseID("", 0); one == other {
		t.Error("without an envelope two leases have the same id")
	}
}

func TestALeaseKnowsItsLastEnvelopes(t *testing.T) {
	var l Lease
	l.remember("")
	for n := range 10 {
		l.remember(fmt.Sprint("e-", n))
	}
	for n := range 10 {
		if got, want := l.cameIn(fmt.Sprint("e-", n)), n >= 2; got != want {
			t.Errorf("envelope %d is known: %t", n, got)
		}
	}
	if l.cameIn("") {
		t.Error("what came in no envelope came before")
	}
}

// The same envelope once more has no effect and the same answer, whatever became
// of the lease meanwhile.
func TestAnEnvelopeThatComesAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		once := func(envelope, user string, cmd Command) *Lease {
			t.Helper()
			var first *Lease
			for n := range 3 {
				r, err := w.in(envelope, user, cmd)
				if err != nil || r.Lease == nil {
					t.Fatalf("%T, the %d. time: %+v, %v", cmd, n+1, r, err)
				}
				if first == nil {
					first = r.Lease
				}
				if r.Lease.ID != first.ID || r.Lease.ExpiresAt != first.ExpiresAt || len(r.Lease.Approved) != len(first.Approved) {
					t.Errorf("%T, the %d. time: %s until %s", cmd, n+1, r.Lease.ID, w.since(r.Lease.ExpiresAt))
				}
			}
			return first
		}
		l := once("e-open", alice, OpenLease{Instance: "db", Because: "ticket 7", Duration: 30 * time.Minute})
		once("e-confirm", alice, ConfirmLease{ID: l.ID})
		once("e-approve", bob, ApproveLease{ID: l.ID})
		w.pass(untilInService)
		w.expect(l.ID, Open, "")
		once("e-extend", alice, ExtendLease{Ref: l.ID, Duration: 10 * time.Minute})
		w.pass(time.Minute)
		once("e-extend", alice, ExtendLease{Ref: l.ID, Duration: 10 * time.Minute}) // beyond the guard against two clicks
		if got := w.lease(l.ID); got.ExpiresAt.Sub(got.OpenedAt) != 40*time.Minute {
			t.Errorf("it lasts %s", got.ExpiresAt.Sub(got.OpenedAt))
		}
		once("e-close", alice, CloseLease{Ref: "db"})
		w.pass(time.Minute)
		w.expect(l.ID, Closed, ClosedByUser)
		once("e-close", alice, CloseLease{Ref: "db"}) // there is none any more
		w.wantRecorded(l.ID,
			"open ok UALICE requested -", "confirm ok UALICE pending -", "approve ok UBOB opening -", "opened ok - open -",
			"extend ok UALICE open -", "close ok UALICE closing closed_by_user",
			"access_ended ok - closing closed_by_user", "closed ok - closed closed_by_user")

		_, err := w.in("e-other", alice, ExtendLease{Ref: l.ID, Duration: 10 * time.Minute})
		wantCode(t, err, ECONFLICT)
	})
}

// A close of all that comes again says what the first one did.
func TestAnEnvelopeThatClosesAllComesAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		for range 2 {
			r, err := w.in("e-1", alice, CloseLease{All: true})
			if err != nil || r.Lease == nil && len(r.Leases) != 1 {
				t.Errorf("%+v, %v", r, err)
			}
			w.pass(time.Minute)
		}
		w.expect(id, Closed, ClosedByUser)
	})
}

// The request that was the last one for which there was room is not refused when
// its envelope comes again.
func TestAnEnvelopeAtTheQuota(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for n := range mostWaiting {
			w.must(alice, OpenLease{Instance: "web", Sources: prefixes(fmt.Sprintf("203.0.113.%d/32", n))})
			if n == mostWaiting-2 {
				break
			}
		}
		last := OpenLease{Instance: "two"}
		first, err := w.in("e-1", alice, last)
		if err != nil {
			t.Fatal(err)
		}
		again, err := w.in("e-1", alice, last)
		if err != nil || again.Lease.ID != first.Lease.ID {
			t.Errorf("%+v, %v", again, err)
		}
		_, err = w.in("e-2", alice, last)
		wantCode(t, err, EQUOTA)
	})
}

// Another lease has the id that an envelope asks for: it gets the next one, and the
// same one when it comes again.
func TestAnEnvelopeWhoseIDIsTaken(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		by := time.Now().Add(time.Hour)
		taken := &Lease{ID: leaseID("e-1", 0), State: Requested, Owner: bob, RequestedAt: time.Now(), ConfirmBy: by, DueAt: by}
		if err := w.store.Put(context.Background(), taken); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			r, err := w.in("e-1", alice, OpenLease{Instance: "web"})
			if err != nil || r.Lease.ID != leaseID("e-1", 1) || r.Lease.Owner != alice {
				t.Errorf("%+v, %v", r.Lease, err)
			}
		}
	})
}
