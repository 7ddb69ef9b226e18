package main

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// TestFullDisk takes the disk away while a lease is open. A limit on the size
// of files does to the process what a full disk does: no write to the store
// succeeds.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{InterfaceLinger: 2 * time.Second})
	w := newWorld(t, c, worldOptions{})
	w.slash(ann, dev, "ip 203.0.113.7")
	id := w.open(ann, dev, c.instance+" 6s")
	card := w.card(dev, id, "ssh -p 22")

	w.limitFiles(t, 1)
	answer := w.slash(ann, dev, "open "+c.instance+" 1m from 203.0.113.8")
	if answer.HasButton("lease.confirm") || !strings.Contains(answer.Visible(), "disk") && !strings.Contains(answer.Visible(), "saved") {
		t.Errorf("with a full disk it answers:\n%s", answer.Visible())
	}
	w.await("the end, on a full disk", func(*fakeslack.Snapshot) bool {
		time.Sleep(50 * time.Millisecond)
		return len(aws.Leftovers("sshforward:lease", id)) == 0 || time.Since(card.Posted) > patience
	})
	if took := time.Since(card.Posted); took > 40*time.Second {
		t.Errorf("it took %s", took)
	}
	w.card(dev, id, "Closed", "expired")

	w.limitFiles(t, unix.RLIM_INFINITY)
	waitFor(t, "the record of it, now that there is room", func() bool { return strings.Contains(w.audit(), `"act":"closed"`) })
	w.open(ann, dev, c.instance+" 1s")
	w.kill()
	w.start() // and what the memory held is in the store
	if list := w.slash(ann, dev, "show "+id); !strings.Contains(list.Visible(), "Closed") {
		t.Errorf("after all that it shows:\n%s", list.Visible())
	}
	for _, act := range []string{"ending", "access_ended", "closed"} {
		n := 0
		for line := range strings.Lines(w.audit()) {
			if strings.Contains(line, `"act":"`+act+`"`) && strings.Contains(line, id) {
				n++
			}
		}
		if n != 1 {
			t.Errorf("the audit record has %s %d times", act, n)
		}
	}
	if n := w.cards(dev, id); n != 1 {
		t.Errorf("%d cards for one lease", n)
	}
}

func (w *world) limitFiles(t *testing.T, bytes uint64) {
	t.Helper()
	limit := unix.Rlimit{Cur: bytes, Max: unix.RLIM_INFINITY}
	if err := unix.Prlimit(w.process.Process.Pid, unix.RLIMIT_FSIZE, &limit, nil); err != nil {
		t.Skipf("the limit cannot be set here: %v", err)
	}
}

// TestCloseOnAFullDisk: a person who closes a forward, an admin in an incident
// for one, is not refused because the disk is full. The answer says that it is
// not recorded yet, and later it is.
func TestCloseOnAFullDisk(t *testing.T) {
	testenv.SkipRaced(t, "TestFullDisk goes the same ways")
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	mine := w.open(ann, dev, c.instance+" 1h from 203.0.113.7")
	w.opened(mine)
	other := w.open(bob, dev, c.instance+" 1h from 203.0.113.8")
	card := w.card(dev, other, "ssh -p 22")
	w.limitFiles(t, 1)
	if answer := w.slash(ann, dev, "close "+mine); !strings.Contains(answer.Visible(), "not in my records yet") {
		t.Errorf("the answer to a command:\n%s", answer.Visible())
	}
	before := len(w.slack.Ephemerals(carol, dev))
	w.click(carol, card, "lease.close")
	w.await("the answer to the admin's click", func(s *fakeslack.Snapshot) bool {
		all := s.Ephemerals(carol, dev)
		return len(all) > before && strings.Contains(all[len(all)-1].Visible(), "not in my records yet")
	})
	waitFor(t, "the end of both", func() bool {
		return len(aws.Leftovers("sshforward:lease", mine)) == 0 && len(aws.Leftovers("sshforward:lease", other)) == 0
	})
	w.card(dev, other, "Closed", "as an admin")
	w.limitFiles(t, unix.RLIM_INFINITY)
	waitFor(t, "the record of both, now that there is room", func() bool { return strings.Count(w.audit(), `"act":"close"`) == 2 })
}
