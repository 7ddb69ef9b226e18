package main

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/bolt"
)

// audit runs the real command and returns what it wrote to stdout.
func (w *world) audit(args ...string) string {
	w.t.Helper()
	cmd := w.command(append([]string{"audit"}, args...)...)
	var says strings.Builder
	cmd.Stderr = &says
	out, err := cmd.Output()
	if err != nil || says.Len() > 0 {
		w.t.Fatalf("audit %v: %v %s", args, err, says.String())
	}
	return string(out)
}

// TestAudit opens a forward, has it refused to others, and lets it end; then
// the record, the mirror and the copy tell the same, whether the bot runs or not.
func TestAudit(t *testing.T) {
	testenv.SkipRaced(t, "TestAuditGoesOn goes the same ways")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{extra: "audit: {stdout: true}"})
	socket := filepath.Join(w.dir, "leases.db.sock")
	if info, err := os.Stat(socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the socket: %v, %v", info, err)
	}
	id := w.open(ann, dev, c.instance+" 8s from 203.0.113.7 because =1+1")
	card := w.card(dev, id, "ssh -p 22")
	if result, err := w.slack.Click(t.Context(), bob, card.TS, "lease.close"); err != nil || result.Error != "" {
		t.Fatal(err, result.Error)
	}
	w.await("a no to bob", func(s *fakeslack.Snapshot) bool {
		return slices.ContainsFunc(s.Ephemerals(bob, dev), func(m fakeslack.Message) bool { return strings.Contains(m.Visible(), "not yours") })
	})
	w.card(dev, id, "Closed", "expired")

	running := w.audit()
	var lines, acts []string
	for line := range strings.Lines(running) {
		var e sshforward.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		if e.Lease != id || e.Owner != ann || e.Instance != c.instance || e.At.IsZero() || e.At.Location() != time.UTC {
			t.Errorf("an event that does not say enough: %s", line)
		}
		if e.Act == sshforward.ActClose && (e.Channel != dev || e.Team == "") {
			t.Errorf("the refused click: %s", line)
		}
		lines, acts = append(lines, line), append(acts, strings.TrimSpace(string(e.Act)+" "+e.Result+" "+e.Actor))
	}
	want := []string{"open ok " + ann, "confirm ok " + ann, "opened ok", "close forbidden " + bob, "ending ok", "access_ended ok", "closed ok"}
	if diff := cmp.Diff(want, acts); diff != "" {
		t.Errorf("the audit record (-want +got):\n%s", diff)
	}
	if got := w.stdout.String(); got != running {
		t.Errorf("stdout mirrors\n%s\nthe record has\n%s", got, running)
	}

	table := w.audit("--format", "csv", "--since", "1h")
	rows, err := csv.NewReader(strings.NewReader(table)).ReadAll()
	if err != nil || len(rows) != 1+len(want) {
		t.Fatalf("%d rows, %v:\n%s", len(rows), err, table)
	}
	if got := rows[1][slices.Index(rows[0], "because")]; got != "'=1+1" {
		t.Errorf("a formula is exported as %q", got)
	}
	if strings.Contains(running, w.slack.BotToken()) || strings.Contains(w.stdout.String(), w.slack.AppToken()) {
		t.Error("a token is in the record")
	}

	backup := filepath.Join(t.TempDir(), "copy.db")
	if out, err := exec.Command(binary, "backup", "--config", filepath.Join(w.dir, "sshforward.yaml"), backup).CombinedOutput(); err != nil {
		t.Fatalf("backup: %v %s", err, out)
	}
	if code, _ := w.terminate(); code != 0 {
		t.Errorf("exits %d", code)
	}
	if _, err := os.Lstat(socket); err == nil {
		t.Error("the socket is still there")
	}
	if after := w.audit(); after != running {
		t.Errorf("after the stop the record is\n%s\nit was\n%s", after, running)
	}
	s, err := bolt.Open(backup, bolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if past, err := s.Past(t.Context(), ann, time.Time{}, 10); err != nil || len(past) != 1 || past[0].Lease != id {
		t.Errorf("the copy has %v, %v", past, err)
	}
	if entries, err := os.ReadDir(w.dir); err != nil || len(entries) != 2 {
		t.Errorf("in the folder there is %v (%v)", entries, err)
	}
}

// A bot that was killed leaves a socket behind, which neither keeps the record
// from being read nor the next bot from having its own.
func TestAuditAfterAKill(t *testing.T) {
	testenv.SkipRaced(t, "TestAuditGoesOn goes the same ways")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	w.slash(ann, dev, "ip 203.0.113.9")
	running := w.audit()
	if !strings.Contains(running, `"act":"source"`) {
		t.Errorf("the record is\n%s", running)
	}
	if got := w.stdout.String(); got != "" {
		t.Errorf("nobody asked for a mirror, and stdout has %s", got)
	}
	w.kill()
	if dead := w.audit(); dead != running {
		t.Errorf("after the kill the record is\n%s\nit was\n%s", dead, running)
	}
	w.start()
	if again := w.audit(); again != running {
		t.Errorf("after the restart the record is\n%s\nit was\n%s", again, running)
	}
}

// TestAuditGoesOn exports what was written since the last export, of a bot that
// runs and of one that does not.
func TestAuditGoesOn(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	export := func(after string, want ...string) (next string) {
		t.Helper()
		cmd := w.command("audit", "--after", after)
		var says strings.Builder
		cmd.Stderr = &says
		out, err := cmd.Output()
		next, ok := strings.CutPrefix(strings.TrimSpace(says.String()), "next: --after ")
		if err != nil || !ok {
			t.Fatalf("audit --after %s: %v %s", after, err, says.String())
		}
		var got []string
		for line := range strings.Lines(string(out)) {
			var e sshforward.Event
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatal(err)
			}
			got = append(got, strings.Join(e.Sources, " "))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %s (-want +got):\n%s", after, diff)
		}
		return next
	}
	if next := export("0"); next != "0" {
		t.Errorf("with nothing there it goes on after %s", next)
	}
	w.slash(ann, dev, "ip 203.0.113.7")
	w.slash(ann, dev, "ip 203.0.113.8")
	first := export("0", "203.0.113.7/32", "203.0.113.8/32")
	w.slash(ann, dev, "ip 203.0.113.9")
	second := export(first, "203.0.113.9/32")
	if again := export(second); again != second {
		t.Errorf("with nothing new it goes on after %s, not %s", again, second)
	}
	w.kill()
	if dead := export(first, "203.0.113.9/32"); dead != second {
		t.Errorf("of the file it goes on after %s, not %s", dead, second)
	}
	w.start()
	w.slash(ann, dev, "ip 203.0.113.10")
	export(second, "203.0.113.10/32")
	if out, err := w.command("audit", "--after", "1", "--since", "1h").CombinedOutput(); err == nil || strings.Count(string(out), "\n") != 1 {
		t.Errorf("both at once: %v\n%s", err, out)
	}
}
