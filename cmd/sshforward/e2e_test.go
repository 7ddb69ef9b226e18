package main

import (
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// clouds runs a test against both stand-ins for AWS. The bot is the same process
// on each, so that the race detector looks at one of them.
func clouds(t *testing.T, test func(t *testing.T, c cloud)) {
	t.Run("fakeaws", func(t *testing.T) {
		t.Parallel()
		c, _, _ := fakeCloud(t, fakeaws.Options{})
		test(t, c)
	})
	t.Run("moto", func(t *testing.T) {
		testenv.SkipRaced(t, "moto is slow, and says the same")
		t.Parallel()
		test(t, motoCloud(t))
	})
}

// fakeCloud serves a fakeaws with the field note's network.
func fakeCloud(t *testing.T, o fakeaws.Options) (cloud, *fakeaws.Cloud, fakeaws.FieldNote) {
	t.Helper()
	aws := fakeaws.New(o)
	note := aws.Home().FieldNote()
	server := httptest.NewServer(aws)
	t.Cleanup(server.Close)
	return cloud{
		url: server.URL, instance: note.Web, name: "web-1",
		leftovers: func(*testing.T) []string { return aws.Leftovers("sshforward:deployment", "e2e") },
		foreign:   func(*testing.T) string { return aws.Foreign("sshforward:deployment", "e2e") },
	}, aws, note
}

var sshCommand = regexp.MustCompile(`ssh -p 22 (?:-o HostName=\S+ )?-o HostKeyAlias=(\S+)` +
	` -o CheckHostIP=no -o ServerAliveInterval=30 ec2-user@(\S+)`)

func TestOpenUntilExpiry(t *testing.T) {
	t.Parallel()
	clouds(t, func(t *testing.T, c cloud) {
		before := c.foreign(t)
		w := newWorld(t, c, worldOptions{})

		prompt := w.slash(ann, dev, "open "+c.instance+" 6s from 203.0.113.7 because the disk is full")
		for _, says := range []string{c.instance, "10.1.2.94", "ap-northeast-1a", "203.0.113.7", "about $", "the disk is full"} {
			if !strings.Contains(prompt.Visible(), says) {
				t.Errorf("the prompt does not say %q:\n%s", says, prompt.Visible())
			}
		}
		if left := c.leftovers(t); len(left) > 0 {
			t.Fatalf("made before the confirmation: %v", left)
		}
		id := buttonValue(t, prompt, "lease.confirm")
		w.click(ann, prompt, "lease.confirm")

		card := w.card(dev, id, "ssh -p 22", "HostKeyAlias="+c.instance)
		opened := time.Now()
		command := sshCommand.FindStringSubmatch(card.Visible())
		if command == nil || command[1] != c.instance {
			t.Fatalf("no pasteable command on the card:\n%s", card.Visible())
		}
		if !card.HasButton("lease.extend") || !card.HasButton("lease.close") {
			t.Errorf("an open lease's card lacks a button: %v", card.Buttons())
		}
		w.reply(card, "<@"+ann+">", "is open", "Paste this")
		w.reply(card, "ssh -p 22")
		if list := w.slash(bob, dev, "list all"); !containsAll(list.Visible(), []string{id, c.instance}) {
			t.Errorf("list all:\n%s", list.Visible())
		}

		reminder := w.reply(card, "<@"+ann+">", "ends in")
		if !reminder.HasButton("lease.extend") || !reminder.HasButton("lease.close") {
			t.Errorf("a reminder lacks a button: %v", reminder.Buttons())
		}
		w.slash(ann, dev, "extend "+id+" 3s")

		card = w.card(dev, id, "Closed", "expired")
		if lasted := time.Since(opened); lasted < 8*time.Second || lasted > 30*time.Second {
			t.Errorf("6s extended by 3s lasted %s", lasted)
		}
		if slices.ContainsFunc(card.Buttons(), func(b fakeslack.Button) bool { return b.ActionID != "lease.again" }) {
			t.Errorf("a closed lease's card has live buttons: %v", card.Buttons())
		}
		w.reply(card, "<@"+ann+">", "has ended", "The time was up")
		w.nothingLeft()
		if after := c.foreign(t); after != before {
			t.Errorf("something that is not ours was touched.\nbefore:\n%s\nafter:\n%s", before, after)
		}
		if cards := w.cards(dev, id); cards != 1 {
			t.Errorf("%d cards for one lease", cards)
		}
		if n := w.metric("sshforward_overstay_seconds_count"); n != "1" {
			t.Errorf("overstay was measured %q times", n)
		}
	})
}

// cards counts the messages outside of threads that show the lease.
func (w *world) cards(channel, id string) (n int) {
	for _, m := range w.slack.Messages(channel) {
		if m.ThreadTS == "" && strings.Contains(m.Visible(), id) {
			n++
		}
	}
	return n
}

func TestCloseEarly(t *testing.T) {
	t.Parallel()
	clouds(t, func(t *testing.T, c cloud) {
		w := newWorld(t, c, worldOptions{})
		w.slash(ann, dev, "ip 203.0.113.9")

		byButton := w.open(ann, dev, c.name+" 1h")
		card := w.card(dev, byButton, "ssh -p 22", "203.0.113.9")
		if result, err := w.slack.Click(t.Context(), bob, card.TS, "lease.close"); err != nil || result.Error != "" {
			t.Fatal(err, result.Error)
		}
		w.await("a no to bob", func(s *fakeslack.Snapshot) bool {
			return slices.ContainsFunc(s.Ephemerals(bob, dev), func(m fakeslack.Message) bool {
				return strings.Contains(m.Visible(), "not yours")
			})
		})
		w.click(ann, card, "lease.close")
		w.card(dev, byButton, "Closed", "closed by user")
		w.nothingLeft()

		byCommand := w.open(ann, dev, c.instance)
		w.card(dev, byCommand, "ssh -p 22")
		w.slash(ann, dev, "close")
		w.card(dev, byCommand, "Closed", "closed by user")
		w.nothingLeft()
	})
}

func TestRollback(t *testing.T) {
	t.Parallel()
	for name, spoil := range testenv.ThinnedRows(map[string]struct {
		options fakeaws.Options
		how     func(*fakeaws.Cloud, fakeaws.FieldNote)
		says    string
	}{
		"instance never in service": {
			how:  func(c *fakeaws.Cloud, n fakeaws.FieldNote) { c.Home().SetPorts(n.Web) },
			says: "not ready within 5s",
		},
		"quota reached by somebody meanwhile": {
			options: fakeaws.Options{LoadBalancerLimit: 1},
			says:    "as many Classic Load Balancers",
		},
		"subnet full meanwhile": {
			how:  func(c *fakeaws.Cloud, n fakeaws.FieldNote) { c.Home().SetFree(n.Public, 3) },
			says: "at least 8 free IP addresses",
		},
	}, 3) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			spoil.options.Deny = []string{"elasticloadbalancing:DescribeAccountLimits"} // so that the prompt cannot know
			c, aws, note := fakeCloud(t, spoil.options)
			w := newWorld(t, c, worldOptions{timing: strings.Replace(shortTiming, "opening: 30s", "opening: 5s", 1)})
			prompt := w.slash(ann, dev, "open "+c.instance+" 1m from 203.0.113.7")
			id := buttonValue(t, prompt, "lease.confirm")
			if spoil.how != nil {
				spoil.how(aws, note)
			}
			w.click(ann, prompt, "lease.confirm")
			card := w.card(dev, id, "Closed", "failed")
			w.reply(card, "<@"+ann+">", spoil.says)
			w.nothingLeft()
		})
	}
}
