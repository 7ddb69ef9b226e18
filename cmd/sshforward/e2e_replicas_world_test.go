package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/dynamo"
	"github.com/sshforward/sshforward/store/dynamo/dynalitetest"
)

// office of several bots: real processes that share a table of dynalite's, in one
// workspace, on one cloud. Every envelope comes to two of them at the same moment,
// and to any of them a moment later once more.
type fleet struct {
	*world
	aws   *fakeaws.Cloud
	store *dynamo.Store // what the table has, for the test to look at
	bots  []*replica
}

// replica is one of the bots. One that is started again is another one.
type replica struct {
	f       *fleet
	name    string
	process *exec.Cmd
	exited  chan struct{}
	log     *logBuffer
	web     string
	id      string // among the replicas
	token   string // an app-level one of its own
}

var tables atomic.Int64

// newFleet starts three bots and waits until they know each other.
func newFleet(t *testing.T, o worldOptions, a fakeaws.Options) *fleet {
	t.Helper()
	url := dynalitetest.Start(t)
	table := fmt.Sprintf("e2e-%d", tables.Add(1))
	c, aws, _ := fakeCloud(t, a)
	o.store = "dynamodb: {table: " + table + ", create: true}"
	// Each has an app token of its own, from which the key would be derived.
	o.env = append(o.env, "AWS_ENDPOINT_URL_DYNAMODB="+url, sharedKey)
	f := &fleet{world: newOffice(t, c, o), aws: aws}
	for _, user := range []string{dave, erin} {
		f.slack.AddUser(fakeslack.User{ID: user, Name: strings.ToLower(user[2:])})
	}
	t.Cleanup(func() {
		for _, r := range f.bots {
			r.kill()
			r.noRace()
			if t.Failed() {
				t.Logf("the log of %s:\n%s", r.name, r.log)
			}
		}
	})
	for range 3 {
		f.begin()
	}
	for _, r := range f.bots {
		r.connected()
	}
	cfg := dynalitetest.Config(url)
	store, err := dynamo.Open(t.Context(), dynamo.Options{Table: table, AWS: &cfg})
	if err != nil {
		t.Fatal(err)
	}
	f.store = store
	t.Cleanup(func() { _ = store.Close() })
	for _, r := range f.bots {
		r.metricIs("sshforward_members", "3")
	}
	f.slack.Spread(twice)
	stop := make(chan struct{})
	var again sync.WaitGroup
	again.Go(func() { f.oncemore(stop) })
	t.Cleanup(func() { close(stop); again.Wait() })
	return f
}

const (
	dave = "U0DAVE"
	erin = "U0ERIN"
)

var replicaID = regexp.MustCompile(`replica=(\w+)`)

// launch starts one more bot and waits until it is connected.
func (f *fleet) launch() *replica {
	f.t.Helper()
	r := f.begin()
	r.connected()
	return r
}

// begin starts one more bot.
func (f *fleet) begin() *replica {
	f.t.Helper()
	r := &replica{f: f, name: fmt.Sprintf("bot %d", len(f.bots)+1), log: &logBuffer{}, exited: make(chan struct{})}
	r.token = f.slack.NewAppToken()
	r.process = exec.Command(binary, "serve", "--config", f.configure())
	r.process.Env, r.process.Stderr, r.process.Stdout = append(f.environ(), "SLACK_APP_TOKEN="+r.token), r.log, io.Discard
	if err := r.process.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() { _ = r.process.Wait(); close(r.exited) }()
	f.bots = append(f.bots, r)
	return r
}

// connected waits until Slack can reach it.
func (r *replica) connected() {
	r.f.t.Helper()
	r.f.await("a connection of "+r.name, func(s *fakeslack.Snapshot) bool {
		return slices.ContainsFunc(s.Connections(), func(c fakeslack.Connection) bool { return c.AppToken == r.token })
	})
	r.web = "http://" + r.log.find(listening)[1]
	r.id = r.log.find(replicaID)[1]
}

