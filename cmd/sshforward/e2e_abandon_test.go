package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// inOps waits until the operators' channel says something n times.
func (w *world) inOps(n int, says ...string) {
	w.t.Helper()
	w.await(fmt.Sprintf("%q in the operators' channel", says), func(s *fakeslack.Snapshot) bool {
		found := 0
		for _, m := range s.Messages(ops) {
			if containsAll(m.Visible(), says) {
				found++
			}
		}
		return found >= n
	})
}

// at runs the program beside the bot.
func (w *world) at(args ...string) (code int, said string) {
	w.t.Helper()
	cmd := exec.Command(binary, append(args, "--config", filepath.Join(w.dir, "sshforward.yaml"))...)
	cmd.Env = w.process.Env
	out, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		w.t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(out)
}

// An account is renamed under live leases. The bot starts, alarms at each start,
// ends what it can elsewhere, and an admin gives up what it cannot see. What the
// account has under its new name is found and closed after all.
func TestAnAccountIsRenamed(t *testing.T) {
	testenv.SkipRaced(t, "other commands beside a running bot are in TestAbandonAtTheCommandLine")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	id := w.open(ann, dev, "web-1 10m from 203.0.113.7")
	w.card(dev, id, "*Open*")
	w.terminate()
	w.opts.account = "renamed"
	w.start()
	w.inOps(1, "I cannot end 1 leases in account main", id)
	w.logged("LEASES CANNOT BE ENDED")
	w.metricIs("sshforward_unconfigured_leases", "1")
	if status, body := w.get("/readyz"); status != 200 {
		t.Errorf("/readyz: %d %s", status, body)
	}
	w.kill()
	w.start()
	w.inOps(2, "I cannot end 1 leases in account main", id)

	if says := w.slash(carol, ops, "abandon "+id+" because it was renamed").Visible(); !strings.Contains(says, "Close it first") {
		t.Errorf("it is open, and abandon says:\n%s", says)
	}
	w.slash(carol, ops, "close "+id)
	if says := w.slash(ann, dev, "abandon "+id+" because it was renamed").Visible(); !strings.Contains(says, "Only an admin") {
		t.Errorf("who is no admin is told:\n%s", says)
	}
	if says := w.slash(carol, ops, "abandon "+id).Visible(); !strings.Contains(says, "because") {
		t.Errorf("without a reason it says:\n%s", says)
	}
	if code, said := w.at("abandon", id, "--because", "x"); code != exitError || !strings.Contains(said, "the bot runs") {
		t.Errorf("beside a bot that runs: %d %s", code, said)
	}
	ask := w.slash(carol, ops, "abandon "+id+" because it was renamed")
	for _, says := range []string{
		"not in my configuration", "Access was not seen to end", "Its load balancer was not seen gone", "sg-", "it was renamed",
	} {
		if !strings.Contains(ask.Visible(), says) {
			t.Errorf("before, it does not say %q:\n%s", says, ask.Visible())
		}
	}
	w.click(carol, ask, "lease.abandon")
	card := w.card(dev, id, "Closed", "gave it up as an admin", "Nothing was proved", "it was renamed")
	w.reply(card, "your access to", "was given up", "Nothing was proved")
	w.inOps(1, id, "was given up without proof")
	if _, said := w.at("audit"); !strings.Contains(said, `"act":"abandon","result":"ok"`) || !strings.Contains(said, `"reason":"lost"`) {
		t.Errorf("the audit record:\n%s", said)
	}
	w.metricIs("sshforward_unconfigured_leases", "0")
	// The account has another name, and the sweep finds what was left in it.
	w.inOps(1, "I see something of lease", id)
	w.nothingLeftSoon()
	w.card(dev, id, "Closed", "Something of it was found in AWS", "Last resource gone")
}

// The same at the command line, while the bot is stopped.
func TestAbandonAtTheCommandLine(t *testing.T) {
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{others: ", {name: second, region: us-east-1}"})
	id := w.open(ann, dev, "web-1 10m from 203.0.113.7")
	w.card(dev, id, "*Open*")
	w.terminate()
	if code, said := w.at("abandon", id, "--because", "x"); code != exitError || !strings.Contains(said, "is not closing") {
		t.Errorf("of an open lease: %d %s", code, said)
	}
	w.opts.account, w.opts.others = "second", ""
	w.start()
	w.slash(carol, ops, "close "+id)
	w.terminate()
	for _, wrong := range [][]string{{"abandon", id}, {"abandon", id, "--because", " "}, {"abandon", "--because", "x"}} {
		if code, said := w.at(wrong...); code != exitUsage {
			t.Errorf("%q: %d %s", wrong, code, said)
		}
	}
	if code, said := w.at("abandon", "k7m2q3x", "--because", "x"); code != exitError || !strings.Contains(said, "no lease") {
		t.Errorf("of no lease: %d %s", code, said)
	}
	code, said := w.at("abandon", strings.ToUpper(id), "--because", "the account was closed")
	want := []string{id + ": given up, nothing was proved", "not in my configuration", "load balancer was not seen gone"}
	if code != exitOK || !containsAll(said, want) {
		t.Errorf("it ends with %d and says %s", code, said)
	}
	w.start()
	w.inOps(1, id, "was given up without proof", "the account was closed")
	w.card(dev, id, "Closed", "Nothing was proved")
	time.Sleep(2 * time.Second)
	if n := strings.Count(w.log.String(), "LEASES CANNOT BE ENDED"); n != 0 {
		t.Errorf("what was given up is alarmed %d times", n)
	}
}
