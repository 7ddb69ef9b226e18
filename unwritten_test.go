package sshforward

import (
	"context"
	"log/slog"
	"testing"
	"time"
)

// badStore refuses to write, or loses its answers, and then cannot be read once.
type badStore struct {
	*memStore
	refuses, loses, blind bool
}

func (s *badStore) Put(ctx context.Context, l *Lease, events ...Event) error {
	if s.refuses {
		return unavailable("The store")
	}
	err := s.memStore.Put(ctx, l, events...)
	if err == nil && s.loses {
		l.Revision--
		s.blind = true
		return unavailable("The store, after it had it,")
	}
	return err
}

func (s *badStore) Lease(ctx context.Context, id string) (*Lease, error) {
	if s.blind {
		s.blind = false
		return nil, unavailable("The store")
	}
	return s.memStore.Lease(ctx, id)
}

// Another writer changes a lease while this one has the news of it in memory alone.
// What this one has to tell is in the record once, whether or not its own write got
// through, and not twice if the other one has told it.
func TestNewsInMemoryWhenAnotherWriterIsFirst(t *testing.T) {
	end := func(l *Lease, now time.Time) error { return l.end(now, Expired, "", Text{}, DefaultTiming()) }
	nudged := func(l *Lease, _ time.Time) error { l.Nudges++; return nil }
	nothing := func(*Lease, time.Time) error { return nil }
	for what, c := range map[string]struct {
		lost   bool // only the answer of the write
		byHand bool // somebody closes it
		other  change
	}{
		"it was not written":           {other: nudged},
		"it was written":               {lost: true, other: nudged},
		"the other one ended it":       {other: end},
		"the other one closed it, too": {byHand: true, other: end},
	} {
		t.Run(what, func(t *testing.T) {
			ctx, now := context.Background(), time.Now().Round(0)
			store := newMemStore(t)
			bad := &badStore{memStore: store}
			mine := &ledger{leases: bad, audit: bad, log: slog.New(slog.DiscardHandler)}
			other := &ledger{leases: store, audit: store, log: mine.log}
			l := openLease(now)
			if err := mine.insert(ctx, l, now, actor{}); err != nil {
				t.Fatal(err)
			}
			bad.refuses, bad.loses = !c.lost, c.lost
			var err error
			if c.byHand {
				_, _, err = mine.endBy(ctx, actor{ActClose, Caller{User: "U"}}, l.ID, end)
			} else {
				_, err = mine.mustUpdate(ctx, l.ID, end)
			}
			if err != nil {
				t.Fatal(err)
			}
			if !mine.unwritten.has(l.ID) {
				t.Fatal("it is not in memory")
			}
			if _, err := other.update(ctx, l.ID, c.other); err != nil {
				t.Fatal(err)
			}
			bad.refuses, bad.loses = false, false
			if err := mine.settle(ctx, l.ID); err != nil {
				t.Fatal(err)
			}
			if _, err := mine.update(ctx, l.ID, nothing); err != nil || mine.unwritten.has(l.ID) {
				t.Errorf("still in memory: %v, %v", mine.unwritten.ids(), err)
			}
			ends := 0
			for _, e := range store.recorded() {
				if e.Act == ActEnding || e.Act == ActClose {
					ends++
				}
			}
			if ends != 1 {
				t.Errorf("the record has its end %d times", ends)
			}
		})
	}
}

