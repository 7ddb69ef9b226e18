package main

import (
	"bufio"
	"cmp"
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/mototest"
)

// The end-to-end tests run the real binary, as a process of its own, between
// the stand-ins for Slack and AWS. They act as people do and look at what
// people see.

// binary is what TestMain built.
var binary string

func TestMain(m *testing.M) {
	testenv.Exit(func() int {
		testenv.IsolateAWS()
		flag.Parse()
		if err := flag.Set("test.parallel", strconv.Itoa(testenv.UnlessRaced(40, 32))); err != nil { // most of them wait most of the time
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		dir, err := os.MkdirTemp("", "sshforward-e2e-")
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(dir)
		if binary, err = testenv.Program(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer mototest.Stop()
		return m.Run()
	}())
}

const (
	ann   = "U0ANN"   // asks
	bob   = "U0BOB"   // somebody else
	carol = "U0CAROL" // admin, and leads approvers
	dev   = "C0DEV"   // where ann works
	ops   = "C0OPS"   // slack.channel
)

// cloud is one of the two stand-ins for AWS.
type cloud struct {
	url      string
	instance string // a private one that policy lets people reach
	name     string // and its Name tag
	// leftovers lists what carries the deployment's tag.
	leftovers func(t *testing.T) []string
	// foreign describes everything else.
	foreign func(t *testing.T) string
}

// world is one workspace, one cloud and one bot.
type world struct {
	t     *testing.T
	slack *fakeslack.Workspace
	cloud cloud
	dir   string
	opts  worldOptions

	process *exec.Cmd
	exited  chan struct{}
	web     string // base address of /metrics and the like
	log     *logBuffer
	stdout  *logBuffer // what the bot mirrors there, over all its lives
}

type worldOptions struct {
	timing  string // YAML flow map; short by default
	rules   string
	extra   string // further lines of the configuration
	others  string // further accounts, with a comma before each
	account string // what the first account is called; main, if empty
	listen  string // a free port of the loopback address, if empty
	env     []string

	store string // where leases are, as in the configuration; a file of the world's own, if empty

	program string // what to run; the one that TestMain built, if empty
}

const (
	shortTiming = `{default: 1m, min: 1s, confirm: 30s, approval: 30s, opening: 30s, reminders: [3s], sweep: 1s, keep: 1h}`
	plainRules  = `[{name: development, tags: {sshforward: allow}, max: 8h}]`
)

// newWorld starts the bot and waits until it is connected.
func newWorld(t *testing.T, c cloud, o worldOptions) *world {
	t.Helper()
	w := newOffice(t, c, o)
	t.Cleanup(func() {
		w.kill()
		w.noRace()
		if t.Failed() {
			t.Logf("the bot's log:\n%s", w.log)
		}
	})
	w.start()
	return w
}

// newOffice is a world in which no bot runs yet.
func newOffice(t *testing.T, c cloud, o worldOptions) *world {
	t.Helper()
	// How soon the bot answers is measured in its own tests, where less runs beside it.
	slack := fakeslack.New(fakeslack.Options{AckDeadline: 10 * time.Second, TriggerLife: 10 * time.Second})
	for _, u := range []string{ann, bob, carol} {
		slack.AddUser(fakeslack.User{ID: u, Name: strings.ToLower(u[2:])})
	}
	slack.AddChannel(fakeslack.Channel{ID: dev, Name: "dev", Members: []string{ann, bob, carol}})
	slack.AddChannel(fakeslack.Channel{ID: ops, Name: "ops", Members: []string{carol}, BotMember: true})
	if err := slack.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slack.Close)
	return &world{t: t, slack: slack, cloud: c, dir: t.TempDir(), opts: o, log: &logBuffer{}, stdout: &logBuffer{}}
}

func (w *world) config() string {
	timing, rules := w.opts.timing, w.opts.rules
	if timing == "" {
		timing = shortTiming
	}
	if rules == "" {
		rules = plainRules
	}
	return fmt.Sprintf(`
deployment: e2e
store: {%s}
slack: {channel: %s, admins: [%s]}
aws: [{name: %s, region: ap-northeast-1, wait_dns: 0s}%s]
policy:
  sources: {allow: [203.0.113.0/24], widest: 32}
  leases_per_user: 3
  ports: [22]
  rules: %s
timing: %s
listen: %s
%s
`, cmp.Or(w.opts.store, "bolt: "+filepath.Join(w.dir, "leases.db")), ops, carol,
		cmp.Or(w.opts.account, "main"), w.opts.others, rules, timing, cmp.Or(w.opts.listen, "127.0.0.1:0"), w.opts.extra)
}

var listening = regexp.MustCompile(`listen=(127\.0\.0\.1:\d+)`)

// configure writes the configuration file.
func (w *world) configure() (file string) {
	w.t.Helper()
	file = filepath.Join(w.dir, "sshforward.yaml")
	if err := os.WriteFile(file, []byte(w.config()), 0o600); err != nil {
		w.t.Fatal(err)
	}
	return file
}

// start runs the bot until it is connected to Slack. Its second connection comes four
// seconds later, for which nobody needs to wait.
func (w *world) start() {
	w.t.Helper()
	file := w.configure()
	w.noRace()
	w.log.reset()
	dead := 0 // connections of a process that was killed may still be listed
	for _, c := range w.slack.Connections() {
		dead = max(dead, c.ID)
	}
	w.process = exec.Command(cmp.Or(w.opts.program, binary), "serve", "--config", file)
	w.process.Env = w.environ()
	w.process.Stderr, w.process.Stdout = w.log, w.stdout
	if err := w.process.Start(); err != nil {
		w.t.Fatal(err)
	}
	w.exited = make(chan struct{})
	go func(p *exec.Cmd, exited chan struct{}) { _ = p.Wait(); close(exited) }(w.process, w.exited)
	w.await("a connection to Slack", func(s *fakeslack.Snapshot) bool {
		return slices.ContainsFunc(s.Connections(), func(c fakeslack.Connection) bool { return c.ID > dead })
	})
	w.web = "http://" + w.log.find(listening)[1]
}

// environ is what a bot of this world finds in its environment.
func (w *world) environ() []string {
	return append(append(os.Environ(),
		"SLACK_BOT_TOKEN="+w.slack.BotToken(), "SLACK_APP_TOKEN="+w.slack.AppToken(), "SLACK_API_URL="+w.slack.APIURL(),
		"AWS_ENDPOINT_URL="+w.cloud.url), w.opts.env...)
}

// noRace asserts that the race detector in the bot has found nothing.
func (w *world) noRace() {
	w.t.Helper()
	if said := w.log.String(); strings.Contains(said, "DATA RACE") {
		w.t.Errorf("the bot has a data race:\n%s", said)
	}
}

// kill is kill -9.
func (w *world) kill() {
	select {
	case <-w.exited:
	default:
		_ = w.process.Process.Kill()
		<-w.exited
	}
}

// terminate is SIGTERM, and what came of it.
func (w *world) terminate() (code int, took time.Duration) {
	began := time.Now()
	_ = w.process.Process.Signal(syscall.SIGTERM)
	<-w.exited
	return w.process.ProcessState.ExitCode(), time.Since(began)
}

// patience is how long a test waits for what should happen at once.
const patience = time.Minute

// await waits until people see something.
func (w *world) await(what string, seen func(*fakeslack.Snapshot) bool) {
	w.t.Helper()
	w.awaitFor(patience, what, seen)
}

func (w *world) awaitFor(patience time.Duration, what string, seen func(*fakeslack.Snapshot) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), patience)
	defer cancel()
	if err := w.slack.Wait(ctx, seen); err != nil {
		w.t.Fatalf("waiting for %s: %v\n%s", what, err, w.transcript())
	}
}

