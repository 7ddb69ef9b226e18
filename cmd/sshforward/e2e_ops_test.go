package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// What an operator does to the bot, and what happens to it.

func TestKilledAndRestarted(t *testing.T) {
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{RegisterDelay: 3 * time.Second})
	w := newWorld(t, c, worldOptions{})
	id := w.open(ann, dev, c.instance+" 6s from 203.0.113.7")
	w.card(dev, id, "Opening")
	w.kill() // in the middle of opening
	w.start()
	w.card(dev, id, "ssh -p 22")
	w.kill() // while open
	time.Sleep(7 * time.Second)
	if len(aws.Leftovers("sshforward:lease", id)) == 0 {
		t.Fatal("nothing is there although nobody could remove it")
	}
	w.start()
	w.card(dev, id, "Closed", "expired", "Overstay")
	w.nothingLeft()
	if n := w.cards(dev, id); n != 1 {
		t.Errorf("%d cards for one lease", n)
	}
}

func TestTerminated(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{RegisterDelay: time.Hour})
	w := newWorld(t, c, worldOptions{})
	status, body := w.get("/readyz")
	for late := time.Now().Add(patience); status != 200 && time.Now().Before(late); status, body = w.get("/readyz") {
		time.Sleep(10 * time.Millisecond) // Slack lists a connection before the bot has heard its hello
	}
	if status != 200 {
		t.Errorf("/readyz: %d %s", status, body)
	}
	if status, _ := w.get("/healthz"); status != 200 {
		t.Errorf("/healthz: %d", status)
	}
	w.await("both connections to Slack", func(s *fakeslack.Snapshot) bool { return len(s.Connections()) == 2 })
	id := w.open(ann, dev, c.instance+" 1m from 203.0.113.7")
	w.card(dev, id, "Opening")
	if code, took := w.terminate(); code != 0 || took > 10*time.Second {
		t.Errorf("SIGTERM ended it with %d after %s", code, took)
	}
}

func TestSecondProcessOnOneStore(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	began := time.Now()
	out, err := w.command("serve").CombinedOutput()
	if took := time.Since(began); err == nil || took > 20*time.Second { // it would wait for ever
		t.Errorf("after %s: %v", took, err)
	}
	if !strings.Contains(string(out), "in use by another process") || strings.Count(string(out), "\n") != 1 {
		t.Errorf("it says:\n%s", out)
	}
}

// command is another invocation of the program with the world's configuration.
func (w *world) command(args ...string) *exec.Cmd {
	cmd := exec.Command(binary, append(args, "--config", filepath.Join(w.dir, "sshforward.yaml"))...)
	cmd.Env = w.environ()
	return cmd
}

func TestLostStore(t *testing.T) {
	testenv.SkipRaced(t, "TestStoreLostWhileRunning goes the same ways")
	t.Parallel()
	for name, spoil := range testenv.ThinnedRows(map[string]func(file string) error{
		"gone": os.Remove,
		"damaged": func(file string) error {
			return os.WriteFile(file, []byte("this was a store once, and now it is not any more"), 0o600)
		},
	}, 2) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clouds(t, func(t *testing.T, c cloud) {
				w := newWorld(t, c, worldOptions{})
				id := w.open(ann, dev, c.instance+" 12s from 203.0.113.7")
				w.card(dev, id, "ssh -p 22")
				w.kill()
				file := filepath.Join(w.dir, "leases.db")
				if err := spoil(file); err != nil {
					t.Fatal(err)
				}
				w.start()
				w.await("word of the rebuilt lease", func(s *fakeslack.Snapshot) bool {
					return strings.Contains(allText(s), "I lost my records")
				})
				if list := w.slash(ann, dev, "list"); !strings.Contains(list.Visible(), id) {
					t.Errorf("the list lacks the lease:\n%s", list.Visible())
				}
				w.slash(ann, dev, "extend "+id+" 2s")
				w.await("the end of it", func(s *fakeslack.Snapshot) bool {
					text := allText(s)
					return strings.Contains(text, "has ended") && strings.Contains(text, "The time was up")
				})
				w.nothingLeftSoon()
				if moved, _ := filepath.Glob(file + ".damaged-*"); (len(moved) == 1) != (name == "damaged") {
					t.Errorf("moved aside: %v", moved)
				}
			})
		})
	}
}

func allText(s *fakeslack.Snapshot) string {
	var b strings.Builder
	for _, c := range s.Channels() {
		for _, m := range s.Messages(c.ID) {
			b.WriteString(m.Visible() + "\n")
		}
	}
	return b.String()
}

// nothingLeftSoon waits for the promise.
func (w *world) nothingLeftSoon() {
	w.t.Helper()
	for end := time.Now().Add(patience); len(w.cloud.leftovers(w.t)) > 0 && time.Now().Before(end); {
		time.Sleep(100 * time.Millisecond)
	}
	w.nothingLeft()
}

func TestBreakGlass(t *testing.T) {
	t.Parallel()
	clouds(t, func(t *testing.T, c cloud) {
		w := newWorld(t, c, worldOptions{})
		id := w.open(ann, dev, c.instance+" 1h from 203.0.113.7")
		w.card(dev, id, "ssh -p 22")
		other := w.open(bob, dev, c.instance+" 1h from 203.0.113.8")
		w.card(dev, other, "ssh -p 22")

		out, err := w.command("leases", "--json").Output()
		if err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]inAWS)
		for line := range strings.Lines(string(out)) {
			var l inAWS
			if err := json.Unmarshal([]byte(line), &l); err != nil {
				t.Fatal(err, line)
			}
			seen[l.Lease] = l
		}
		if l := seen[id]; len(seen) != 2 || l.Instance != c.instance || l.Owner != ann || l.Sources != "203.0.113.7" || l.Overdue {
			t.Errorf("leases:\n%s", out)
		}

		// With the bot running: it finds the load balancer gone and closes.
		if out, err := w.command("close", strings.ToUpper(id)).CombinedOutput(); err != nil ||
			!strings.Contains(string(out), id+": nothing is left") {
			t.Errorf("close: %v\n%s", err, out)
		}
		w.card(dev, id, "Closed", "instance gone")

		// With everything down.
		w.kill()
		if out, err := w.command("sweep", "--dry-run").CombinedOutput(); err != nil || strings.Contains(string(out), other) {
			t.Errorf("a lease with time left is swept: %v\n%s", err, out)
		}
		if out, err := w.command("close", "--all").CombinedOutput(); err != nil || !strings.Contains(string(out), "nothing is left") {
			t.Errorf("close --all: %v\n%s", err, out)
		}
		w.nothingLeft()
		if out, err := w.command("close", other).CombinedOutput(); err == nil || !strings.Contains(string(out), "there is nothing of a lease") {
			t.Errorf("close of what is gone: %v\n%s", err, out)
		}
	})
}

func TestSweepOverdue(t *testing.T) {
	testenv.SkipRaced(t, "other commands beside a running bot are in TestAbandonAtTheCommandLine")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	id := w.open(ann, dev, c.instance+" 2s from 203.0.113.7")
	w.card(dev, id, "ssh -p 22")
	w.kill()
	time.Sleep(3 * time.Second)
	if out, err := w.command("sweep", "--dry-run").CombinedOutput(); err != nil || !strings.Contains(string(out), id) ||
		!strings.Contains(string(out), "overdue") {
		t.Errorf("dry run: %v\n%s", err, out)
	}
	if out, err := w.command("sweep").CombinedOutput(); err != nil || !strings.Contains(string(out), id+": nothing is left") {
		t.Errorf("sweep: %v\n%s", err, out)
	}
	w.nothingLeft()
}