// A replica that the store is cut off from changes a lease in memory. Another one makes
// the same change, or it is made again from what the store has: the record has it once.
func TestChangeInMemoryThatAnotherWriterMakesToo(t *testing.T) {
	now := time.Now().Round(0)
	opening := func() *Lease {
		l := openLease(now)
		l.State, l.Stage, l.Worker, l.OpenBy = Opening, StageClock, "mine", now.Add(time.Hour)
		return l
	}
	drifted := func() *Lease {
		l := openLease(now)
		l.Worker, l.Drift.Missing = "mine", true
		return l
	}
	stuck := func() *Lease {
		l := openLease(now)
		l.Worker, l.Alarmed = "mine", true
		return l
	}
	opened := func(l *Lease, now time.Time) error { l.advance(now); return nil }
	mended := func(l *Lease, _ time.Time) error { l.Drift = Drift{}; return nil }
	freed := func(l *Lease, now time.Time) error { l.clearAlarm(now); return nil }
	alarmed := func(l *Lease, now time.Time) error { l.alarm(now); return nil }
	end := func(l *Lease, now time.Time) error { return l.end(now, Expired, "", Text{}, DefaultTiming()) }
	takes := func(l *Lease, now time.Time) error { l.handOver("other", true, now); return nil }
	nudged := func(l *Lease, _ time.Time) error { l.Nudges++; return nil }
	for what, c := range map[string]struct {
		lease func() *Lease
		mine  change   // in memory
		other []change // before the store can be written again
		later change   // by the other one, afterwards
		again change   // by this one, afterwards
		act   Act
	}{
		"opened by both":              {lease: opening, mine: opened, other: []change{takes, opened}, act: ActOpened},
		"opened by both, and ended":   {lease: opening, mine: opened, other: []change{takes, opened, end}, act: ActOpened},
		"opened by the other later":   {lease: opening, mine: opened, other: []change{takes}, later: opened, act: ActOpened},
		"opened again":                {lease: opening, mine: opened, other: []change{nudged}, again: opened, act: ActOpened},
		"opened here, ended unopened": {lease: opening, mine: opened, other: []change{takes, end}, act: ActOpened},
		"mended by both":              {lease: drifted, mine: mended, other: []change{takes, mended}, act: ActMended},
		"mended by the other later":   {lease: drifted, mine: mended, other: []change{takes}, later: mended, act: ActMended},
		"mended here alone":           {lease: drifted, mine: mended, other: []change{nudged}, act: ActMended},
		"freed by both":               {lease: stuck, mine: freed, other: []change{takes, freed}, act: ActFreed},
		"stuck for both":              {lease: drifted, mine: alarmed, other: []change{takes, alarmed}, act: ActStuck},
		"stuck for the other later":   {lease: drifted, mine: alarmed, other: []change{takes}, later: alarmed, act: ActStuck},
	} {
		t.Run(what, func(t *testing.T) {
			ctx := context.Background()
			store := newMemStore(t)
			bad := &badStore{memStore: store}
			mine := &ledger{leases: bad, audit: bad, log: slog.New(slog.DiscardHandler)}
			other := &ledger{leases: store, audit: store, log: mine.log}
			l := c.lease()
			if err := mine.insert(ctx, l, now, actor{}); err != nil {
				t.Fatal(err)
			}
			bad.refuses = true
			if _, err := mine.mustUpdate(ctx, l.ID, c.mine); err != nil || !mine.unwritten.has(l.ID) {
				t.Fatalf("it is not in memory: %v", err)
			}
			for _, change := range c.other {
				if _, err := other.update(ctx, l.ID, change); err != nil {
					t.Fatal(err)
				}
			}
			bad.refuses = false
			if err := mine.settle(ctx, l.ID); err != nil || mine.unwritten.has(l.ID) {
				t.Fatalf("still in memory: %v", err)
			}
			for g, change := range map[*ledger]change{other: c.later, mine: c.again} {
				if change == nil {
					continue
				}
				if _, err := g.update(ctx, l.ID, change); err != nil {
					t.Fatal(err)
				}
			}
			n := 0
			for _, e := range store.recorded() {
				if e.Act == c.act {
					n++
				}
			}
			if n != 1 {
				t.Errorf("the record has %q %d times", c.act, n)
			}
		})
	}
}

// A write whose answer was lost, of which the store has what was written, is done.
func TestAWriteWhoseAnswerWasLostIsDone(t *testing.T) {
	ctx, now := context.Background(), time.Now().Round(0)
	store := newMemStore(t)
	store.after = func(op, _ string) error {
		if op == "put" {
			return unavailable("The store, after it had it,")
		}
		return nil
	}
	g := &ledger{leases: store, audit: store, log: slog.New(slog.DiscardHandler)}
	l := openLease(now)
	if err := g.insert(ctx, l, now, actor{}); err != nil || l.Revision != 1 {
		t.Fatalf("revision %d, %v", l.Revision, err)
	}
	by := actor{ActExtend, via(alice, "e-1")}
	is, err := g.updateBy(ctx, by, l.ID, func(l *Lease, now time.Time) error { return l.extend(now, alice, time.Minute) })
	if err != nil || is.Revision != 2 || is.ExpiresAt.Sub(l.ExpiresAt) != time.Minute || g.unwritten.has(l.ID) {
		t.Fatalf("%+v, %v", is, err)
	}
}

func openLease(now time.Time) *Lease {
	return &Lease{ID: "aaaaaaa", State: Open, Owner: alice, Terms: Terms{Max: 8 * time.Hour},
		RequestedAt: now, OpenedAt: now, ExpiresAt: now.Add(time.Hour)}
}