// transcript is everything that anybody sees, for a failing test.
func (w *world) transcript() string {
	var b strings.Builder
	for _, c := range w.slack.Snapshot().Channels() {
		for _, m := range w.slack.Messages(c.ID) {
			fmt.Fprintf(&b, "--- #%s %s thread=%s\n%s\n", c.Name, m.TS, m.ThreadTS, m.Visible())
		}
		for _, u := range []string{ann, bob, carol} {
			for _, m := range w.slack.Ephemerals(u, c.ID) {
				fmt.Fprintf(&b, "--- #%s only %s\n%s\n", c.Name, u, m.Visible())
			}
		}
	}
	for _, f := range w.slack.Failures() {
		fmt.Fprintf(&b, "--- failure %+v\n", f)
	}
	return b.String()
}

// slash types a command and returns the first answer that only the caller sees.
func (w *world) slash(user, channel, text string) fakeslack.Message {
	w.t.Helper()
	before := len(w.slack.Ephemerals(user, channel))
	result, err := w.slack.Slash(w.t.Context(), user, channel, text)
	if err != nil || result.Error != "" {
		w.t.Fatalf("/sshforward %s: %v %s", text, err, result.Error)
	}
	var answer fakeslack.Message
	w.await("an answer to "+text, func(s *fakeslack.Snapshot) bool {
		all := s.Ephemerals(user, channel)
		if len(all) > before {
			answer = all[len(all)-1]
		}
		return len(all) > before
	})
	return answer
}

