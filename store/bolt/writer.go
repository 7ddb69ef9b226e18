package bolt

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
)

// apply does one write in a transaction that it may share with others. It
// reports whether it changed anything, also when it fails: a write that fails
// before its first change, as a conflict does, leaves the transaction clean.
// It may be run again in another transaction.
type apply func(*bbolt.Tx) (changed bool, err error)

// write is an apply on its way through the queue.
type write struct {
	apply apply
	err   error         // read after done
	done  chan struct{} // closed when err is final
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
	db *bbolt.DB

	mu      sync.Mutex
	more    sync.Cond // on mu: queue or closed changed
	queue   []*write
	closed  bool
	stopped chan struct{} // closed when the last commit is done
}

func newWriter(db *bbolt.DB) *writer {
	w := &writer{db: db, stopped: make(chan struct{})}
	w.more.L = &w.mu
	go w.run()
	return w
}

// do queues a write and waits until it is durable or has failed. A context
// that ends while the write is queued withdraws it; afterwards the outcome is
// moments away and is waited for, so that an answer is always certain.
func (w *writer) do(ctx context.Context, fn apply) error {
	if err := ctx.Err(); err != nil {
		return givenUp(err)
	}
	op := &write{apply: fn, done: make(chan struct{})}
	if !w.enqueue(op) {
		return failed("write", ErrClosed)
	}
	select {
	case <-op.done:
	case <-ctx.Done():
		if w.withdraw(op) {
			return givenUp(ctx.Err())
		}
		<-op.done
	}
	return op.err
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
	errs, err := w.attempt(group)
	spoiled := errors.Is(err, errSpoiled) || errors.Is(err, ErrDamaged)
	if spoiled && len(group) > 1 {
		for _, op := range group {
			w.commit([]*write{op})
		}
		return
	}
	for i, op := range group {
		switch {
		case err != nil:
			// Nobody is told of a conflict here: the writer that was first
			// may be in this same group, and did not succeed either.
			op.finish(failed("write", err))
		case errs[i] != nil:
			op.finish(failed("write", errs[i]))
		default:
			op.finish(nil)
		}
	}
}

var (
	errUnchanged = errors.New("nothing to commit")
	errSpoiled   = errors.New("write failed halfway")
)

// attempt runs the group in one transaction. The first result is what each
// write said, the second what became of the transaction. A group that changed
// nothing, because every write in it lost its race, costs no sync.
func (w *writer) attempt(group []*write) ([]error, error) {
	errs := make([]error, len(group))
	err := guard(func() error {
		return w.db.Update(func(tx *bbolt.Tx) error {
			anything := false
			for i, op := range group {
				changed, err := op.apply(tx)
				if err != nil && changed {
					return errors.Join(errSpoiled, err)
				}
				errs[i] = err
				anything = anything || changed
			}
			if !anything {
				return errUnchanged
			}
			return nil
		})
	})
	if errors.Is(err, errUnchanged) {
		err = nil
	}
	return errs, err
}
