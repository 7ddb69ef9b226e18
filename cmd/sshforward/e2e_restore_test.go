package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/bolt"
)

// A backup is put back after a lease was opened that it does not know.
func TestRestore(t *testing.T) {
	testenv.SkipRaced(t, "TestKilledAndRestarted goes the same ways")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	known := w.open(ann, dev, c.instance+" 5m from 203.0.113.7")
	w.card(dev, known, "ssh -p 22")
	copied := filepath.Join(t.TempDir(), "copy.db")
	if out, err := w.command("backup", copied).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	since := w.open(bob, dev, c.instance+" 5m from 203.0.113.8")
	w.card(dev, since, "ssh -p 22")

	if out, err := w.command("restore", copied).CombinedOutput(); err == nil || !strings.Contains(string(out), "in use by a running bot") {
		t.Errorf("under a running bot: %v\n%s", err, out)
	}
	w.kill()
	out, err := w.command("restore", copied).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	says := string(out)
	for _, want := range []string{"1 lease not closed", "AWS has 1 lease that the backup does not know", since, "what was there is "} {
		if !strings.Contains(says, want) {
			t.Errorf("it does not say %q:\n%s", want, says)
		}
	}
	if strings.Contains(says, known) {
		t.Errorf("it lists what the backup knows:\n%s", says)
	}
	kept, _ := filepath.Glob(filepath.Join(w.dir, "leases.db.before-restore-*"))
	if len(kept) != 1 {
		t.Errorf("kept: %v", kept)
	}
	if left, _ := filepath.Glob(filepath.Join(w.dir, ".*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	w.start()
	w.await("word of the lease that is taken over", func(s *fakeslack.Snapshot) bool {
		return strings.Contains(allText(s), "I lost my records")
	})
	for user, id := range map[string]string{ann: known, bob: since} {
		if list := w.slash(user, dev, "list"); !strings.Contains(list.Visible(), id) {
			t.Errorf("the list of %s lacks %s:\n%s", user, id, list.Visible())
		}
	}
}

// What is no backup changes nothing.
func TestRestoreRefuses(t *testing.T) {
	testenv.SkipRaced(t, "TestKilledAndRestarted goes the same ways")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	w.slash(ann, dev, "ip 203.0.113.9")
	w.terminate()
	store := filepath.Join(w.dir, "leases.db")
	before, err := os.ReadFile(store)
	if err != nil {
		t.Fatal(err)
	}
	cut := bytes.Clone(before[:4096*3])
	torn := bytes.Clone(before)
	for at := 4096 * 3; at+200 < len(torn); at += 4096 {
		copy(torn[at:], bytes.Repeat([]byte{0xa5}, 200))
	}
	for name, content := range map[string][]byte{
		"empty": {}, "text": []byte(strings.Repeat("no store ", 2000)), "cut": cut, "torn": torn,
	} {
		file := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := w.command("restore", "--offline", file).CombinedOutput()
		if err == nil || strings.Count(string(out), "\n") != 1 {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
	out, err := w.command("restore", "--offline", store).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "the store itself") {
		t.Errorf("the store itself: %v\n%s", err, out)
	}
	if now, err := os.ReadFile(store); err != nil || !bytes.Equal(now, before) {
		t.Errorf("the store has changed, %v", err)
	}
	// Where the store is gone altogether a backup takes its place.
	file := filepath.Join(t.TempDir(), "backup")
	if err := os.Rename(store, file); err != nil {
		t.Fatal(err)
	}
	out, err = w.command("restore", file).CombinedOutput()
	if err != nil || !strings.Contains(string(out), "knows every lease that AWS has") {
		t.Errorf("%v\n%s", err, out)
	}
	if err := bolt.Verify(store); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(w.dir); err != nil || len(entries) != 2 {
		t.Errorf("in the folder there is %v (%v)", entries, err)
	}
}
