package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// notRunHere are the programs and commands in documents that these tests do not
// run, and why.
var notRunHere = map[string]string{
	"go":                 "the program is what all tests here run",
	"aws":                "it is AWS's; what stands in its place here is no AWS for it",
	"systemctl":          "systemd does not run here; the tests in deploy look at the unit",
	"ss":                 "for the host that people cannot reach",
	"ssh":                "needs a key; the playground's tests run it",
	"openssl":            "makes a key; init makes one here",
	"sshforward drill":   "TestDrill runs it, with a server that says who it is",
	"sshforward abandon": "TestAbandonAtTheCommandLine runs it, in an account that is gone",
	"docker":             "there may be no engine here; deploy/README.md says how the image was tried",
	"kubectl":            "there is no cluster; .ci/artefacts reads what it would read",
	"git":                "it would go to a release that is not this commit",
	"CLEAN=1":            "it builds for minutes; .ci/run runs it for linux/amd64",
	"gh":                 "it asks GitHub about a release",
	"curl":               "it asks a server on the internet",
	"nc":                 "for a load balancer that is really there",
	".ci/run":            "it runs these tests",
}

// commandLines are the lines of the shell blocks of a document, as a shell takes
// them: whole, without what is said about them.
func commandLines(t *testing.T, file string) (out []string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", " ")) {
			if line, _, _ = strings.Cut(strings.TrimSpace(line), " #"); line != "" {
				out = append(out, strings.TrimSpace(line))
			}
		}
	}
	return out
}

// isLeftOut reports whether a line is one of those that are not run here.
func isLeftOut(line string) bool {
	words := append(strings.Fields(line), "")
	return notRunHere[words[0]] != "" || notRunHere[words[0]+" "+words[1]] != ""
}

