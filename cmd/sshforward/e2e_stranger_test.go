package main

import (
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// A partner in the channel, whose commands look like a colleague's, gets nowhere,
// also while Slack does not tell who that is: nothing is shown, opened, approved
// or closed, in commands, clicks, lists, forms or Home.
func TestStrangersGetNowhere(t *testing.T) {
	testenv.SkipRaced(t, "TestForgedAndReplayedClicks goes the same ways")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	const paul, gus, gone = "U0PAUL", "U0GUS", "U0GONE"
	w := newWorld(t, c, worldOptions{rules: "\n    - {name: development, tags: {sshforward: allow}, max: 8h, extend_approvals: 0}"})
	w.slack.AddUser(fakeslack.User{ID: paul, Name: "paul", TeamID: "T7PARTNER", EnterpriseID: "E7PARTNER"})
	w.slack.AddUser(fakeslack.User{ID: gus, Name: "gus", Restricted: true})
	w.slack.AddUser(fakeslack.User{ID: gone, Name: "gone"})
	for _, user := range []string{paul, gus, gone} {
		w.slack.Join(dev, user)
	}
	id := w.open(ann, dev, c.instance+" 5m from 203.0.113.7")
	card := w.card(dev, id, "ssh -p 22")
	w.slack.Deactivate(gone)

	for _, blind := range []bool{false, true} {
		if blind {
			w.slack.Break("users.info", fakeslack.Outcome{Status: 503})
			w.kill()
			w.start()
		}
		for _, user := range []string{paul, gus, gone} {
			if user == gus && !blind {
				continue // a guest is served, and let in nowhere
			}
			for _, text := range []string{"list all", "show " + id, "history", "extend " + id + " 1h", "close " + id,
				"open " + c.instance + " 1m from 203.0.113.7", "why " + c.instance} {
				_, _ = w.slack.Slash(t.Context(), user, dev, text)
			}
			for _, action := range []string{"lease.close", "lease.extend", "lease.approve", "lease.claim", "lease.help"} {
				value := id
				if action == "lease.extend" {
					value = id + " 1h"
				}
				_, _ = w.slack.ForgeClick(t.Context(), user, fakeslack.Forged{Channel: dev, TS: card.TS, ActionID: action, Value: value})
			}
			_, _ = w.slack.OpenHome(t.Context(), user)
		}
		time.Sleep(3 * time.Second)
		for _, user := range []string{paul, gus, gone} {
			seen := w.slack.Ephemerals(user, "")
			seen = append(seen, w.slack.Messages(w.slack.DM(user))...)
			for _, m := range seen {
				all := m.Visible() + m.Text
				if strings.Contains(all, "ssh -p") || strings.Contains(all, "web-1") || strings.Contains(all, "203.0.113") {
					t.Errorf("blind %t: %s sees %q", blind, user, all)
				}
			}
			if home, ok := w.slack.Home(user); ok && (strings.Contains(home.Visible(), "web-1") || user == paul && !blind) {
				t.Errorf("blind %t: Home of %s: %q", blind, user, home.Visible())
			}
		}
		if now, _ := w.slack.Message(card.TS); !strings.Contains(now.Visible(), "ssh -p 22") || strings.Contains(now.Visible(), "looking at it") {
			t.Errorf("blind %t: the lease is %q", blind, now.Visible())
		}
	}
	w.slack.Mend()
	w.click(ann, card, "lease.close")
	w.card(dev, id, "Last resource gone")
	w.nothingLeft()
}
