// Package storetest holds every store to the contract of [sshforward.Store]. A
// store's own tests call [Run]; what is said here is what the keeper relies on.
package storetest

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

// Store is what is held to the contract.
type Store = sshforward.Store

// Subject is an empty store under test, whose end t.Cleanup sees to.
type Subject struct {
	Store Store

	// Handle returns another handle on the same data, as another replica has
	// one. It is nil for a store that one process has to itself: then its
	// goroutines are the handles.
	Handle func() Store

	// Reopen ends the store, its handles too, and returns one on the same data.
	// It is nil if there is nothing to reopen, and then durability is not tested.
	Reopen func() Store

	// Lossy returns a handle of which some writes take effect while their answer
	// is lost, as happens on the way to a store in a network. It is nil where
	// that cannot be.
	Lossy func() Store

	// Fill adds so many closed leases and events faster than Put does. It is
	// nil if there is no faster way.
	Fill func(closed, events int)

	// Remote is a store that each call goes to over a socket: some things are done
	// less often.
	Remote bool

	// Faulty is a store of which some calls take their time, so that what they cost
	// is not looked at.
	Faulty bool
}

// Run runs the contract, each clause on a store of its own. Under the race
// detector it is a third of those in which everything comes one after the other.
func Run(t *testing.T, open func(t *testing.T) Subject) {
	for _, clauses := range [][]clause{
		testenv.Thinned(writing, 3), testenv.Thinned(reading, 3), testenv.Thinned(dueClauses, 3), testenv.Thinned(activeClauses, 3),
		testenv.Thinned(sourceClauses, 3), testenv.Thinned(accountClauses, 3),
		testenv.Thinned(auditClauses, 3), testenv.Thinned(orderClauses, 3), testenv.Thinned(pastClauses, 3),
		replicaClauses, quotaClauses, racing, sharing, lasting, flat,
	} {
		for _, c := range clauses {
			t.Run(c.name, func(t *testing.T) {
				s := open(t)
				b := &bench{T: t, Store: s.Store, subject: s, reopen: s.Reopen}
				b.handles = []Store{s.Store, s.Store, s.Store}
				if s.Handle != nil {
					b.handles[1], b.handles[2] = s.Handle(), s.Handle()
				}
				c.test(b)
			})
		}
	}
}

// clause is one sentence of the contract.
type clause struct {
	name string
	test func(*bench)
}

// bench is a store under test, with helpers that stop the test on errors.
type bench struct {
	*testing.T
	Store
	subject Subject
	handles []Store // on the same data; the first is Store
	reopen  func() Store
}

// handle is one of the handles, for the ith of several who work at once.
func (b *bench) handle(i int) Store { return b.handles[i%len(b.handles)] }

// rounds is how often something is done, or by how many: less under the race
// detector, which sees what two do at once as well as what fifty do.
func (b *bench) rounds(all, few int) int { return testenv.UnlessRaced(all, few) }

// start is some moment. Times in the tests count from it; it has nanoseconds,
// because stores must keep them.
var start = time.Date(2026, 3, 4, 5, 6, 7, 891234567, time.UTC)

func at(d time.Duration) time.Time { return start.Add(d) }

// minimal returns a small open lease that was never written.
func minimal(id string) *sshforward.Lease {
	return &sshforward.Lease{ID: id, State: sshforward.Open, Owner: "U1", RequestedAt: start}
}

// create writes a new lease, changed by the given functions first.
func (b *bench) create(id string, with ...func(*sshforward.Lease)) *sshforward.Lease {
	b.Helper()
	l := minimal(id)
	for _, f := range with {
		f(l)
	}
	b.put(l)
	return l
}

func due(t time.Time) func(*sshforward.Lease) { return func(l *sshforward.Lease) { l.DueAt = t } }
func requested(t time.Time) func(*sshforward.Lease) {
	return func(l *sshforward.Lease) { l.RequestedAt = t }
}
func state(s sshforward.State) func(*sshforward.Lease) {
	return func(l *sshforward.Lease) { l.State = s }
}

func (b *bench) put(l *sshforward.Lease, events ...sshforward.Event) {
	b.Helper()
	if err := b.Put(b.Context(), l, events...); err != nil {
		b.Fatalf("Put(%s): %v", l.ID, err)
	}
}

func (b *bench) delete(l *sshforward.Lease) {
	b.Helper()
	if err := b.Delete(b.Context(), l.ID, l.Revision); err != nil {
		b.Fatalf("Delete(%s): %v", l.ID, err)
	}
}

func (b *bench) get(id string) *sshforward.Lease {
	b.Helper()
	l, err := b.Lease(b.Context(), id)
	if err != nil {
		b.Fatalf("Lease(%s): %v", id, err)
	}
	return l
}

// wantLease fails unless the store holds exactly want.
func (b *bench) wantLease(want *sshforward.Lease) {
	b.Helper()
	if diff := Diff(want, b.get(want.ID)); diff != "" {
		b.Fatalf("lease %s is not what was written (-written +read):\n%s", want.ID, diff)
	}
}

func (b *bench) wantCode(err error, code string) {
	b.Helper()
	if got := sshforward.ErrorCode(err); got != code {
		b.Fatalf("error code %q, want %q (error: %v)", got, code, err)
	}
}

func (b *bench) wantNoLease(id string) {
	b.Helper()
	_, err := b.Lease(b.Context(), id)
	b.wantCode(err, sshforward.ENOTFOUND)
}

func (b *bench) wantDue(now time.Time, limit int, want ...string) {
	b.Helper()
	got, err := b.Due(b.Context(), now, limit)
	if err != nil {
		b.Fatalf("Due: %v", err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Fatalf("due leases (-want +got):\n%s", diff)
	}
}

func (b *bench) wantActive(want ...string) {
	b.Helper()
	leases, err := b.Active(b.Context())
	if err != nil {
		b.Fatalf("Active: %v", err)
	}
	var got []string
	for _, l := range leases {
		got = append(got, l.ID)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Fatalf("active leases (-want +got):\n%s", diff)
	}
}

// Diff compares what a store should keep of two leases: instants, not their
// zones, and no difference between nil and empty. It is "" if they are equal.
func Diff(want, got *sshforward.Lease) string {
	return cmp.Diff(want, got,
		cmpopts.EquateEmpty(),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }))
}

// over returns a context that has ended.
func over() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}
