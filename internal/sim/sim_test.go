package sim

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/logqueue"
	"github.com/sshforward/sshforward/internal/safe"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/bolt"
)

// sim is the real keeper, provisioner and bolt store in a synctest bubble with
// a fakeaws: a whole life costs milliseconds, and the process can die between
// any two calls. Slack is a channel that people read.
type sim struct {
	t       *testing.T
	cloud   *fakeaws.Cloud
	note    fakeaws.FieldNote
	channel *channel
	file    string

	policy sshforward.Policy
	timing sshforward.Timing

	deadMan    *provisioner.DeadMan
	sweepEvery time.Duration // zero: never
	swept      time.Time
	watch      func()                                     // called after every tick
	poison     func(operation, body string) bool          // whether a call panics; without a body it is none to AWS
	disk       func() error                               // what a write to the store fails with
	slack      func(context.Context) error                // what a call to Slack takes, and fails with
	heard      func(*sshforward.Lease, sshforward.Notice) // called with each notice that Slack takes
	log        io.Writer                                  // where the log goes; nil: nowhere

	process *process             // the one that runs now
	letIn   int                  // how often people were let in
	byHand  map[string]time.Time // when somebody else let everybody in, by lease
	deaths  int
	killer  func(site) moment
	crossed int               // how many calls left the process
	noting  bool              // whether they are noted
	sites   []site            // which they were
	last    *sshforward.Lease // as it was written, or is being written
	seen    seen
	mu      sync.Mutex
}

func newSim(t *testing.T, o fakeaws.Options) *sim {
	s := &sim{
		t: t, cloud: fakeaws.New(o), channel: &channel{}, file: filepath.Join(t.TempDir(), "leases.db"),
		policy: sshforward.Policy{Rules: []sshforward.Rule{{Name: "any", Tags: map[string]string{"sshforward": "allow"}, Max: 24 * time.Hour}}},
		timing: sshforward.DefaultTiming(),
	}
	s.note = s.cloud.Home().FieldNote()
	return s
}

