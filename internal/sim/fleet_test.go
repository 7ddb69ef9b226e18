package sim

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/dynamo"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

// fleet is three replicas, each a real keeper, provisioner and store of its own, on
// one table of a fakedynamo and one fakeaws, in a synctest bubble.
type fleet struct {
	t     *testing.T
	rng   *rand.Rand // of the test's goroutine
	seed  uint64
	cloud *fakeaws.Cloud
	note  fakeaws.FieldNote
	db    *fakedynamo.DB
	eyes  *dynamo.Store // sees what is written, and is in nobody's way

	policy  sshforward.Policy
	timing  sshforward.Timing
	deadMan *provisioner.DeadMan

	replicas []*replica
	booted   int
	going    sync.WaitGroup // deliveries, and processes that are ending

	clocksOff bool // of the replicas that start from now on
	takeovers atomic.Int64

	mu        sync.Mutex
	heard     map[string]int       // by lease and what was said
	last      map[string]time.Time // when a lease was last reachable
	envelopes []*envelope
}

const fleetSize = 3

// afterwards is for how long a fleet is looked at when all is over: whatever was late
// has come by then.
var afterwards = time.Duration(testenv.UnlessRaced(360, 20)) * time.Second

func newFleet(t *testing.T, seed uint64, o fakeaws.Options, d fakedynamo.Options) *fleet {
	f := &fleet{
		t: t, seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), cloud: fakeaws.New(o), db: fakedynamo.New(d),
		policy: sshforward.Policy{Rules: []sshforward.Rule{{Name: "any", Tags: map[string]string{"sshforward": "allow"}, Max: 24 * time.Hour}}},
		timing: sshforward.DefaultTiming(),
		heard:  make(map[string]int), last: make(map[string]time.Time),
	}
	f.note = f.cloud.Home().FieldNote()
	f.eyes = f.open("eyes", f.db.HTTPClient("eyes").Transport, true)
	t.Cleanup(f.stop)
	return f
}

// open opens the table.
func (f *fleet) open(name string, way http.RoundTripper, create bool) *dynamo.Store {
	f.t.Helper()
	s, err := dynamo.Open(context.Background(), dynamo.Options{
		Table: "sshforward", Create: create, HTTPClient: &http.Client{Transport: way}, Logger: slog.New(slog.DiscardHandler),
		AWS: &aws.Config{Region: fakedynamo.DefaultRegion, Credentials: credentials.NewStaticCredentialsProvider(name, "secret", "")},
	})
	if err != nil {
		f.t.Fatalf("%s: %v", name, err)
	}
	return s
}

// boot starts the replicas that are missing.
func (f *fleet) boot() {
	f.t.Helper()
	for len(f.replicas) < fleetSize {
		f.replicas = append(f.replicas, f.start())
	}
}

