// Package provisionertest holds every way in to the contract of
// [sshforward.Finder], [sshforward.Provisioner], [sshforward.Surveyor] and
// [sshforward.Watcher]: what is said here is what the keeper relies on, whatever
// stands between a user and an instance. A provisioner's own tests call [Run], for each cloud it is tried in.
package provisionertest

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
)

// Provisioner is what is held to the contract.
type Provisioner interface {
	sshforward.Finder
	sshforward.Provisioner
	sshforward.Surveyor
	sshforward.Watcher
}

// World is a cloud with an instance in it that runs and that nothing keeps from
// being opened. All of it but Reaches must be set.
type World struct {
	Account      string // the configured name of the account that the instance is in
	Instance     string // its id
	InstanceName string // its Name tag, which no other instance has
	Port         int    // what its ssh listens on

	// Start makes a provisioner that knows nothing of what others did, as a
	// process does that was started anew.
	Start func() Provisioner
	// Instant says that the cloud shows at once what there is: not to find
	// something proves that it is not there.
	Instant bool
	// Wait lets time go by: at least d where the cloud has delays of its own, as
	// little as it likes where it has none.
	Wait func(d time.Duration)
	// Check fails the test unless the open lease has all that it should have in
	// the cloud, and no more.
	Check func(l *sshforward.Lease)
	// Break takes away something that Mend puts back, and leaves the rest.
	Break func(l *sshforward.Lease)
	// Remove takes away, behind the provisioner's back, what lets people in, for good.
	Remove func(l *sshforward.Lease)
	// Leftovers lists what is there of the deployment's, in words.
	Leftovers func() []string
	// Foreign is all that is there of others', as text that compares.
	Foreign func() string
	// Reaches reports whether a connection from the address gets to the instance
	// by the lease's way in; nil if the cloud has no network that could tell.
	Reaches func(l *sshforward.Lease, from netip.Addr) bool
}

// Factory makes an empty world for one clause and runs the clause in it.
type Factory func(t *testing.T, clause func(testing.TB, World))

// Run runs the contract, each clause in a world of its own.
func Run(t *testing.T, in Factory) {
	for _, clauses := range [][]clause{finding, opening, preparing, closing, surveying, mending, moving} {
		for _, c := range clauses {
			t.Run(c.name, func(t *testing.T) {
				in(t, func(t testing.TB, w World) {
					c.test(&bench{TB: t, World: w, ctx: t.Context(), p: w.Start()})
				})
			})
		}
	}
}

// clause is one sentence of the contract.
type clause struct {
	name string
	test func(*bench)
}

// bench is a world with a provisioner at work in it.
type bench struct {
	testing.TB
	World
	ctx context.Context
	p   Provisioner
}

// restart goes on with a process that knows nothing of what was before.
func (b *bench) restart() { b.p = b.Start() }

// sources are what the leases here let in, with some addresses of those that
// it allows and of those that it does not.
var (
	sources = []netip.Prefix{netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("203.0.113.64/28")}
	allowed = []netip.Addr{netip.MustParseAddr("203.0.113.7"), netip.MustParseAddr("203.0.113.70")}
	refused = []netip.Addr{netip.MustParseAddr("203.0.113.8"), netip.MustParseAddr("198.51.100.1")}
)

// lease asks for a forward, as far as the keeper comes before the first stage.
func (b *bench) lease() *sshforward.Lease {
	b.Helper()
	found, err := b.p.Find(b.ctx, b.Instance, nil)
	if err != nil || len(found) != 1 {
		b.Fatalf("find %s: %v, %v", b.Instance, found, err)
	}
	place, err := b.p.Preflight(b.ctx, found[0], sources)
	if err != nil {
		b.Fatalf("preflight: %v", err)
	}
	now := time.Now()
	return &sshforward.Lease{
		ID: sshforward.NewID(), State: sshforward.Opening, Team: "T0", Owner: "U0ALICE", Channel: "C0DEV",
		Terms: sshforward.Terms{
			Instance: found[0], Placement: place, ListenerPort: 22, TargetPort: b.Port, SSHUser: "ec2-user", Sources: sources,
			Duration: time.Hour, Max: 8 * time.Hour,
		},
		RequestedAt: now, OpenBy: now.Add(10 * time.Minute),
	}
}

