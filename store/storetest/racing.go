package storetest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
)

// racing: many writers at once.
var racing = []clause{
	{"of 50 concurrent writers on one lease exactly one wins each revision", func(b *bench) {
		l := b.create("aaaaaaa")
		for range b.rounds(10, 2) {
			l = b.race(50, l)
		}
	}},
	{"of 50 concurrent creators of one lease exactly one wins", func(b *bench) {
		b.race(50, minimal("aaaaaaa"))
	}},
	{"concurrent writers of different leases do not disturb each other", func(b *bench) {
		var all sync.WaitGroup
		var want []string
		for i := range b.rounds(50, 12) {
			l := minimal(fmt.Sprintf("aaaaa%02d", i))
			l.RequestedAt = at(time.Duration(i))
			want = append(want, l.ID)
			all.Go(func() {
				for range 3 {
					if err := b.handle(i).Put(b.Context(), l); err != nil {
						b.Errorf("Put(%s): %v", l.ID, err)
					}
				}
			})
		}
		all.Wait()
		b.wantActive(want...)
		for _, id := range want {
			if got := b.get(id).Revision; got != 3 {
				b.Errorf("lease %s has revision %d, want 3", id, got)
			}
		}
	}},
	{"readers see each lease as one of its writes left it, never half", func(b *bench) {
		l := b.create("aaaaaaa", due(start))
		stop := make(chan struct{})
		var readers sync.WaitGroup
		for i := range 4 {
			readers.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
					}
					got, err := b.handle(i).Lease(b.Context(), l.ID)
					if err != nil {
						b.Errorf("Lease: %v", err)
						return
					}
					if want := fmt.Sprint(got.Revision - 1); got.Revision > 1 && got.Because != want {
						b.Errorf("revision %d says %q", got.Revision, got.Because)
						return
					}
					if active, err := b.handle(i).Active(b.Context()); err != nil || len(active) != 1 {
						b.Errorf("Active: %d leases, %v", len(active), err)
						return
					}
				}
			})
		}
		for i := range b.rounds(50, 10) {
			l.Because = fmt.Sprint(l.Revision)
			l.DueAt, l.RequestedAt = at(time.Duration(i)), at(time.Duration(-i))
			b.put(l)
		}
		close(stop)
		readers.Wait()
	}},
	{"after any sequence of writes the indexes say what the leases say", randomWrites},
}

// race lets n writers put their own copy of l at once and returns the winner's.
func (b *bench) race(n int, l *sshforward.Lease) *sshforward.Lease {
	b.Helper()
	n = b.rounds(n, 15)
	var (
		mine  = make([]*sshforward.Lease, n)
		errs  = make([]error, n)
		ready = make(chan struct{})
		all   sync.WaitGroup
	)
	for i := range n {
		mine[i] = l.Clone()
		mine[i].Owner = fmt.Sprintf("U%d", i)
		all.Go(func() {
			<-ready
			errs[i] = b.handle(i).Put(b.Context(), mine[i])
		})
	}
	close(ready)
	all.Wait()

	winner := -1
	for i, err := range errs {
		switch {
		case err == nil && winner >= 0:
			b.Fatalf("writers %d and %d both won revision %d", winner, i, mine[i].Revision)
		case err == nil:
			winner = i
		default:
			b.wantCode(err, sshforward.ECONFLICT)
			if mine[i].Revision != l.Revision {
				b.Fatalf("a loser's revision moved from %d to %d", l.Revision, mine[i].Revision)
			}
		}
	}
	if winner < 0 {
		b.Fatalf("nobody won revision %d", l.Revision+1)
	}
	b.wantLease(mine[winner])
	return mine[winner]
}

// randomWrites compares the store with a map after each of many writes.
func randomWrites(b *bench) {
	const seed1, seed2 = 4, 2 // a failure repeats
	random := rand.New(rand.NewPCG(seed1, seed2))
	model := map[string]*sshforward.Lease{}
	for step := range b.rounds(300, 25) {
		id := fmt.Sprintf("aaaaaa%d", random.IntN(8))
		l := model[id]
		switch {
		case l == nil:
			l = minimal(id)
		case random.IntN(4) == 0:
			b.delete(l)
			delete(model, id)
			l = nil
		}
		if l != nil {
			l.State = sshforward.States[random.IntN(len(sshforward.States))]
			// All times differ, so that there is one right order.
			l.RequestedAt = at(time.Duration(random.IntN(1000)*1000 + step))
			l.DueAt = at(time.Duration(random.IntN(1000)*1000 + step))
			if random.IntN(4) == 0 {
				l.DueAt = time.Time{}
			}
			b.put(l)
			model[id] = l
		}

		now := at(time.Duration(random.IntN(1000_000)))
		b.wantActive(inOrder(model,
			func(l *sshforward.Lease) bool { return l.State != sshforward.Closed },
			func(l *sshforward.Lease) time.Time { return l.RequestedAt })...)
		b.wantDue(now, 100, inOrder(model,
			func(l *sshforward.Lease) bool { return !l.DueAt.IsZero() && !l.DueAt.After(now) },
			func(l *sshforward.Lease) time.Time { return l.DueAt })...)
	}
	for _, l := range model {
		b.wantLease(l)
	}
}

func inOrder(model map[string]*sshforward.Lease, keep func(*sshforward.Lease) bool, by func(*sshforward.Lease) time.Time) []string {
	var kept []*sshforward.Lease
	for _, l := range model {
		if keep(l) {
			kept = append(kept, l)
		}
	}
	slices.SortFunc(kept, func(a, b *sshforward.Lease) int {
		if c := by(a).Compare(by(b)); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	var ids []string
	for _, l := range kept {
		ids = append(ids, l.ID)
	}
	return ids
}

// lasting: what is there after a restart.
var lasting = []clause{
	{"everything is as it was after reopening", func(b *bench) {
		if b.reopen == nil {
			b.Skip("this store has nothing to reopen")
		}
		full := Full(b.T)
		full.Revision, full.State, full.DueAt, full.RequestedAt = 0, sshforward.Open, at(1), at(1)
		b.put(full)
		closed := b.create("aaaaaaa", state(sshforward.Closed), due(at(3)))
		moved := b.create("bbbbbbb", due(at(9)), requested(at(2)))
		moved.DueAt = at(2)
		b.put(moved)
		b.delete(b.create("ccccccc", due(at(1))))
		source := netip.MustParsePrefix("203.0.113.7/32")
		b.setSource("U1", source)

		b.Store = b.reopen()
		b.wantLease(full)
		b.wantLease(closed)
		b.wantLease(moved)
		b.wantNoLease("ccccccc")
		b.wantActive(full.ID, moved.ID)
		b.wantDue(at(3), 10, full.ID, moved.ID, closed.ID)
		b.wantSource("U1", source)

		stale := full.Clone()
		b.put(full)
		b.wantConflict(stale, full)
	}},
}