// shell runs a line as somebody who reads a document would.
func shell(t *testing.T, dir string, env []string, line string) (says string, err error) {
	t.Helper()
	bin := filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(filepath.Join(bin, "sshforward")); err != nil {
		if err := os.Symlink(binary, filepath.Join(bin, "sshforward")); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("bash", "-eu", "-o", "pipefail", "-c", line)
	cmd.Dir, cmd.Env = dir, append(append(os.Environ(), env...), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestInstallAsItIsWritten goes through docs/install.md, and through the READMEs,
// from the program to the first forward, in an empty home, with a workspace and a
// cloud that stand in.
func TestInstallAsItIsWritten(t *testing.T) {
	t.Parallel()
	for _, document := range []string{"docs/install.md", "README.md", "README.ja.md"} {
		t.Run(document, func(t *testing.T) {
			if document != "docs/install.md" {
				testenv.SkipRaced(t, "docs/install.md has the same lines")
			}
			t.Parallel()
			installAsItIsWritten(t, "../../"+document)
		})
	}
}

func installAsItIsWritten(t *testing.T, document string) {
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	slack := fakeslack.New(fakeslack.Options{})
	slack.AddChannel(fakeslack.Channel{ID: dev, Name: "dev", BotMember: true})
	slack.AddUser(fakeslack.User{ID: ann, Name: "ann"})
	if err := slack.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slack.Close)
	dir := t.TempDir()
	if err := os.Symlink(binary, filepath.Join(dir, "sshforward")); err != nil {
		t.Fatal(err)
	}
	env := []string{"HOME=" + dir, "AWS_REGION=ap-northeast-1", "AWS_ENDPOINT_URL=" + c.url, "SLACK_API_URL=" + slack.APIURL()}
	setup := filepath.Join(dir, "sshforward-setup")
	ran, exports := 0, ""
	for _, line := range commandLines(t, document) {
		switch {
		case isLeftOut(line):
			continue
		case strings.HasPrefix(line, "export "):
			// What the second step tells people to do by hand.
			for name, token := range map[string]string{"slack-bot-token": slack.BotToken(), "slack-app-token": slack.AppToken()} {
				if err := os.WriteFile(filepath.Join(setup, name), []byte(token+"\n"), 0o400); err != nil {
					t.Fatal(err)
				}
			}
			exports = line + "\n"
		case strings.Contains(line, " init "):
			line += " <<<'" + strings.Repeat("\n", 12) + "'" // the suggested answers
		case strings.Contains(line, " serve "):
			w := &world{t: t, slack: slack, cloud: c, dir: dir, log: &logBuffer{}}
			w.startedByHand(env, exports, line)
			card := w.card(dev, w.open(ann, dev, c.instance+" 5m from 203.0.113.7"), "ssh -p 22")
			w.click(ann, card, "lease.close")
			w.card(dev, "", "Closed", "Last resource gone")
			w.nothingLeftSoon()
			ran++
			continue
		}
		says, err := shell(t, dir, env, exports+line)
		if err != nil {
			t.Fatalf("%s: %v\n%s", line, err, says)
		}
		ran++
		if file := filepath.Join(setup, "sshforward.yaml"); strings.Contains(line, " init ") {
			// The name of a load balancer here does not resolve.
			text, err := os.ReadFile(file)
			if err == nil {
				err = os.WriteFile(file, []byte(strings.Replace(string(text), "- name: main", "- name: main\n    wait_dns: 0s", 1)), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	if ran < 4 {
		t.Errorf("only %d lines were run", ran)
	}
}

// startedByHand is start with a line of a document.
func (w *world) startedByHand(env []string, exports, line string) {
	w.t.Helper()
	w.process = exec.Command("bash", "-c", exports+"exec "+line)
	w.process.Dir, w.process.Env = w.dir, append(os.Environ(), env...)
	w.process.Stderr, w.process.Stdout = w.log, w.log
	w.exited = make(chan struct{})
	if err := w.process.Start(); err != nil {
		w.t.Fatal(err)
	}
	go func() { _ = w.process.Wait(); close(w.exited) }()
	w.t.Cleanup(func() {
		w.kill()
		if w.t.Failed() {
			w.t.Logf("the bot's log:\n%s", w.log)
		}
	})
	w.await("a connection", func(*fakeslack.Snapshot) bool { return len(w.slack.Connections()) > 0 })
}

// TestRunbookAsItIsWritten runs the commands of the documents for whoever is on
// call, beside a running bot, and those for a stopped one after it.
func TestRunbookAsItIsWritten(t *testing.T) {
	testenv.SkipRaced(t, "TestInstallAsItIsWritten goes the same ways")
	t.Parallel()
	c, _, _ := fakeCloud(t, fakeaws.Options{})
	w := newWorld(t, c, worldOptions{})
	file := filepath.Join(w.dir, "sshforward.yaml")
	env := []string{"SLACK_BOT_TOKEN=" + w.slack.BotToken(), "SLACK_APP_TOKEN=" + w.slack.AppToken(),
		"SLACK_API_URL=" + w.slack.APIURL(), "AWS_ENDPOINT_URL=" + c.url}
	deploy, err := filepath.Abs("../../deploy")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, document := range []string{"controls", "operations", "runbook"} {
		lines = append(lines, commandLines(t, "../../docs/"+document+".md")...)
	}
	lines = slices.DeleteFunc(lines, isLeftOut)
	slices.Sort(lines)
	lines = slices.Compact(lines)
	if len(lines) < 12 {
		t.Fatalf("only %d lines: %q", len(lines), lines)
	}
	run := func(line, id string) {
		t.Helper()
		if strings.Contains(line, " policy test ") {
			line = strings.NewReplacer("TABLE", deploy+"/policy-table.example.yaml", "NEW", deploy+"/sshforward.example.yaml").Replace(line)
		}
		line = strings.NewReplacer("FILE", file, "NEW", file, "k7m2q3x", id, " [--json]", " --json", " [--dry-run]", " --dry-run",
			"/backup/leases.db", w.dir+"/backup.db", "/tmp/leases.db", w.dir+"/backup.db").Replace(line)
		if says, err := shell(t, w.dir, env, line); err != nil {
			t.Errorf("%s: %v\n%s", line, err, says)
		}
	}
	ends := func(line string) bool { return strings.Contains(line, "sshforward close") }
	stopped := func(line string) bool { return strings.Contains(line, "sshforward restore") }
	id := w.open(ann, dev, c.instance+" 5m from 203.0.113.7")
	w.card(dev, id, "ssh -p 22")
	for _, line := range lines {
		if !ends(line) && !stopped(line) {
			_ = os.Remove(filepath.Join(w.dir, "backup.db"))
			run(line, id)
		}
	}
	for n, line := range slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return !ends(l) }) {
		if n > 0 {
			id = w.open(ann, dev, c.instance+fmt.Sprintf(" 5m from 203.0.113.%d", 7+n))
			w.card(dev, id, "ssh -p 22")
		}
		run(line, id)
		w.card(dev, id, "Closed")
		w.nothingLeft()
	}
	_ = os.Remove(filepath.Join(w.dir, "backup.db"))
	run("sshforward backup --config FILE /backup/leases.db", "")
	w.kill()
	for _, line := range lines {
		if stopped(line) {
			run(line, "")
		}
	}
	w.start()
	if list := w.slash(ann, dev, "list"); !strings.Contains(list.Visible(), "no lease") {
		t.Errorf("after the backup was put back it says %s", list.Visible())
	}
}