// stages are those that a provisioner does.
var stages = sshforward.Stages[1:]

// enter puts the lease into a stage as the keeper does.
func enter(l *sshforward.Lease, s sshforward.Stage) {
	l.Stage, l.StageSince = s, time.Now()
	if s == sshforward.StageClock && l.OpenedAt.IsZero() {
		l.OpenedAt = time.Now()
		l.ExpiresAt = l.OpenedAt.Add(l.Duration)
	}
}

// step is one method of a provisioner that works on a lease.
type step func(context.Context, *sshforward.Lease) (sshforward.StepResult, error)

// finish repeats a step until it is complete, and keeps what it says of the lease.
func (b *bench) finish(what string, do step, l *sshforward.Lease) {
	b.Helper()
	for range 500 {
		result, err := do(b.ctx, l)
		l.Resources, l.Detail = result.Resources, result.Detail
		if err != nil {
			b.Fatalf("%s: %v", what, err)
		}
		if result.Wait == 0 {
			return
		}
		if result.Detail.IsZero() {
			b.Errorf("%s does not say what it waits for", what)
		}
		b.Wait(result.Wait)
	}
	b.Fatalf("%s does not end: %s", what, l.Detail)
}

// stage does one stage.
func (b *bench) stage(l *sshforward.Lease, s sshforward.Stage) {
	b.Helper()
	enter(l, s)
	b.finish(string(s), b.p.Open, l)
}

// open does all stages.
func (b *bench) open(l *sshforward.Lease) *sshforward.Lease {
	b.Helper()
	for _, s := range stages {
		b.stage(l, s)
	}
	l.State = sshforward.Open
	return l
}

// startClosing puts the lease where the keeper has it when it begins to close.
func (b *bench) startClosing(l *sshforward.Lease) {
	if l.State == sshforward.Closing {
		return
	}
	l.State, l.Stage, l.ClosingAt = sshforward.Closing, "", time.Now()
	if b.Instant {
		l.ClosingAt = l.ClosingAt.Add(-time.Minute) // as if it had been looked for all that time
	}
}

// close removes everything.
func (b *bench) close(l *sshforward.Lease) {
	b.Helper()
	b.startClosing(l)
	b.finish("close", b.p.Close, l)
}

// clean fails the test unless nothing is left of ours and nothing else was
// touched.
func (b *bench) clean(before string) {
	b.Helper()
	if left := b.Leftovers(); len(left) > 0 {
		b.Errorf("left over: %q", left)
	}
	if after := b.Foreign(); after != before {
		b.Errorf("what is not ours has changed:\n%s\nwas:\n%s", after, before)
	}
}

// wantAccess fails the test unless those who may get through, and nobody else;
// with false, nobody at all.
func (b *bench) wantAccess(l *sshforward.Lease, open bool) {
	b.Helper()
	if b.Reaches == nil {
		return
	}
	for _, a := range allowed {
		if b.Reaches(l, a) != open {
			b.Errorf("access from %s is %t, want %t", a, !open, open)
		}
	}
	for _, a := range refused {
		if b.Reaches(l, a) {
			b.Errorf("access from %s", a)
		}
	}
}

// wantCode fails the test unless err has the code and a sentence for people.
func (b *bench) wantCode(err error, code string) {
	b.Helper()
	if got := sshforward.ErrorCode(err); got != code || sshforward.ErrorMessage(err).IsZero() {
		b.Fatalf("code %q, want %q, with a sentence: %v", got, code, err)
	}
}

// found returns what a survey has of the lease.
func (b *bench) found(id string) (sshforward.Found, bool) {
	b.Helper()
	s, err := b.p.Survey(b.ctx, b.Account, nil)
	if err != nil {
		b.Fatalf("survey: %v", err)
	}
	for _, f := range s.Found {
		if f.Lease.ID == id {
			return f, true
		}
	}
	return sshforward.Found{}, false
}

// mustFind is found of what has to be there.
func (b *bench) mustFind(l *sshforward.Lease) sshforward.Found {
	b.Helper()
	f, ok := b.found(l.ID)
	if !ok {
		b.Fatalf("lease %s is not found", l.ID)
	}
	return f
}
