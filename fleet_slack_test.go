package sshforward

import (
	"testing"
	"time"

	"github.com/sshforward/sshforward/internal/testenv"
)

// The replica that works on a lease does not reach Slack: what it opens, what people are
// to be told and the end are soon another one's. That goes on while nobody reaches Slack,
// and what people have to hear they hear once.
func TestTheOwnerIsCutOffFromSlack(t *testing.T) {
	t.Parallel()
	inFleet(t, 3, func(f *fleet) {
		id := f.opened(alice, "web", 10*time.Minute)
		end := f.lease(id).ExpiresAt
		owner := f.worker(id)
		f.pass(time.Until(end.Add(-6 * time.Minute)))
		owner.slack.set(true)
		f.pass(2 * time.Minute) // it is told five minutes before the end that it ends
		if n := f.count("reminder", id); n != 1 {
			f.t.Errorf("the reminder was sent %d times", n)
		}
		f.pass(time.Until(end.Add(time.Second)))
		if f.cloud.reachable(id) {
			f.t.Error("access lasts beyond its end")
		}
		for _, r := range f.replicas {
			r.slack.set(true)
		}
		f.pass(5 * time.Minute)
		f.expect(id, Closed, Expired)
		for _, r := range f.replicas {
			r.slack.set(r == owner)
		}
		f.pass(2 * time.Minute)
		f.endedOnce(id)
	})
}

// A request whose replica loses Slack is opened, and its people hear of it.
func TestARequestOfAReplicaWithoutSlack(t *testing.T) {
	t.Parallel()
	inFleet(t, 3, func(f *fleet) {
		id := f.ask(alice, "web", 10*time.Minute)
		f.pass(2 * time.Second)
		f.must(alice, ConfirmLease{ID: id})
		f.worker(id).slack.set(true)
		f.pass(2 * time.Minute)
		f.expect(id, Open, "")
		for _, what := range []string{"new card", "ready", "command"} {
			if n := f.count(what, id); n != 1 {
				f.t.Errorf("%q was said %d times: %q", what, n, f.slack.heard(id))
			}
		}
	})
}

// What Slack did not take is given to another replica. Whenever the table goes away, one
// of them has the lease in memory and ends it.
func TestNobodyReachesSlackNorTheTable(t *testing.T) {
	t.Parallel()
	for _, after := range testenv.Thinned([]time.Duration{
		2 * time.Second, 4 * time.Second, 6 * time.Second, 8 * time.Second, 10 * time.Second, 15 * time.Second,
		20 * time.Second, 40 * time.Second, time.Minute, 90 * time.Second, 2 * time.Minute,
	}, 4) {
		t.Run(after.String(), func(t *testing.T) {
			inFleet(t, 3, func(f *fleet) {
				id := f.opened(alice, "web", 10*time.Minute)
				end := f.lease(id).ExpiresAt
				f.pass(time.Until(end.Add(-6 * time.Minute)))
				for _, r := range f.replicas {
					r.slack.set(true)
				}
				f.pass(time.Until(end.Add(-5 * time.Minute).Add(after)))
				for _, r := range f.replicas {
					r.store.set(true)
				}
				f.pass(time.Until(end.Add(20 * time.Second)))
				if f.cloud.reachable(id) {
					f.t.Error("access lasts beyond its end")
				}
			})
		})
	}
}