// twice chooses two connections of two bots.
func twice(_ fakeslack.Envelope, all []fakeslack.Connection) []int {
	rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for _, c := range all[1:] {
		if c.AppToken != all[0].AppToken {
			return []int{all[0].ID, c.ID}
		}
	}
	return nil
}

// oncemore delivers what people did to any of the bots again.
func (f *fleet) oncemore(stop chan struct{}) {
	const later = 300 * time.Millisecond
	done := make(map[string]bool)
	for {
		select {
		case <-stop:
			return
		case <-time.After(later):
		}
		for _, d := range f.slack.Deliveries() {
			if done[d.EnvelopeID] || time.Since(d.Sent) < later || d.Type == fakeslack.TypeEventsAPI {
				continue
			}
			done[d.EnvelopeID] = true
			conns := f.slack.Connections()
			if len(conns) == 0 {
				continue
			}
			// Whether it is taken is its own business: the bot may be dead.
			_, _ = f.slack.Repeat(f.t.Context(), d.EnvelopeID, conns[rand.IntN(len(conns))].ID)
		}
	}
}

// lease is what the table has of one.
func (f *fleet) lease(id string) *sshforward.Lease {
	f.t.Helper()
	l, err := f.store.Lease(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return l
}

// worker is the bot that works on a lease.
func (f *fleet) worker(id string) *replica {
	f.t.Helper()
	worker := f.lease(id).Worker
	i := slices.IndexFunc(f.bots, func(r *replica) bool { return r.id == worker })
	if i < 0 {
		f.t.Fatalf("nobody works on %s, but %q", id, worker)
	}
	return f.bots[i]
}

// takenOver waits until another bot works on a lease, and returns it and how long
// that took.
func (f *fleet) takenOver(id string, from *replica, since time.Time) (by *replica, took time.Duration) {
	f.t.Helper()
	for time.Since(since) < patience {
		if f.lease(id).Worker != from.id {
			return f.worker(id), time.Since(since)
		}
		time.Sleep(20 * time.Millisecond)
	}
	f.t.Fatalf("nobody has taken %s over from %s", id, from.name)
	return nil, 0
}

// events are those of a lease in the record, as the program exports them: what
// happened, and who did it.
func (f *fleet) events(id string) (acts []string, all []sshforward.Event) {
	f.t.Helper()
	for line := range strings.Lines(f.audit()) {
		var e sshforward.Event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			f.t.Fatalf("%v: %s", err, line)
		}
		if e.Lease == id {
			acts, all = append(acts, strings.TrimSpace(string(e.Act)+" "+e.Result+" "+e.Actor)), append(all, e)
		}
	}
	return acts, all
}

func (r *replica) signal(s syscall.Signal) { _ = r.process.Process.Signal(s) }

// kill is kill -9.
func (r *replica) kill() {
	select {
	case <-r.exited:
	default:
		_ = r.process.Process.Kill()
		<-r.exited
	}
}

// terminate is SIGTERM, and what came of it.
func (r *replica) terminate() (code int, took time.Duration) {
	began := time.Now()
	r.signal(syscall.SIGTERM)
	<-r.exited
	return r.process.ProcessState.ExitCode(), time.Since(began)
}

func (r *replica) noRace() {
	if said := r.log.String(); strings.Contains(said, "DATA RACE") {
		r.f.t.Errorf("%s has a data race:\n%s", r.name, said)
	}
}

// page reads one of the bot's own pages.
func (r *replica) page(path string) (status int, body string) {
	resp, err := http.Get(r.web + path)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err.Error()
	}
	return resp.StatusCode, string(text)
}

// metricIs waits until a line of /metrics has a value.
func (r *replica) metricIs(name, want string) {
	r.f.t.Helper()
	var body string
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		if _, body = r.page("/metrics"); strings.Contains(body, "\n"+name+" "+want+"\n") {
			return
		}
	}
	r.f.t.Fatalf("%s of %s is not %s:\n%s", name, r.name, want, regexp.MustCompile(`(?m)^`+name+`.*$`).FindString(body))
}