// boot starts a process on what the last one left.
func (s *sim) boot() {
	s.t.Helper()
	p := &process{over: make(chan struct{})}
	var err error
	if p.store, err = bolt.Open(s.file, bolt.Options{}); err != nil {
		s.t.Fatal(err)
	}
	if s.deadMan != nil {
		s.cloud.AddRole(s.deadMan.RoleARN, "scheduler.amazonaws.com")
	}
	log := slog.New(slog.DiscardHandler)
	if s.log != nil {
		p.log = logqueue.New(s.log, func(lines int64) []byte { return fmt.Appendln(nil, lines, "lines were left out") })
		log = slog.New(slog.NewTextHandler(p.log, nil))
	}
	aws, err := provisioner.New(s.t.Context(), provisioner.Options{
		Deployment: "sim", Logger: log,
		Signing:    provisioner.Signing{Key: []byte("a key for simulations, and no more"), Store: p.store.ID()},
		Accounts:   []provisioner.Account{{Name: "main", Region: fakeaws.DefaultRegion, WaitDNS: 2 * time.Minute, DeadMan: s.deadMan}},
		HTTPClient: &http.Client{Transport: mortalTransport{s, p, s.cloud.HTTPClient().Transport}},
		Resolver:   s.cloud.LookupHost,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	p.keeper = sshforward.NewKeeper(sshforward.Options{
		Store: mortalStore{s, p, p.store}, Cloud: aws, Slack: mortalSlack{s: s, p: p},
		Policy: s.policy, Timing: s.timing, Accounts: map[string]sshforward.Account{"main": {ListenerPort: 22}}, Logger: log,
	})
	s.process = p
	s.mu.Lock()
	s.seen = seen{writes: s.seen.writes + 1} // whatever was done to the file meanwhile
	s.mu.Unlock()
	_ = p.keeper.Begin(s.t.Context())
}

// bury ends the process that is dead or is to die now, as kill -9 would.
func (s *sim) bury() {
	s.process.end()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	s.process.keeper.Stop(gone)
	if err := s.process.store.Close(); err != nil {
		s.t.Error(err)
	}
	if s.process.log != nil {
		s.process.log.Stop()
	}
}

// run ticks every second until done says so, restarting what dies. It fails
// the test after the given simulated time.
func (s *sim) run(limit time.Duration, done func() bool) {
	s.t.Helper()
	for end := time.Now().Add(limit); !done(); {
		if time.Now().After(end) {
			s.t.Fatalf("not done after %s:\n%s\nin AWS: %v", limit, s.describe(), s.cloud.Leftovers("sshforward:deployment", "sim"))
		}
		s.survive()
		s.tick()
	}
}

// do is what somebody asks of the bot, where a panic is one command's.
func (s *sim) do(by sshforward.Caller, what sshforward.Command) (reply sshforward.Reply, err error) {
	defer safe.Recover(&err)
	return s.process.keeper.Do(s.t.Context(), by, what)
}

// loop is one round of a cron loop, where a panic is that round's.
func (s *sim) loop(round func(context.Context) error) {
	var err error
	defer safe.Recover(&err)
	_ = round(s.t.Context())
}

// tick is one second of the cron loops.
func (s *sim) tick() {
	s.loop(s.process.keeper.Tick)
	if now := time.Now(); s.sweepEvery > 0 && now.Sub(s.swept) >= s.sweepEvery {
		s.swept = now
		s.loop(s.process.keeper.Sweep)
	}
	time.Sleep(time.Second)
	synctest.Wait()
	s.checkLocked()
	if s.watch != nil {
		s.watch()
	}
}

// open asks for and confirms a lease, as often as the process dies over it.
func (s *sim) open(user string, d time.Duration) (id string) {
	s.t.Helper()
	caller := sshforward.Caller{Team: "T", User: user, Channel: "C0DEV"}
	for s.retry(func() error {
		reply, err := s.process.keeper.Do(s.t.Context(), caller, sshforward.OpenLease{Instance: s.note.Web, Duration: d, Sources: source})
		if err == nil {
			id = reply.Lease.ID
		}
		return err
	}) {
	}
	for s.retry(func() error {
		_, err := s.process.keeper.Do(s.t.Context(), caller, sshforward.ConfirmLease{ID: id})
		if sshforward.ErrorCode(err) == sshforward.ECONFLICT {
			return nil // an earlier click was recorded before the process died
		}
		return err
	}) {
	}
	return id
}

// decide says yes or no for somebody, as often as the process dies over it.
func (s *sim) decide(user string, cmd sshforward.Command) {
	s.t.Helper()
	for s.retry(func() error {
		_, err := s.process.keeper.Do(s.t.Context(), sshforward.Caller{Team: "T", User: user, Channel: "C0DEV"}, cmd)
		if sshforward.ErrorCode(err) == sshforward.ECONFLICT {
			return nil // an earlier click was recorded before the process died
		}
		return err
	}) {
	}
}

// ready reports whether a lease is built and only its yes is missing.
func (s *sim) ready(id string) func() bool {
	return func() bool { return !s.process.isOver() && s.lease(id).Prepared.Ready() }
}

var source = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}

// retry does something as a person would who gets no answer: again.
func (s *sim) retry(try func() error) (again bool) {
	s.t.Helper()
	err := try()
	if s.process.isOver() {
		s.deaths++
		s.bury()
		s.boot()
		return err != nil
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return false
}

func (s *sim) closed(id string) func() bool {
	return func() bool {
		return !s.process.isOver() && s.lease(id).State == sshforward.Closed && sshforward.NextDelivery(s.lease(id)).At.IsZero()
	}
}

func (s *sim) describe() string {
	leases, err := s.process.store.Active(s.t.Context())
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, l := range leases {
		fmt.Fprintf(&b, "%+v\n", *l)
	}
	return b.String()
}
