package playground

import (
	"testing"
	"time"

	"github.com/sshforward/sshforward"
)

// What the audit record says is told in a sentence, once.
func TestChronicle(t *testing.T) {
	c := &chronicle{changed: func() {}, name: func(id string) string {
		return map[string]string{"U1": "Ann", "U2": "Carol", "i-1": "db-1"}[id]
	}}
	now := time.Now()
	for _, x := range []struct {
		e          sshforward.Event
		kind, says string
	}{
		{sshforward.Event{Act: sshforward.ActOpen, Actor: "U1", Name: "db-1", Duration: 600, Because: "a migration"}, ofLease,
			"Ann asks for db-1 for 10m: a migration"},
		{sshforward.Event{Act: sshforward.ActConfirm, Actor: "U1", Name: "db-1", Because: "a migration"}, ofLease,
			"Ann confirms the request for db-1"},
		{sshforward.Event{Act: sshforward.ActConfirm, Actor: "U1", Name: "db-1", Urgent: true}, ofLease,
			"Ann goes past the approvers of db-1: it is urgent"},
		{sshforward.Event{Act: sshforward.ActApprove, Actor: "U2", Owner: "U1", Name: "db-1", State: sshforward.Pending}, ofLease,
			"Carol approves db-1 for Ann"},
		{sshforward.Event{Act: sshforward.ActApprove, Actor: "U2", Owner: "U1", Name: "db-1", State: sshforward.Open}, ofLease,
			"Carol approves more time on db-1 for Ann"},
		{sshforward.Event{Act: sshforward.ActDeny, Actor: "U2", Owner: "U1", Name: "db-1", Because: "not now"}, ofLease,
			"Carol denies db-1 to Ann: not now"},
		{sshforward.Event{Act: sshforward.ActEnding, Name: "db-1", Reason: sshforward.Expired}, ofLease, "db-1 ends: the time is up"},
		{sshforward.Event{Act: sshforward.ActMended, Name: "db-1"}, ofLease, "db-1: the bot put back what was missing"},
		{sshforward.Event{Act: sshforward.ActClosed, Name: "db-1", Reason: sshforward.Expired, Opened: now, Overstay: 0.45}, ofLease,
			"Nothing of db-1 is left in AWS; 0.5 s past the end"},
		{sshforward.Event{Act: sshforward.ActOpen, Actor: "U1", Instance: "i-1", Result: "forbidden", Detail: "No rule lets you in."}, ofRefusal,
			"Ann is refused to ask for db-1: No rule lets you in."},
	} {
		x.e.At = now
		if x.e.Result == "" {
			x.e.Result = sshforward.ResultOK
		}
		before := c.last
		c.recorded(x.e)
		c.recorded(x.e) // a bot that was killed may write a line again
		last := c.all[len(c.all)-1]
		if c.last != before+1 || last.Kind != x.kind || last.Text != x.says {
			t.Errorf("%s is told %d times, as %s %q, want %s %q", x.e.Act, c.last-before, last.Kind, last.Text, x.kind, x.says)
		}
	}
	for range 2 * keptHappenings {
		c.add(now, ofBot, "again")
	}
	if len(c.all) != keptHappenings || c.all[len(c.all)-1].Seq != c.last {
		t.Errorf("%d of %d are remembered", len(c.all), c.last)
	}
}
