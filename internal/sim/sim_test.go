package sim

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/bolt"
)

// sim is the real keeper, provisioner and bolt store in a synctest bubble with
// a fakeaws: a whole life costs milliseconds, and the process can die between
// any two calls. Slack is a wall that people read.
type sim struct {
	t     *testing.T
	cloud *fakeaws.Cloud
	note  fakeaws.FieldNote
	wall  *wall
	file  string

	policy sshforward.Policy
	timing sshforward.Timing

	deadMan    *provisioner.DeadMan
	sweepEvery time.Duration // zero: never
	swept      time.Time
	watch      func() // called after every tick

	life   *life // of the process that runs now
	deaths int
	killer func(site) moment
	sites  []site
	last   *sshforward.Lease // as it was written, or is being written
	mu     sync.Mutex
}

// life is one process: when it is over, nothing it does has an effect any more.
type life struct {
	over   chan struct{}
	once   sync.Once
	store  *bolt.Store
	keeper *sshforward.Keeper
}

func (l *life) end() { l.once.Do(func() { close(l.over) }) }

func (l *life) isOver() bool {
	select {
	case <-l.over:
		return true
	default:
		return false
	}
}

// errDead is what a dead process sees, which matters to nobody.
var errDead = errors.New("this process is dead")

// site is one call that leaves the process: the nth of all, and what is written
// of the lease at that moment.
type site struct {
	n        int
	what     string
	recorded string
}

// moment says when to die at a site.
type moment int

const (
	survive moment = iota
	before         // the call has no effect
	after          // it has, and nobody hears of it
)

func newSim(t *testing.T, o fakeaws.Options) *sim {
	s := &sim{
		t: t, cloud: fakeaws.New(o), wall: &wall{}, file: filepath.Join(t.TempDir(), "leases.db"),
		policy: sshforward.Policy{Rules: []sshforward.Rule{{Name: "any", Tags: map[string]string{"sshforward": "allow"}, Max: 24 * time.Hour}}},
		timing: sshforward.DefaultTiming(),
	}
	s.note = s.cloud.Home().FieldNote()
	return s
}

// boot starts a process on what the last one left.
func (s *sim) boot() {
	s.t.Helper()
	l := &life{over: make(chan struct{})}
	var err error
	if l.store, err = bolt.Open(s.file, bolt.Options{}); err != nil {
		s.t.Fatal(err)
	}
	if s.deadMan != nil {
		s.cloud.AddRole(s.deadMan.RoleARN, "scheduler.amazonaws.com")
	}
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	aws, err := provisioner.New(s.t.Context(), provisioner.Options{
		Deployment: "sim", Logger: log,
		Accounts:   []provisioner.Account{{Name: "main", Region: fakeaws.DefaultRegion, WaitDNS: 2 * time.Minute, DeadMan: s.deadMan}},
		HTTPClient: &http.Client{Transport: mortalTransport{s, l, s.cloud.HTTPClient().Transport}},
		Resolver:   s.cloud.LookupHost,
	})
	if err != nil {
		s.t.Fatal(err)
	}
	l.keeper = sshforward.NewKeeper(sshforward.Options{
		Store: mortalStore{s, l, l.store}, Cloud: aws, Slack: mortalWall{s: s, l: l},
		Policy: s.policy, Timing: s.timing, Accounts: map[string]sshforward.Account{"main": {ListenerPort: 22}}, Logger: log,
	})
	s.life = l
}

