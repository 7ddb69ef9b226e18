package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// The key that signs tags is replaced as the runbook says, while a lease is open:
// the next sweep signs anew, and from then on a lost store is rebuilt by the new key.
func TestKeyIsRotatedWhileALeaseIsOpen(t *testing.T) {
	testenv.SkipRaced(t, "TestKilledAndRestarted goes the same ways")
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	key := func(of string) []string { return []string{"SSHFORWARD_KEY=" + strings.Repeat(of, 32)} }
	w := newWorld(t, c, worldOptions{env: key("a")})
	id := w.open(ann, dev, c.instance+" 1m from 203.0.113.7")
	w.card(dev, id, "ssh -p 22")
	proof := func() string {
		for _, g := range aws.Home().Groups() {
			if g.Tags["sshforward:lease"] == id {
				return g.Tags["sshforward:proof"]
			}
		}
		return ""
	}
	former := proof()
	w.kill()
	w.opts.env = key("b")
	w.start()
	w.await("a new signature", func(*fakeslack.Snapshot) bool { return former != "" && proof() != "" && proof() != former })
	w.kill()
	if err := os.Remove(filepath.Join(w.dir, "leases.db")); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.await("word of the rebuilt lease", func(s *fakeslack.Snapshot) bool { return strings.Contains(allText(s), "I lost my records") })
	if list := w.slash(ann, dev, "list"); !strings.Contains(list.Visible(), id) {
		t.Errorf("the list lacks the lease:\n%s", list.Visible())
	}
	w.slash(ann, dev, "close "+id)
	w.nothingLeftSoon()
}
