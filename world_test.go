package sshforward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward/internal/testenv"
)

const (
	alice = "UALICE"
	bob   = "UBOB"
	carol = "UCAROL"
	dave  = "UDAVE"
	admin = "UADMIN" // through the group SADMIN
)

// world is a keeper with everything around it, in a synctest bubble. Its clock
// stands at t0 when it begins, and a tick comes every second.
type world struct {
	t       *testing.T
	t0      time.Time
	store   *memStore
	cloud   *fakeCloud
	slack   *fakeSlack
	dir     *fakeDirectory
	policy  Policy
	timing  Timing
	handler slog.Handler // of the log; nil: w.log
	dropped string       // an account that is not configured any more

	mu        sync.Mutex
	overstays []time.Duration
	openings  []time.Duration

	orphans   int
	unheard   int
	elsewhere int // addresses that ask has taken
	unproven  []string

	elsewheres []string // to OnElsewhere
	log        testenv.Buffer
	told       []Event // to OnEvent

	k     *Keeper
	pause context.CancelFunc // of the ticks
}

// inWorld runs a spec in a fresh world.
func inWorld(t *testing.T, spec func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.start()
		defer func() { w.crash() }()
		spec(w)
	})
}

func newWorld(t *testing.T) *world {
	instance := func(account, id, name string, tags map[string]string) Instance {
		return Instance{
			Account: account, Region: "ap-northeast-1", ID: id, Name: name, Running: true, State: "running",
			PrivateIP: netip.MustParseAddr("10.0.1.9"), Zone: "ap-northeast-1a", VPC: "vpc-1", Groups: []string{"sg-1"}, Tags: maps.Clone(tags),
		}
	}
	dev := map[string]string{"sshforward": "allow"}
	prod := map[string]string{"Env": "prod"}
	return &world{
		t: t, t0: time.Now(), store: newMemStore(t),
		cloud: &fakeCloud{
			leases: make(map[string]*footprint),
			instances: []Instance{
				instance("main", "i-0dev", "web", dev),
				instance("main", "i-0two", "two", dev),
				instance("far", "i-0far", "far", dev),
				instance("main", "i-0prod", "db", prod),
				instance("main", "i-0shut", "web", map[string]string{"secret": "yes"}),
			},
		},
		slack: &fakeSlack{cards: make(map[string]string)},
		dir: &fakeDirectory{
			groups: map[string][]string{"SLEAD": {bob, carol, dave, alice}, "SADMIN": {admin}}, people: make(map[string]Person),
		},
		policy: Policy{
			Sources: SourcePolicy{Default: prefixes("203.0.113.7/32")},
			Admins:  []string{"SADMIN"},
			Rules: []Rule{
				{Name: "production", Tags: prod, Max: time.Hour, Approvers: []string{"SLEAD"}, Approvals: 1, Reason: true},
				{Name: "development", Tags: dev, Max: 8 * time.Hour},
			},
		},
		timing: DefaultTiming(),
	}
}

func prefixes(ss ...string) []netip.Prefix {
	var out []netip.Prefix
	for _, s := range ss {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

// people are both that a keeper knows of Slack.
type people struct {
	*fakeSlack
	Directory
}

// start brings up a keeper, as the process does.
func (w *world) start() {
	ctx, cancel := context.WithCancel(context.Background())
	accounts := map[string]Account{"main": {ListenerPort: 443, SSHUser: "ubuntu"}, "far": {}}
	delete(accounts, w.dropped)
	w.cloud.mu.Lock()
	w.cloud.dropped = w.dropped
	w.cloud.mu.Unlock()
	k := NewKeeper(Options{
		Store: w.store, Cloud: w.cloud, Slack: people{w.slack, w.dir},
		Policy: w.policy, Timing: w.timing, Accounts: accounts,
		Logger:     slog.New(cmp.Or[slog.Handler](w.handler, slog.NewTextHandler(&w.log, nil))),
		OnOpened:   w.measure(&w.openings),
		OnOverstay: w.measure(&w.overstays),
		OnUnheard: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.unheard++
		},
		OnOrphan: func() {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.orphans++
		},
		OnUnproven: func(account string, n int) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.unproven = append(w.unproven, fmt.Sprint(account, " ", n))
		},
		OnElsewhere: func(account string, n int) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.elsewheres = append(w.elsewheres, fmt.Sprint(account, " ", n))
		},
		OnEvent: func(e Event) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.told = append(w.told, e)
		},
	})
	w.mu.Lock()
	w.k, w.pause = k, cancel
	w.mu.Unlock()
	_ = k.Begin(ctx)
	go func() {
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				_ = k.Tick(ctx)
			case <-ctx.Done():
				return
			}
		}
	}()
}

func (w *world) measure(into *[]time.Duration) func(time.Duration) {
	return func(d time.Duration) {
		w.mu.Lock()
		defer w.mu.Unlock()
		*into = append(*into, d)
	}
}

// heard is what OnEvent was told.
func (w *world) heard() (lines []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.told {
		lines = append(lines, line(e))
	}
	return lines
}

