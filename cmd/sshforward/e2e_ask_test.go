package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// A request in a channel that the approvers are not in: they are asked directly,
// one of each group has to say yes, who looks at it is shown, and nobody keeps
// live buttons, whatever process had posted them.
func TestApproversOutsideOfTheChannel(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{rules: "\n    - {name: production, tags: {sshforward: allow}, max: 1h, " +
		"approvals: [{from: S0DBA, n: 1}, {from: S0SEC, n: 1}]}"})
	for _, user := range []string{"U0DBA1", "U0DBA2", "U0SEC1", "U0GONE"} {
		w.slack.AddUser(fakeslack.User{ID: user, Name: strings.ToLower(user)})
	}
	w.slack.Deactivate("U0GONE")
	w.slack.AddUserGroup(fakeslack.UserGroup{ID: "S0DBA", Handle: "dba", Users: []string{"U0DBA1", "U0DBA2", ann, "U0GONE"}})
	w.slack.AddUserGroup(fakeslack.UserGroup{ID: "S0SEC", Handle: "sec", Users: []string{"U0SEC1"}})

	prompt := w.slash(ann, dev, "open "+c.instance+" 1m from 203.0.113.7")
	id := buttonValue(t, prompt, "lease.confirm")
	w.click(ann, prompt, "lease.confirm")
	asked := make(map[string]fakeslack.Message)
	for _, user := range []string{"U0DBA1", "U0DBA2", "U0SEC1"} {
		asked[user] = w.asked(user, "lease.approve", "waits for your decision")
	}
	if n := len(w.slack.Messages(w.slack.DM(ann))) + len(w.slack.Messages(w.slack.DM("U0GONE"))); n > 0 {
		t.Errorf("%d direct messages to whoever cannot decide", n)
	}

	w.click("U0DBA1", asked["U0DBA1"], "lease.claim")
	w.asked("U0SEC1", "lease.approve", "<@U0DBA1> is looking at it")
	w.kill()
	w.start()
	w.click("U0DBA1", asked["U0DBA1"], "lease.approve")
	w.card(dev, id, "Approved by 1 of 2", "Still needed: 1 of <!subteam^S0SEC>")
	w.click("U0DBA2", asked["U0DBA2"], "lease.approve") // of the same group
	w.click("U0SEC1", asked["U0SEC1"], "lease.approve")
	w.card(dev, id, "ssh -p 22", "Approved by <@U0DBA1>")
	for user := range asked {
		w.asked(user, "", "was approved by <@U0DBA1>")
	}
	w.click(ann, w.card(dev, id, "ssh -p 22"), "lease.close")
	w.card(dev, id, "Last resource gone")
	w.nothingLeft()
}

// asked waits for the first direct message to a user to have a button, or none
// where action is empty, and a text.
func (w *world) asked(user, action, text string) (found fakeslack.Message) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 30*time.Second)
	defer cancel()
	err := w.slack.Wait(ctx, func(s *fakeslack.Snapshot) bool {
		for _, m := range s.Messages(w.slack.DM(user)) {
			found = m
			return strings.Contains(m.Visible(), text) && (action == "" && len(m.Buttons()) == 0 || action != "" && m.HasButton(action))
		}
		return false
	})
	if err != nil {
		w.t.Fatalf("%s sees %q with %v", user, found.Visible(), found.Buttons())
	}
	return found
}
