package sshforward

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"
)

// What each replica counts for itself before it writes may be exceeded by one each of
// the others, and by no more.
func TestWhatIsCountedByEachReplica(t *testing.T) {
	t.Parallel()
	inFleet(t, 3, func(f *fleet) {
		f.cloud.quota = 4 * sharePrepared // four may be built ahead
		f.buildsAhead()
		ask := func(r *replica, by string, n int) {
			reply, err := r.do(from(by), OpenLease{Instance: "db", Duration: time.Hour, Because: "of a deployment",
				Sources: prefixes(fmt.Sprintf("203.0.113.%d/32", 10+n))})
			if err == nil {
				_, err = r.do(from(by), ConfirmLease{ID: reply.Lease.ID})
			}
			if err != nil && ErrorCode(err) != EQUOTA {
				f.t.Error(err)
			}
		}
		for n := range mostWaiting {
			var all sync.WaitGroup
			for i, r := range f.replicas {
				all.Go(func() { ask(r, alice, 3*n+i) })
			}
			all.Wait()
		}
		f.pass(2 * time.Second)
		waiting, ahead := 0, 0
		all, err := f.store.Active(context.Background())
		if err != nil {
			f.t.Fatal(err)
		}
		for _, l := range all {
			if l.Waiting() {
				waiting++
			}
			if l.heldAhead() {
				ahead++
			}
		}
		f.t.Logf("%d wait, %d are built ahead", waiting, ahead)
		if most := mostWaiting + 2; waiting < mostWaiting || waiting > most {
			f.t.Errorf("%d requests wait, want %d to %d", waiting, mostWaiting, most)
		}
		if ahead < 4 || ahead > 4+2 {
			f.t.Errorf("%d are built ahead, want 4 to 6", ahead)
		}
	})
}

// buildsAhead has what waits for approval built meanwhile.
func (f *fleet) buildsAhead() {
	for _, r := range f.replicas {
		r.k.policy.Prepare = PrepareApproval
	}
}