// crash drops the keeper without letting anything finish.
func (w *world) crash() {
	w.pause()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	w.keeper().Stop(gone)
}

// keeper is the one that runs now.
func (w *world) keeper() *Keeper {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.k
}

// to lets time pass until t0+d, and everything that is due then happen.
func (w *world) to(d time.Duration) {
	w.t.Helper()
	wait := time.Until(w.t0.Add(d))
	if wait < 0 {
		w.t.Fatalf("it is past %s already", d)
	}
	time.Sleep(wait)
	synctest.Wait()
}

// pass lets time pass, and everything that is due then happen.
func (w *world) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// since returns t as an offset from t0; -1 for the zero time.
func (w *world) since(t time.Time) time.Duration {
	if t.IsZero() {
		return -1
	}
	return t.Sub(w.t0)
}

func (w *world) do(user string, cmd Command) (Reply, error) {
	return w.keeper().Do(context.Background(), from(user), cmd)
}

// from is somebody who types in a channel.
func from(user string) Caller { return Caller{Team: "T1", User: user, Channel: "C1"} }

func (w *world) must(user string, cmd Command) Reply {
	w.t.Helper()
	r, err := w.do(user, cmd)
	if err != nil {
		w.t.Fatalf("%T by %s: %v", cmd, user, err)
	}
	return r
}

// ask types an open command, from another address if need be, and returns the
// id of the new lease.
func (w *world) ask(user, instance string, d time.Duration) string {
	w.t.Helper()
	r := w.must(user, OpenLease{Instance: instance, Duration: d, Because: "ticket 7"})
	if r.Lease != nil && r.Lease.State != Requested { // they have it, from that address
		w.elsewhere++
		from := prefixes(fmt.Sprintf("203.0.113.%d/32", 100+w.elsewhere))
		r = w.must(user, OpenLease{Instance: instance, Duration: d, Because: "ticket 7", Sources: from})
	}
	if r.Lease == nil {
		w.t.Fatalf("open %s: no lease, but %+v", instance, r)
	}
	return r.Lease.ID
}

// opened asks, confirms, and waits until the forward is open.
func (w *world) opened(user, instance string, d time.Duration) string {
	w.t.Helper()
	id := w.ask(user, instance, d)
	w.must(user, ConfirmLease{ID: id})
	w.pass(untilInService)
	w.expect(id, Open, "")
	return id
}

// lease returns what the keeper says of a lease.
func (w *world) lease(id string) *Lease {
	w.t.Helper()
	l, err := w.keeper().ledger.get(context.Background(), id)
	if err != nil {
		w.t.Fatalf("show %s: %v", id, err)
	}
	return l
}

func (w *world) show(user, id string) (*Lease, error) {
	return w.keeper().Show(context.Background(), from(user), id)
}

func (w *world) list(user string, all bool) []*Lease {
	w.t.Helper()
	leases, err := w.keeper().List(context.Background(), from(user), all)
	if err != nil {
		w.t.Fatalf("list: %v", err)
	}
	return leases
}

func (w *world) overview(user string) Overview {
	w.t.Helper()
	o, err := w.keeper().Overview(context.Background(), from(user))
	if err != nil {
		w.t.Fatalf("overview: %v", err)
	}
	return o
}

func (w *world) source(user string) []netip.Prefix {
	w.t.Helper()
	saved, err := w.keeper().Source(context.Background(), from(user))
	if err != nil {
		w.t.Fatalf("source: %v", err)
	}
	return saved
}

// stored returns what the store has of a lease.
func (w *world) stored(id string) *Lease {
	w.t.Helper()
	l, err := w.store.Lease(context.Background(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

func (w *world) expect(id string, s State, r Reason) {
	w.t.Helper()
	if l := w.lease(id); l.State != s || l.Reason != r {
		w.t.Fatalf("at %s lease %s is %s %q (%s %s), want %s %q", time.Since(w.t0), id, l.State, l.Reason, l.Why, l.LastError, s, r)
	}
}

// nothingLeft holds the cloud to being empty.
func (w *world) nothingLeft() {
	w.t.Helper()
	if left := w.cloud.left(); len(left) > 0 {
		w.t.Errorf("at %s the cloud still has %v", time.Since(w.t0), left)
	}
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	if got := ErrorCode(err); got != code {
		t.Errorf("got code %q (%v), want %q", got, err, code)
	}
}

// told is what a person is told of an error: the sentence, and what to try.
func told(err error) string {
	says := ErrorMessage(err).String()
	if e, ok := errors.AsType[*Error](err); ok && !e.Try.IsZero() {
		says += " Try: " + strings.Join(strings.Fields(e.Try.Verb+" "+e.Try.Ref+" "+e.Try.Rest), " ")
		if c, ok := e.Try.Command.(OpenLease); ok {
			says += fmt.Sprintf("open %s %s from %s port %d because %s", c.Instance, FormatDuration(c.Duration),
				FormatSources(c.Sources), c.Port, c.Because)
		}
	}
	return says
}