// click presses a button that is really there.
func (w *world) click(user string, m fakeslack.Message, action string, value ...string) {
	w.t.Helper()
	result, err := w.slack.Click(w.t.Context(), user, m.TS, action, value...)
	if err != nil || result.Error != "" {
		w.t.Fatalf("click %s: %v %s\n%s", action, err, result.Error, w.transcript())
	}
}

// card waits until the lease's card, the first message in the channel that
// shows its id, says something.
func (w *world) card(channel, id string, says ...string) fakeslack.Message {
	w.t.Helper()
	var card fakeslack.Message
	w.await(fmt.Sprintf("a card that says %q", says), func(s *fakeslack.Snapshot) bool {
		for _, m := range s.Messages(channel) {
			if m.ThreadTS == "" && strings.Contains(m.Visible(), id) {
				card = m
				return containsAll(m.Visible(), says)
			}
		}
		return false
	})
	return card
}

// reply waits for a message in the card's thread.
func (w *world) reply(card fakeslack.Message, says ...string) fakeslack.Message {
	w.t.Helper()
	var found fakeslack.Message
	w.await(fmt.Sprintf("a reply that says %q", says), func(s *fakeslack.Snapshot) bool {
		for _, m := range s.Messages(card.Channel) {
			if m.ThreadTS == card.TS && containsAll(m.Visible(), says) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

func containsAll(s string, parts []string) bool {
	for _, p := range parts {
		if !strings.Contains(s, p) {
			return false
		}
	}
	return true
}

// open goes from the command to the click and returns the lease's id.
func (w *world) open(user, channel, args string) (id string) {
	w.t.Helper()
	prompt := w.slash(user, channel, "open "+args)
	id = buttonValue(w.t, prompt, "lease.confirm")
	w.click(user, prompt, "lease.confirm")
	return id
}

func buttonValue(t *testing.T, m fakeslack.Message, action string) string {
	t.Helper()
	for _, b := range m.Buttons() {
		if b.ActionID == action {
			return b.Value
		}
	}
	t.Fatalf("no button %s on:\n%s", action, m.Visible())
	return ""
}

// nothingLeft asserts the promise.
func (w *world) nothingLeft() {
	w.t.Helper()
	if left := w.cloud.leftovers(w.t); len(left) > 0 {
		w.t.Errorf("left in AWS:\n%s", strings.Join(left, "\n"))
	}
}

// get reads one of the bot's own pages.
func (w *world) get(path string) (status int, body string) {
	w.t.Helper()
	resp, err := http.Get(w.web + path)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// metric returns the value of one line of /metrics, "" if it is not there.
func (w *world) metric(name string) string {
	_, body := w.get("/metrics")
	lines := bufio.NewScanner(strings.NewReader(body))
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			return value
		}
	}
	return ""
}