// start starts one replica.
func (f *fleet) start() *replica {
	f.t.Helper()
	f.booted++
	r := &replica{f: f, name: fmt.Sprintf("replica %d", f.booted), gate: newGate(f.seed + uint64(f.booted)<<32), clock: f.newClock()}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.store = f.open(r.name, gatedTransport{r.gate, toStore, f.db.HTTPClient(r.name).Transport}, false)
	if f.deadMan != nil {
		f.cloud.AddRole(f.deadMan.RoleARN, "scheduler.amazonaws.com")
	}
	log := slog.New(slog.DiscardHandler)
	cloud, err := provisioner.New(r.ctx, provisioner.Options{
		Deployment: "sim", Logger: log,
		Signing:    provisioner.Signing{Key: []byte("a key for simulations, and no more"), Store: r.store.ID()},
		Accounts:   []provisioner.Account{{Name: "main", Region: fakeaws.DefaultRegion, WaitDNS: 2 * time.Minute, DeadMan: f.deadMan}},
		HTTPClient: &http.Client{Transport: gatedTransport{r.gate, toAWS, f.cloud.HTTPClient().Transport}},
		Resolver:   f.cloud.LookupHost,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	r.keeper = sshforward.NewKeeper(sshforward.Options{
		Store: clockedStore{r.store, r.clock}, Cloud: clockedCloud{cloud, r.clock}, Slack: gatedSlack{r: r},
		Shared: true, Policy: f.policy, Timing: f.timing, Accounts: map[string]sshforward.Account{"main": {ListenerPort: 22}}, Logger: log,
		ClockOff: r.clock.behind, OnTakeover: func() { f.takeovers.Add(1) },
	})
	_ = r.keeper.Begin(r.ctx)
	r.loop(time.Second, r.keeper.Tick)
	r.loop(30*time.Second, r.keeper.Sweep)
	r.loop(5*time.Second, r.keeper.Watch)
	return r
}

// stop ends what is left of a fleet.
func (f *fleet) stop() {
	for _, r := range f.replicas {
		r.gate.resume()
		r.kill()
	}
	f.going.Wait()
	if err := f.eyes.Close(); err != nil {
		f.t.Error(err)
	}
}

// away takes a replica out of the fleet and ends it, by the given way, while the
// others go on.
func (f *fleet) away(r *replica, end func()) {
	f.replicas = slices.DeleteFunc(f.replicas, func(other *replica) bool { return other == r })
	f.going.Go(end)
}

// pick chooses a replica that Slack can deliver to, of those that may be picked.
func (f *fleet) pick(may func(*replica) bool) *replica {
	var up []*replica
	for _, r := range f.replicas {
		r.gate.mu.Lock()
		cut := r.gate.cut[toSlack]
		r.gate.mu.Unlock()
		if !cut && may(r) {
			up = append(up, r)
		}
	}
	if len(up) == 0 {
		return f.replicas[0]
	}
	return up[f.rng.IntN(len(up))]
}

// answer is what came of an envelope at one replica.
type answer struct {
	reply sshforward.Reply
	err   error
}

// deliver has envelopes come to a replica each, in no order, and returns what is
// answered. Nobody answers for a replica that dies or sleeps.
func (f *fleet) deliver(c sshforward.Caller, cmd sshforward.Command, to ...*replica) chan answer {
	answers := make(chan answer, len(to))
	var all sync.WaitGroup
	for _, r := range to {
		wait := time.Duration(f.rng.IntN(3)) * time.Duration(f.rng.IntN(1000)) * time.Millisecond
		all.Go(func() {
			time.Sleep(wait)
			if _, err := r.gate.pass(toSlack); err != nil {
				answers <- answer{err: err}
				return
			}
			reply, err := r.keeper.Do(r.ctx, c, cmd)
			if r.gate.isDead() {
				err = errDead
			}
			answers <- answer{reply, err}
		})
	}
	f.going.Go(func() {
		all.Wait()
		close(answers)
	})
	return answers
}

// hear notes what Slack was told.
func (f *fleet) hear(what string, l *sshforward.Lease, n sshforward.Notice) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.heard[l.ID+" "+what+" "+string(n.Kind)]++
}

// said is how often Slack was told something about a lease.
func (f *fleet) said(id, what string, kind sshforward.NoticeKind) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.heard[id+" "+what+" "+string(kind)]
}

// watch looks at the data path of every lease: it is what access is measured by.
func (f *fleet) watch() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, b := range f.cloud.Home().LoadBalancers() {
		if _, err := f.cloud.Home().Route(b.Name, netip.MustParseAddr("203.0.113.7"), 22); err == nil {
			f.last[b.Name] = time.Now()
		}
	}
}

// pass lets time go by, looking every second.
func (f *fleet) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(time.Second)
		f.watch()
	}
}

// lease reads what the table has.
func (f *fleet) lease(id string) *sshforward.Lease {
	f.t.Helper()
	l, err := f.eyes.Lease(f.t.Context(), id)
	if err != nil {
		f.t.Fatal(err)
	}
	return l
}

// until lets time go by until done says so, at most for the given time.
func (f *fleet) until(limit time.Duration, what string, done func() bool) {
	f.t.Helper()
	for end := time.Now().Add(limit); !done(); f.pass(time.Second) {
		if time.Now().After(end) {
			active, err := f.eyes.Active(f.t.Context())
			text := fmt.Sprint(err)
			for _, l := range active {
				text += fmt.Sprintf("\n%+v", *l)
			}
			f.t.Fatalf("%s: not after %s\n%s\nin AWS: %v", what, limit, text, f.cloud.Leftovers("sshforward:deployment", "sim"))
		}
	}
}
