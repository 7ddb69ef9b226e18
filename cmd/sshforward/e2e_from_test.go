package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// reaches waits until ssh gets through to a lease from one address, and not from
// another.
func (w *world) reaches(aws *fakeaws.Cloud, id, from, notFrom string) {
	w.t.Helper()
	var in, out error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		_, in = aws.Home().Route(sshforward.Name("e2e", id), netip.MustParseAddr(from), 22)
		_, out = aws.Home().Route(sshforward.Name("e2e", id), netip.MustParseAddr(notFrom), 22)
		if in == nil && out != nil {
			return
		}
	}
	w.t.Errorf("from %s: %v; from %s: %v", from, in, notFrom, out)
}

// Somebody goes home: typed, and by the form, the open lease is for another
// address, the session goes on, and everybody concerned knows.
func TestAnotherAddress(t *testing.T) {
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{rules: guardedRules})
	w.slash(ann, dev, "ip 203.0.113.30")
	id := w.open(ann, dev, "web-1 30m from 203.0.113.7 because the disk is full")
	card := w.card(dev, id, "Needs approval")
	w.click(bob, card, "lease.approve", id)
	card = w.card(dev, id, "*Open*", "ssh -p 22", "From 203.0.113.7 ")
	command := sshCommand.FindString(card.Visible())
	session, err := aws.Home().Dial(sshforward.Name("e2e", id), netip.MustParseAddr("203.0.113.7"), 22)
	if err != nil {
		t.Fatal(err)
	}

	if says := w.slash(bob, dev, "from "+id+" 203.0.113.20").Visible(); !strings.Contains(says, "Only the person whose access it is") {
		t.Errorf("somebody else is told:\n%s", says)
	}
	if says := w.slash(ann, dev, "from "+id+" 198.51.100.1").Visible(); !strings.Contains(says, "not among the networks") {
		t.Errorf("an address that policy does not allow:\n%s", says)
	}
	if says := w.slash(ann, dev, "from "+id+" 203.0.113.20").Visible(); !strings.Contains(says, "203.0.113.20 instead of 203.0.113.7") {
		t.Errorf("it answers:\n%s", says)
	}
	w.reply(card, "<@"+ann+"> comes from 203.0.113.20 now", "not for 203.0.113.7 any more", "<@"+bob+">")
	w.card(dev, id, "*Open*", "From 203.0.113.20 ", command)
	w.reaches(aws, id, "203.0.113.20", "203.0.113.7")
	if _, why := session.Ended(); !session.Alive() {
		t.Errorf("the session was cut: %s", why)
	}

	w.click(bob, card, "lease.from", id)
	w.await("a refusal", func(s *fakeslack.Snapshot) bool {
		all := s.Ephemerals(bob, dev)
		return strings.Contains(all[len(all)-1].Visible(), "Only the person whose access it is") && len(s.Views(bob)) == 0
	})
	w.click(ann, card, "lease.from", id)
	form := w.modal(ann, "lease.from", "Access to", "203.0.113.20")
	if res := w.submit(ann, form, map[string]string{"source": "203.0.113.0/28"}); res.ViewErrors["source"] == "" {
		t.Errorf("more than one address is taken: %+v", res)
	}
	res := w.submit(ann, form, map[string]string{"source": "10.0.0.1"})
	if !strings.Contains(res.ViewErrors["source"], "private or reserved") {
		t.Errorf("a private address is taken: %+v", res)
	}
	w.submit(ann, form, nil) // the saved one is filled in
	w.reply(card, "comes from 203.0.113.30 now")
	w.reaches(aws, id, "203.0.113.30", "203.0.113.20")
	if _, said := w.at("audit"); strings.Count(said, `"act":"from","result":"ok"`) != 2 || strings.Count(said, `"act":"moved"`) != 2 ||
		strings.Count(said, `"act":"from","result":"forbidden"`) != 3 {
		t.Errorf("the audit record:\n%s", said)
	}

	// A store that is lost now lets in what was signed last, and nothing else.
	w.kill()
	if err := os.Remove(filepath.Join(w.dir, "leases.db")); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.reply(card, "I lost my records")
	w.card(dev, id, "*Open*", "From 203.0.113.30 ")
	w.reaches(aws, id, "203.0.113.30", "203.0.113.7")
	w.slash(ann, dev, "close "+id)
	w.card(dev, id, "Closed")
	w.nothingLeftSoon()
}

// On both stand-ins for AWS, killed as soon as it is asked for.
func TestAnotherAddressAfterACrash(t *testing.T) {
	testenv.SkipRaced(t, "TestAnotherAddress and TestKilledAndRestarted go the same ways")
	t.Parallel()
	clouds(t, func(t *testing.T, c cloud) {
		before := c.foreign(t)
		w := newWorld(t, c, worldOptions{})
		id := w.open(ann, dev, c.instance+" 10m from 203.0.113.7")
		card := w.card(dev, id, "*Open*")
		w.slash(ann, dev, "from "+id+" 203.0.113.20")
		w.kill()
		w.start()
		w.reply(card, "comes from 203.0.113.20 now")
		w.slash(ann, dev, "close "+id)
		w.card(dev, id, "Closed")
		w.nothingLeftSoon()
		if after := c.foreign(t); after != before {
			t.Errorf("what is not ours has changed:\n%s\nwas:\n%s", after, before)
		}
	})
}
