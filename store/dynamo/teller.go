package dynamo

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sshforward/sshforward/internal/safe"

	"github.com/sshforward/sshforward"
)

const (
	tellEvery  = time.Minute      // somebody else's process may have died before it told
	tellWithin = 15 * time.Second // one round of telling
	tellAgain  = time.Second      // after a round that failed
	recentMost = 10_000
)

// teller brings events from where they wait into the audit record, one after
// another: what one process wrote comes in the order in which it wrote it.
type teller struct {
	c      *client
	ended  chan struct{} // closed when run has returned
	log    *slog.Logger
	record *record
	stamps stamps

	mu    sync.Mutex
	queue []*telling
	wake  chan struct{} // has room for one

	// Of the goroutine alone.
	recent map[string]bool // writes whose tails were told from here
	order  []string        // the keys of recent, the oldest first
}

// telling is something to do for the teller.
type telling struct {
	told     []told
	of       *untold    // the lease whose tail that is
	settle   bool       // tell what others have left, too
	done     chan error // has room for one; nil if nobody waits
	position uint64     // the last of the record, once settled
}

func newTeller(c *client) *teller {
	return &teller{
		c: c, log: c.log, ended: make(chan struct{}), record: &record{c: c, days: make(map[string]bool)},
		wake: make(chan struct{}, 1), recent: make(map[string]bool),
	}
}

func (t *teller) stamp() time.Time { return t.stamps.next() }

func (t *teller) enqueue(what *telling) {
	t.mu.Lock()
	t.queue = append(t.queue, what)
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// tellTail tells what was written with a lease, soon.
func (t *teller) tellTail(of untold) { t.enqueue(&telling{told: of.tails[0].told, of: &of}) }

// tell writes events that wait nowhere, and returns when they are in the record.
func (t *teller) tell(ctx context.Context, events []told) error {
	_, err := t.wait(ctx, &telling{told: events, done: make(chan error, 1)})
	return err
}

// settle returns when all that was written anywhere before it was called is in
// the record, and the last position of that.
func (t *teller) settle(ctx context.Context) (position uint64, err error) {
	return t.wait(ctx, &telling{settle: true, done: make(chan error, 1)})
}

// flush returns when all that was written here before it was called is told.
func (t *teller) flush(ctx context.Context) error {
	_, err := t.wait(ctx, &telling{done: make(chan error, 1)})
	return err
}

func (t *teller) wait(ctx context.Context, what *telling) (uint64, error) {
	t.enqueue(what)
	select {
	case err := <-what.done:
		if err != nil {
			return 0, failed("write events", err)
		}
		return what.position, nil
	case <-t.ended:
		return 0, failed("write events", ErrClosed)
	case <-ctx.Done():
	}
	if t.withdraw(what) {
		return 0, sshforward.GivenUp(ctx.Err())
	}
	return 0, failed("write events", ctx.Err())
}

// withdraw takes back what was not begun.
func (t *teller) withdraw(what *telling) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.Index(t.queue, what)
	if i < 0 {
		return false
	}
	t.queue = slices.Delete(t.queue, i, i+1)
	return true
}

// run tells until the context ends, and then what is left if it can.
func (t *teller) run(ctx context.Context) {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	for {
		var again <-chan time.Time
		if err := safe.Do(func() error { return t.round(ctx) }); err != nil && ctx.Err() == nil {
			t.log.Warn("the audit record cannot be written; events wait with their leases", "err", err)
			again = time.After(tellAgain)
		}
		select {
		case <-t.wake:
		case <-again:
		case <-tick.C:
			t.enqueue(&telling{settle: true})
		case <-ctx.Done():
			t.refuse()
			return
		}
	}
}

// refuse answers whoever waits when the store is closed.
func (t *teller) refuse() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, what := range t.queue {
		what.answer(0, ErrClosed)
	}
	t.queue = nil
}

func (w *telling) answer(position uint64, err error) {
	if w.done == nil {
		return
	}
	w.position = position
	w.done <- err
}

// idle reports whether nothing waits to be told.
func (t *teller) idle() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.queue) == 0
}

