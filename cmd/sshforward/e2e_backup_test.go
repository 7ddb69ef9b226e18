package main

import (
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// An old backup is put back in which a lease is over that was extended since: its
// signed tags say so before its end is carried out. One that nobody extended ends.
func TestBackupInWhichALeaseIsOver(t *testing.T) {
	testenv.SkipRaced(t, "TestKilledAndRestarted goes the same ways")
	t.Parallel()
	clouds(t, func(t *testing.T, c cloud) {
		w := newWorld(t, c, worldOptions{})
		id := w.open(ann, dev, c.instance+" 20s from 203.0.113.7")
		w.opened(id)
		other := w.open(bob, dev, c.instance+" 20s from 203.0.113.8")
		end := w.opened(other).Add(20 * time.Second)
		backup := filepath.Join(w.dir, "backup.db")
		if out, err := w.command("backup", backup).CombinedOutput(); err != nil {
			t.Fatalf("backup: %v %s", err, out)
		}
		w.slash(ann, dev, "extend "+id+" 2m")
		time.Sleep(2 * time.Second) // in which the end is moved
		moved := w.accessEnd(id)
		w.kill()
		if err := os.Rename(backup, filepath.Join(w.dir, "leases.db")); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Until(end) + time.Second)
		w.start()
		w.card(dev, other, "*Closed*", "The time was up")
		time.Sleep(2 * time.Second)
		w.card(dev, id, "*Open*")
		if got := w.accessEnd(id); got < moved || got > moved+1 { // tags have whole seconds
			t.Errorf("it ends at %d, and was moved to %d", got, moved)
		}
		w.logged("the tags of a lease prove more than its record")
		w.slash(ann, dev, "close "+id)
		w.card(dev, id, "*Closed*")
		w.nothingLeftSoon()
	})
}

// accessEnd is when the card says that access ends, in Unix seconds.
func (w *world) accessEnd(id string) int64 {
	w.t.Helper()
	card := w.card(dev, id, "Access ends").Visible()
	found := regexp.MustCompile(`Access ends <!date\^(\d+)`).FindStringSubmatch(card)
	if found == nil {
		w.t.Fatalf("no end in\n%s", card)
	}
	at, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		w.t.Fatal(err)
	}
	return at
}

// The backup is from when the yes to a lease was missing that is open by now: it
// ends, its session with it, and the receipt says that it was open.
func TestBackupFromBeforeTheYes(t *testing.T) {
	testenv.SkipRaced(t, "TestKilledAndRestarted goes the same ways")
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{rules: approvedRules, timing: strings.Replace(shortTiming, "approval: 30s", "approval: 5m", 1)})
	id := w.waiting(c.instance + " 5m from 203.0.113.7")
	backup := filepath.Join(w.dir, "backup.db")
	if out, err := w.command("backup", backup).CombinedOutput(); err != nil {
		t.Fatalf("backup: %v %s", err, out)
	}
	w.click(carol, w.card(dev, id), "lease.approve")
	w.opened(id)
	session, err := aws.Home().Dial(sshforward.Name("e2e", id), netip.MustParseAddr("203.0.113.7"), 22)
	if err != nil {
		t.Fatal(err)
	}
	w.kill()
	if err := os.Rename(backup, filepath.Join(w.dir, "leases.db")); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.card(dev, id, "*Closed*", "an older backup's, a yes is missing", "Opened", "Access ended", "Approved by <@"+carol+">")
	if session.Alive() {
		t.Error("the session goes on")
	}
	w.nothingLeftSoon()
}

// An account that says nothing at the start holds up the end of what is overdue for
// five seconds, and no longer.
func TestOverdueAtTheStartInASilentAccount(t *testing.T) {
	testenv.SkipRaced(t, "TestAccessEndsAlthoughSlackRefusesTheBot goes the same ways")
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	id := w.open(ann, dev, c.instance+" 3s from 203.0.113.7")
	w.opened(id)
	w.kill()
	time.Sleep(4 * time.Second)
	aws.SetFault(fakeaws.Failing("*:Describe*", fakeaws.Fault{Delay: time.Minute}))
	began := time.Now()
	w.start()
	for reaches(aws, id) {
		if time.Since(began) > 10*time.Second {
			t.Fatalf("it is still reachable after %s", time.Since(began))
		}
		time.Sleep(20 * time.Millisecond)
	}
	aws.SetFault(nil)
	w.card(dev, id, "*Closed*")
}
