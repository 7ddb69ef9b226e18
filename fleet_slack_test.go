package sshforward

import (
	"testing"
	"time"
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
