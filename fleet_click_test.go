package sshforward

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// everywhere gives a command to all replicas at once, each in the envelope that the
// function says.
func (f *fleet) everywhere(user string, cmd Command, envelope func(n int) string) (replies []Reply, errs []error) {
	replies = make([]Reply, len(f.replicas))
	var all []func() error
	for n, r := range f.replicas {
		all = append(all, func() (err error) { replies[n], err = r.do(via(user, envelope(n)), cmd); return err })
	}
	return replies, f.atOnce(all...)
}

func same(envelope string) func(int) string { return func(int) string { return envelope } }

// One envelope that comes to three replicas at once has one effect, and one of them
// answers.
func TestOneEnvelopeAtThreeReplicasAtOnce(t *testing.T) {
	t.Parallel()
	inFleet(t, 3, func(f *fleet) {
		f.store.script(slowStore)
		once := func(envelope, user string, cmd Command) *Lease {
			t.Helper()
			replies, errs := f.everywhere(user, cmd, same(envelope))
			answered := 0
			for n, err := range errs {
				if err != nil || replies[n].Lease == nil || replies[n].Lease.ID != replies[0].Lease.ID {
					t.Fatalf("%T: %+v, %v", cmd, replies[n], err)
				}
				if f.replicas[n].k.Answers(context.Background(), via(user, envelope)) {
					answered++
				}
			}
			if answered != 1 {
				t.Errorf("%T is answered %d times", cmd, answered)
			}
			return replies[0].Lease
		}
		id := once("e-1", alice, OpenLease{Instance: "db", Because: "ticket 7", Duration: 20 * time.Minute}).ID
		f.pass(2 * time.Second)
		once("e-2", alice, ConfirmLease{ID: id})
		f.pass(2 * time.Second)
		once("e-3", bob, ApproveLease{ID: id})
		f.pass(untilInService + 2*time.Second)
		f.expect(id, Open, "")
		once("e-4", alice, ExtendLease{Ref: id, Duration: 10 * time.Minute})
		if l := f.lease(id); l.ExpiresAt.Sub(l.OpenedAt) != 30*time.Minute {
			t.Errorf("it lasts %s", l.ExpiresAt.Sub(l.OpenedAt))
		}
		f.pass(3 * time.Second)
		once("e-5", alice, CloseLease{Ref: id})
		f.pass(time.Minute)
		f.expect(id, Closed, ClosedByUser)
		f.nothingLeft()
		f.wantRecorded(id,
			"open ok UALICE requested -", "confirm ok UALICE pending -", "approve ok UBOB opening -", "opened ok - open -",
			"extend ok UALICE open -", "close ok UALICE closing closed_by_user",
			"access_ended ok - closing closed_by_user", "closed ok - closed closed_by_user")
		if n := len(f.list(alice, true)); n != 0 || f.count("new card", id) != 1 {
			t.Errorf("%d leases more, and the cards %q", n, f.slack.heard(id))
		}
	})
}

// An approval that is clicked at three replicas at once, and an extension, count
// once: with several clicks one wins, and the others hear what is so.
func TestTheSameClickAtThreeReplicasAtOnce(t *testing.T) {
	t.Parallel()
	inFleet(t, 3, func(f *fleet) {
		click := func(n int) string { return fmt.Sprint(time.Now().UnixNano(), "/", n) }
		id := f.ask(alice, "db", 20*time.Minute)
		f.must(alice, ConfirmLease{ID: id})
		f.pass(2 * time.Second)
		f.store.script(slowStore)
		_, errs := f.everywhere(bob, ApproveLease{ID: id}, click)
		oneWins(t, errs, "already")
		f.pass(untilInService + 2*time.Second)
		f.expect(id, Open, "")
		if n := len(f.lease(id).Approved); n != 1 {
			t.Errorf("%d approvals", n)
		}
		_, errs = f.everywhere(alice, ExtendLease{Ref: id, Duration: 10 * time.Minute}, click)
		oneWins(t, errs, "a moment ago")
	})
}

// However many replicas look at the same time, nobody gets a lease more than policy
// allows, and what died in between is not counted for ever.
func TestAQuotaAmongThree(t *testing.T) {
	t.Parallel()
	inFleet(t, 3, func(f *fleet) {
		for _, r := range f.replicas {
			r.k.policy.LeasesPerUser = 2
		}
		var ids []string
		for n := range mostWaiting {
			r := f.must(alice, OpenLease{Instance: "web", Sources: prefixes(fmt.Sprintf("203.0.113.%d/32", n)), Duration: time.Hour})
			ids = append(ids, r.Lease.ID)
		}
		f.pass(2 * time.Second)
		// One replica has promised the first and dies before it confirms it.
		if err := f.replicas[0].k.promise(context.Background(), f.stored(ids[0])); err != nil {
			t.Fatal(err)
		}
		f.kill(f.replicas[0])
		f.begin()
		f.replicas[2].k.policy.LeasesPerUser = 2
		f.pass(2 * time.Second)
		f.store.script(func(_ context.Context, op, _ string) error {
			if op == "put" || op == "set-held" {
				time.Sleep(time.Millisecond)
			}
			return nil
		})
		var clicks []func() error
		for n, id := range ids[1:] {
			clicks = append(clicks, func() error { _, err := f.replicas[n%3].do(from(alice), ConfirmLease{ID: id}); return err })
		}
		won := 0
		for _, err := range f.atOnce(clicks...) {
			if err == nil {
				won++
			} else {
				wantCode(t, err, EQUOTA)
			}
		}
		if won != 1 { // the one that was promised may still be confirmed
			t.Errorf("%d leases beside the one that was promised", won)
		}
		f.pass(f.timing.Confirm + time.Minute) // the requests have lapsed
		if _, err := f.do(alice, OpenLease{Instance: "two"}); err != nil {
			t.Fatal(err)
		}
		f.must(alice, ConfirmLease{ID: f.list(alice, false)[1].ID})
		if h, err := f.store.Held(context.Background(), alice); err != nil || len(h.Leases) != 2 {
			t.Errorf("what counts: %+v, %v", h, err)
		}
	})
}