// bury ends the process that is dead or is to die now, as kill -9 would.
func (s *sim) bury() {
	s.life.end()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	s.life.keeper.Stop(gone)
	if err := s.life.store.Close(); err != nil {
		s.t.Error(err)
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

// tick is one second of the cron loops.
func (s *sim) tick() {
	_ = s.life.keeper.Tick(s.t.Context())
	if now := time.Now(); s.sweepEvery > 0 && now.Sub(s.swept) >= s.sweepEvery {
		s.swept = now
		_ = s.life.keeper.Sweep(s.t.Context())
	}
	time.Sleep(time.Second)
	synctest.Wait()
	if s.watch != nil {
		s.watch()
	}
}

// cross is called where a call leaves the process. It returns when to die.
func (s *sim) cross(what string) moment {
	s.mu.Lock()
	defer s.mu.Unlock()
	here := site{n: len(s.sites), what: what}
	if s.killer == nil && s.last != nil {
		here.recorded = recorded(s.last)
	}
	s.sites = append(s.sites, here)
	if s.killer == nil {
		return survive
	}
	return s.killer(here)
}

// guard runs a call that leaves the process, with death before or after it.
func (s *sim) guard(l *life, what string, call func() error) error {
	if l.isOver() {
		return errDead
	}
	switch s.cross(what) {
	case before:
		l.end()
		return errDead
	case after:
		err := call()
		l.end()
		return errors.Join(errDead, err)
	}
	return call()
}

// open asks for and confirms a lease, as often as the process dies over it.
func (s *sim) open(user string, d time.Duration) (id string) {
	s.t.Helper()
	caller := sshforward.Caller{Team: "T", User: user, Channel: "C0DEV"}
	for s.retry(func() error {
		reply, err := s.life.keeper.Do(s.t.Context(), caller, sshforward.OpenLease{Instance: s.note.Web, Duration: d, Sources: source})
		if err == nil {
			id = reply.Lease.ID
		}
		return err
	}) {
	}
	for s.retry(func() error {
		_, err := s.life.keeper.Do(s.t.Context(), caller, sshforward.ConfirmLease{ID: id})
		if sshforward.ErrorCode(err) == sshforward.ECONFLICT {
			return nil // an earlier click was recorded before the process died
		}
		return err
	}) {
	}
	return id
}

var source = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32")}

// retry does something as a person would who gets no answer: again.
func (s *sim) retry(try func() error) (again bool) {
	s.t.Helper()
	err := try()
	if s.life.isOver() {
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

// lease reads what the store has, the dead process's last word.
func (s *sim) lease(id string) *sshforward.Lease {
	s.t.Helper()
	l, err := s.life.store.Lease(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	return l
}

func (s *sim) closed(id string) func() bool {
	return func() bool {
		return !s.life.isOver() && s.lease(id).State == sshforward.Closed && sshforward.NextDelivery(s.lease(id)).At.IsZero()
	}
}

func (s *sim) describe() string {
	leases, err := s.life.store.Active(s.t.Context())
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, l := range leases {
		fmt.Fprintf(&b, "%+v\n", *l)
	}
	return b.String()
}

// mortalTransport is the process's way to AWS.
type mortalTransport struct {
	s    *sim
	l    *life
	next http.RoundTripper
}

func (m mortalTransport) RoundTrip(req *http.Request) (resp *http.Response, err error) {
	err = m.s.guard(m.l, operation(req), func() error {
		resp, err = m.next.RoundTrip(req)
		return err
	})
	if err != nil {
		return nil, err
	}
	return resp, nil
}

// operation is what a request asks of AWS: the action of a query, or the method
// where there is none.
func operation(req *http.Request) string {
	if req.Body == nil {
		return req.Method
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return req.Method
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	form, _ := url.ParseQuery(string(body)) // a scheduler's body is no form
	return cmp.Or(form.Get("Action"), req.Method)
}

// mortalStore is the process's way to its disk.
type mortalStore struct {
	s *sim
	l *life
	*bolt.Store
}

func (m mortalStore) Put(ctx context.Context, l *sshforward.Lease, events ...sshforward.Event) error {
	m.s.mu.Lock()
	m.s.last = l.Clone()
	m.s.mu.Unlock()
	return m.s.guard(m.l, "put "+string(l.State), func() error { return m.Store.Put(ctx, l, events...) })
}

func (m mortalStore) Append(ctx context.Context, events ...sshforward.Event) error {
	return m.s.guard(m.l, "store", func() error { return m.Store.Append(ctx, events...) })
}

// mortalWall is the process's way to Slack.
type mortalWall struct {
	s *sim
	l *life
	nobody
}

func (m mortalWall) Card(_ context.Context, l *sshforward.Lease) (channel, ts string, err error) {
	err = m.s.guard(m.l, "card", func() error {
		ts = m.s.wall.card(l)
		return nil
	})
	return l.Channel, ts, err
}

func (m mortalWall) Notice(_ context.Context, l *sshforward.Lease, n sshforward.Notice) (sshforward.Place, error) {
	return sshforward.Place{Channel: l.Channel, TS: "1.0"}, m.s.guard(m.l, "notice", func() error {
		m.s.wall.notice(l, n)
		return nil
	})
}

// wall is what people saw.
type wall struct {
	mu      sync.Mutex
	cards   map[string][]string // lease -> faces shown, in order
	notices []string
}

func (w *wall) card(l *sshforward.Lease) (ts string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cards == nil {
		w.cards = make(map[string][]string)
	}
	w.cards[l.ID] = append(w.cards[l.ID], l.CardKey())
	return "1." + l.ID
}

func (w *wall) notice(l *sshforward.Lease, n sshforward.Notice) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.notices = append(w.notices, l.ID+" "+string(n.Kind))
}

func (w *wall) said(id string, kind sshforward.NoticeKind) (times int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, n := range w.notices {
		if n == id+" "+string(kind) {
			times++
		}
	}
	return times
}

// nobody is a directory without groups.
type nobody struct{}

func (nobody) Member(context.Context, string, string) (bool, error) { return false, nil }
