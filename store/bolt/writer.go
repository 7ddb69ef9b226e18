package bolt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward/internal/safe"

	"github.com/sshforward/sshforward"
)

// apply does one write in a transaction that it may share with others. It
// reports whether it changed anything, also when it fails: a write that fails
// before its first change, as a conflict does, leaves the transaction clean.
// It may be run again in another transaction.
type apply func(*bbolt.Tx) (changed bool, err error)

// write is an apply, and on its way through the queue what becomes of it.
type write struct {
	apply apply
	then  func() // if it was written, before anyone hears of it
	lease string // which it concerns, if any

	err  error         // read after done
	done chan struct{} // closed when err is final
}

func (w *write) finish(err error) {
	w.err = err
	close(w.done)
}

// writer commits in groups: one goroutine takes whatever was queued while the
// previous commit was syncing, and commits that as one transaction. A lone
// write waits for nobody; under load each pair of fsyncs serves many. bbolt's
// own Batch would wait for its timer instead, and run the whole group again
// for every write in it that fails.
type writer struct {
	store *Store

	mu      sync.Mutex
	more    sync.Cond // on mu: queue or closed changed
	queue   []*write
	closed  bool
	stopped chan struct{} // closed when the last commit is done
}

func newWriter(s *Store) *writer {
	w := &writer{store: s, stopped: make(chan struct{})}
	w.more.L = &w.mu
	go func() {
		defer safe.Catch(s.watch.give) // nothing would be written any more
		w.run()
	}()
	return w
}

// commitGrace is how long a commit that has begun is waited for when its
// context ends.
const commitGrace = 500 * time.Millisecond

// errCut: a commit was left alone, and its outcome is not known.
var errCut = errors.New("the commit did not end in time")

// do queues a write and waits until it is durable or has failed. A context
// that ends while the write is queued withdraws it; afterwards the outcome is
// moments away and is waited for, so that an answer is certain unless the disk
// or bbolt hangs.
func (w *writer) do(ctx context.Context, op write) error {
	if err := ctx.Err(); err != nil {
		return sshforward.GivenUp(err)
	}
	lost := w.store.watch.lost
	if err := w.store.Cause(); err != nil {
		return failed("write", err)
	}
	op.done = make(chan struct{})
	if !w.enqueue(&op) {
		return failed("write", ErrClosed)
	}
	select {
	case <-op.done:
		return op.err
	case <-lost:
		return failed("write", w.store.Cause())
	case <-ctx.Done():
	}
	if w.withdraw(&op) {
		return sshforward.GivenUp(ctx.Err())
	}
	grace := time.NewTimer(commitGrace)
	defer grace.Stop()
	select {
	case <-op.done:
		return op.err
	case <-lost:
		return failed("write", w.store.Cause())
	case <-grace.C:
		return failed("write", errCut)
	}
}

func (w *writer) enqueue(op *write) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.queue = append(w.queue, op)
	w.more.Signal()
	return true
}

// withdraw takes a write out of the queue; false if it is not there any more.
func (w *writer) withdraw(op *write) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.Index(w.queue, op)
	if i < 0 {
		return false
	}
	w.queue = slices.Delete(w.queue, i, i+1)
	return true
}

// take waits for writes and returns all of them; none once the writer is
// closed and the queue is empty.
func (w *writer) take() []*write {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(w.queue) == 0 && !w.closed {
		w.more.Wait()
	}
	group := w.queue
	w.queue = nil
	return group
}

// stop refuses new writes and waits until the queued ones are done.
func (w *writer) stop() {
	w.mu.Lock()
	w.closed = true
	w.more.Signal()
	w.mu.Unlock()
	<-w.stopped
}

func (w *writer) run() {
	defer close(w.stopped)
	for {
		group := w.take()
		if len(group) == 0 {
			return
		}
		w.commit(group)
	}
}

// commit makes a group of writes durable together and answers each. If one of
// them spoils the transaction halfway, or bbolt panics, nothing of it is kept
// and each write is done on its own instead: only the one at fault fails.
func (w *writer) commit(group []*write) {
	o := w.attempt(group)
	spoiled := errors.Is(o.err, errSpoiled) || errors.Is(o.err, ErrDamaged)
	if spoiled && len(group) > 1 && w.store.Cause() == nil {
		for _, op := range group {
			w.commit([]*write{op})
		}
		return
	}
	for i, op := range group {
		err := o.err
		switch {
		case err != nil:
			// Nobody is told of a conflict here: the writer that was first
			// may be in this same group, and did not succeed either.
			w.store.examine(err, op.lease)
		case o.errs[i] != nil:
			err = o.errs[i]
			w.store.doubt(err, op.lease)
		case op.then != nil:
			op.then()
		}
		if err != nil {
			err = failed("write", err)
		}
		op.finish(err)
	}
}

var (
	errUnchanged = errors.New("nothing to commit")
	errSpoiled   = errors.New("write failed halfway")
)

// outcome is what each write of a group said, and what became of the transaction.
type outcome struct {
	errs []error
	err  error
}

// attempt runs the group in one transaction, which is left alone if the store
// is lost meanwhile.
func (w *writer) attempt(group []*write) outcome {
	if err := w.store.Cause(); err != nil {
		return outcome{err: err}
	}
	done := make(chan outcome, 1)
	end := w.store.watch.begin()
	go func() {
		defer end()
		defer safe.Catch(func(err error) { done <- outcome{err: err} })
		done <- w.transact(group)
	}()
	select {
	case o := <-done:
		return o
	case <-w.store.watch.lost:
		return outcome{err: w.store.Cause()}
	}
}

// transact commits a group. One that changed nothing, because every write in it
// lost its race, costs no sync.
func (w *writer) transact(group []*write) outcome {
	o := outcome{errs: make([]error, len(group))}
	var id int
	o.err = guard(func() error {
		return w.store.db.Update(func(tx *bbolt.Tx) error {
			id = tx.ID()
			// bbolt counts on from what it finds in the file. If that is less than
			// what was written last, an older file was put in its place.
			if last := w.store.watch.committed.Load(); uint64(id) <= last {
				err := fmt.Errorf("%w: the next transaction would be %d, and I wrote %d", ErrDamaged, id, last)
				w.store.watch.give(err)
				return err
			}
			anything := false
			for i, op := range group {
				changed, err := op.apply(tx)
				if err != nil && changed {
					return errors.Join(errSpoiled, err)
				}
				o.errs[i] = err
				anything = anything || changed
			}
			if !anything {
				return errUnchanged
			}
			return nil
		})
	})
	switch {
	case o.err == nil:
		w.store.watch.committed.Store(uint64(id))
	case errors.Is(o.err, errUnchanged):
		o.err = nil
	}
	return o
}
