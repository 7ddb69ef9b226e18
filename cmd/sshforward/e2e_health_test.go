package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// inThread is whether a reply to a card says something.
func inThread(card fakeslack.Message, says string) func(*fakeslack.Snapshot) bool {
	return func(s *fakeslack.Snapshot) bool {
		return slices.ContainsFunc(s.Messages(card.Channel), func(m fakeslack.Message) bool {
			return m.ThreadTS == card.TS && strings.Contains(m.Visible(), says)
		})
	}
}

// sshd is restarted, or busy for a while: nobody's session ends.
func TestAFlapDoesNotEndASession(t *testing.T) {
	t.Parallel()
	c, aws, note := fakeCloud(t, fakeaws.Options{UnhealthyTiming: true})
	w := newWorld(t, c, worldOptions{})
	id := w.open(ann, dev, "web-1 10m from 203.0.113.7")
	w.card(dev, id, "Open", "ssh -p 22")
	session, err := aws.Home().Dial("sshforward-e2e-"+id, netip.MustParseAddr("203.0.113.7"), 22)
	if err != nil {
		t.Fatal(err)
	}
	aws.Home().SetPorts(note.Web)
	time.Sleep(12 * time.Second)
	aws.Home().SetPorts(note.Web, 22)
	time.Sleep(time.Second)
	if _, why := session.Ended(); !session.Alive() {
		t.Errorf("the session was cut: %s", why)
	}
	w.card(dev, id, "Open", "ssh -p 22")
}

// An instance that is stopped keeps its lease for timing.stopped, the card says
// that it is stopped, and the thread says when it is back.
func TestStoppedInstance(t *testing.T) {
	testenv.SkipRaced(t, "TestAFlapDoesNotEndASession goes the same ways")
	t.Parallel()
	c, aws, note := fakeCloud(t, fakeaws.Options{})
	before := c.foreign(t)
	w := newWorld(t, c, worldOptions{
		timing: `{default: 1m, min: 1s, confirm: 30s, approval: 30s, opening: 30s, stopped: 10s, reminders: [], sweep: 1s, keep: 1h}`,
	})
	id := w.open(ann, dev, "web-1 30m from 203.0.113.7")
	card := w.card(dev, id, "Open")
	w.reply(card, "is open")
	aws.Home().Stop(note.Web)
	w.card(dev, id, "Open", "The instance is stopped", "The clock runs on")
	w.reply(card, "<@"+ann+">", "is stopped since about")
	aws.Home().Start(note.Web)
	w.awaitFor(time.Minute, "it is back", inThread(card, "can be reached again"))

	aws.Home().Stop(note.Web)
	w.awaitFor(time.Minute, "it is closed", inThread(card, "The instance "+note.Web+" is stopped."))
	w.card(dev, id, "Closed")
	w.nothingLeftSoon()
	aws.Home().Start(note.Web)
	if after := c.foreign(t); after != before {
		t.Errorf("what is not ours has changed:\n%s\nwas:\n%s", after, before)
	}
}

// While the load balancer's name does not resolve, which it never does here, the
// command says the address; nobody waits for the name.
func TestByAddressUntilTheNameResolves(t *testing.T) {
	testenv.SkipRaced(t, "TestAFlapDoesNotEndASession goes the same ways")
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	id := w.open(ann, dev, "web-1 10m from 203.0.113.7")
	card := w.card(dev, id, "*Open*", "ssh -p 22 -o HostName=")
	for _, ni := range aws.Home().Interfaces() {
		if ni.LoadBalancer == "sshforward-e2e-"+id &&
			!strings.Contains(card.Visible(), "-o HostName="+ni.PublicIP+" -o HostKeyAlias="+c.instance) {
			t.Errorf("its address is %s, the card says\n%s", ni.PublicIP, card.Visible())
		}
	}
}

// Who cannot get in presses a button and is told what AWS sees.
func TestCannotGetIn(t *testing.T) {
	testenv.SkipRaced(t, "TestAFlapDoesNotEndASession goes the same ways")
	t.Parallel()
	c, aws, note := fakeCloud(t, fakeaws.Options{UnhealthyTiming: true})
	w := newWorld(t, c, worldOptions{})
	w.slash(ann, dev, "ip 203.0.113.50")
	id := w.open(ann, dev, "web-1 10m from 203.0.113.7")
	card := w.card(dev, id, "*Open*")
	ask := func(says ...string) {
		t.Helper()
		before := len(w.slack.Ephemerals(ann, dev))
		w.click(ann, card, "lease.help", id)
		w.await("help", func(s *fakeslack.Snapshot) bool {
			all := s.Ephemerals(ann, dev)
			return len(all) > before && containsAll(all[len(all)-1].Visible(), says)
		})
	}
	ask("gets through to port 22", "Nothing has changed",
		"It lets in 203.0.113.7, and your saved address is 203.0.113.50", "1. *ssh times out*")
	aws.Home().Stop(note.Web)
	ask("The instance is stopped", "1. *The host does not answer*")
}
