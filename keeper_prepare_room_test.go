package sshforward

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// Nothing is built ahead beyond a quarter of the quota, and what is not says so
// and opens all the same.
func TestRoomToPrepare(t *testing.T) {
	inAdvance(t, func(w *world) {
		w.cloud.quota = 11
		w.policy.LeasesPerUser = 0
	}, func(w *world) {
		var ids []string
		for i := range 4 {
			r := w.must(alice, OpenLease{Instance: "db", Duration: time.Hour, Because: "x", Sources: prefixes(fmt.Sprintf("203.0.113.%d/32", 10+i))})
			ids = append(ids, r.Lease.ID)
		}
		done := make(chan struct{})
		for _, id := range ids { // all at once
			go func() { _, _ = w.do(alice, ConfirmLease{ID: id}); done <- struct{}{} }()
		}
		for range ids {
			<-done
		}
		w.pass(time.Minute)
		var built, cold []string
		for _, id := range ids {
			if l := w.lease(id); l.Prepared.Begun() {
				built = append(built, id)
				w.lockedButReady(id)
			} else if !l.Prepared.Cold.IsZero() {
				cold = append(cold, id)
			}
		}
		if len(built) != 2 || len(cold) != 2 || len(w.cloud.left()) != 2 {
			t.Fatalf("built ahead %v, cold %v, in AWS %v", built, cold, w.cloud.left())
		}
		w.must(bob, ApproveLease{ID: cold[0]})
		w.pass(time.Minute)
		w.expect(cold[0], Open, "")
		w.must(bob, DenyLease{ID: built[0]})
		w.pass(time.Minute)
		id := w.ask(alice, "db", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(time.Minute)
		w.lockedButReady(id)
	})
}

// At the prompt, a few at a time for each person; what is confirmed without an
// approval opens at once, and what is not goes by itself.
func TestPreparedAtThePrompt(t *testing.T) {
	inAdvance(t, func(w *world) {
		w.policy.Rules[1].Prepare = PreparePrompt
		w.policy.LeasesPerUser = 0
	}, func(w *world) {
		var ids []string
		for range 4 {
			ids = append(ids, w.ask(alice, "i-0dev", time.Hour))
		}
		w.pass(time.Minute)
		for _, id := range ids[:3] {
			w.expect(id, Requested, "")
			w.lockedButReady(id)
		}
		if l := w.lease(ids[3]); l.Prepared.Begun() || l.Prepared.Cold.IsZero() {
			t.Errorf("the fourth: %+v", l.Prepared)
		}
		w.must(alice, ConfirmLease{ID: ids[0]})
		w.pass(0)
		w.expect(ids[0], Open, "")
		w.must(alice, CancelLease{ids[1]})
		w.pass(time.Minute)
		w.expect(ids[1], Closed, Cancelled)
		w.pass(w.timing.Confirm)
		w.expect(ids[2], Closed, Lapsed)
		w.expect(ids[3], Closed, Lapsed)
		if got := w.cloud.left(); !slices.Equal(got, ids[:1]) {
			t.Errorf("in AWS: %v", got)
		}
	})
}

// What needs no approval, and what goes past it, is not built ahead of the click.
func TestWhatIsNotPrepared(t *testing.T) {
	for _, tt := range []struct {
		policy, rule Prepare
		instance     string
		urgent       bool
	}{
		{PrepareApproval, "", "i-0dev", false},
		{PrepareApproval, PrepareNever, "i-0prod", false},
		{PrepareNever, "", "i-0prod", false},
		{"", "", "i-0prod", false},
		{PrepareApproval, "", "i-0prod", true},
	} {
		inAdvance(t, func(w *world) {
			w.policy.Prepare = tt.policy
			for i := range w.policy.Rules {
				w.policy.Rules[i].Prepare = tt.rule
			}
			w.policy.Rules[0].Urgent = &Urgent{Users: []string{alice}, Max: time.Hour}
		}, func(w *world) {
			l := w.must(alice, OpenLease{Instance: tt.instance, Duration: time.Hour, Because: "x", Urgent: tt.urgent}).Lease
			if l.Prepare != "" && l.Prepare != PrepareNever || l.Prepared.Begun() {
				t.Errorf("%+v: %q, %+v", tt, l.Prepare, l.Prepared)
			}
			w.pass(time.Minute)
			w.must(alice, ConfirmLease{ID: l.ID, Urgent: tt.urgent})
			w.pass(0)
			if l := w.lease(l.ID); l.Prepared.Begun() {
				t.Errorf("%+v: %+v", tt, l.Prepared)
			}
		})
	}
}