// round does what is queued. What fails and belongs to a lease is queued again:
// before all else, since it was written before.
func (t *teller) round(ctx context.Context) error {
	for {
		t.mu.Lock()
		batch := t.queue
		t.queue = nil
		t.mu.Unlock()
		if len(batch) == 0 {
			return nil
		}
		err := t.do(ctx, batch)
		if err == nil {
			continue
		}
		var keep []*telling
		for _, what := range batch {
			what.answer(0, err)
			if what.of != nil {
				keep = append(keep, what)
			}
		}
		t.mu.Lock()
		t.queue = append(keep, t.queue...)
		t.mu.Unlock()
		return err
	}
}

// do tells a batch, all of it or an error.
func (t *teller) do(ctx context.Context, batch []*telling) (err error) {
	defer safe.Recover(&err)
	ctx, cancel := context.WithTimeout(ctx, tellWithin)
	defer cancel()

	var mine []told
	var drops []untold
	settle := false
	for _, what := range batch {
		settle = settle || what.settle
		if what.of != nil {
			drops = append(drops, *what.of)
			if t.recent[what.of.tails[0].write] {
				continue
			}
		}
		mine = append(mine, what.told...)
	}
	position, err := t.record.add(ctx, mine)
	if err != nil {
		return err
	}
	t.remember(drops)
	if settle {
		others, err := t.others(ctx)
		if err != nil {
			return err
		}
		drops = append(drops, others...)
		if position, err = t.record.catchUp(ctx); err != nil {
			return err
		}
	}
	if err := t.drop(ctx, drops); err != nil {
		// They are told, and will be found told by the next that looks.
		t.log.Debug("what was told stays with its lease for now", "err", err)
	}
	for _, what := range batch {
		what.answer(position, nil)
	}
	return nil
}

// others tells what waits in the table, whoever wrote it. What is seen at a first
// look was preceded by whatever the same process wrote before, so that is seen at
// a second one; what is later than all of the first look has time.
func (t *teller) others(ctx context.Context) ([]untold, error) {
	first, err := t.c.untold(ctx)
	if err != nil || len(first) == 0 {
		return nil, err
	}
	var until time.Time
	for _, l := range first {
		for _, what := range l.tails {
			if what.at.After(until) {
				until = what.at
			}
		}
	}
	second, err := t.c.untold(ctx)
	if err != nil {
		return nil, err
	}
	var tails []tail
	for i, l := range second {
		second[i].tails = slices.DeleteFunc(slices.Clone(l.tails), func(what tail) bool { return what.at.After(until) })
		second[i].all = len(second[i].tails) == len(l.tails)
		for _, what := range second[i].tails {
			if !t.recent[what.write] {
				tails = append(tails, what)
			}
		}
	}
	slices.SortStableFunc(tails, inOrder)
	var all []told
	for _, what := range tails {
		all = append(all, what.told...)
	}
	if _, err := t.record.add(ctx, all); err != nil {
		return nil, err
	}
	t.remember(second)
	return second, nil
}

// remember keeps for a while which tails were told, so that they are not told
// again before they are dropped.
func (t *teller) remember(leases []untold) {
	for _, l := range leases {
		for _, what := range l.tails {
			if !t.recent[what.write] {
				t.recent[what.write] = true
				t.order = append(t.order, what.write)
			}
		}
	}
	for len(t.order) > recentMost {
		delete(t.recent, t.order[0])
		t.order = t.order[1:]
	}
}

// drop removes tails that were told from their leases.
func (t *teller) drop(ctx context.Context, leases []untold) error {
	byID := make(map[string]untold)
	for _, l := range leases {
		had, ok := byID[l.id]
		switch {
		case !ok:
		case l.mine && had.mine && l.revision == had.revision+1 && !l.all: // nobody else wrote in between
			l.tails, l.all = append(l.tails, had.tails...), had.all
		case l.revision > had.revision:
			l.tails = append(l.tails, had.tails...)
		default:
			had.tails = append(had.tails, l.tails...)
			l = had
		}
		byID[l.id] = l
	}
	var all errgroup.Group
	all.SetLimit(atOnce)
	for _, l := range byID {
		all.Go(func() (err error) {
			defer safe.Recover(&err)
			return t.c.drop(ctx, l)
		})
	}
	return all.Wait()
}
