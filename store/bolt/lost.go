package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

var (
	// ErrLost: the file cannot be worked with any more, see [Store.Lost].
	ErrLost = errors.New("lease store is lost")

	errHung     = errors.New("a transaction does not return")
	errReplaced = errors.New("the file was removed, or another one is in its place")
)

const (
	watchEvery  = time.Second
	hungRounds  = 10 // of watchEvery
	doubtRounds = 3
)

// watch looks once a second whether the store can still be worked with. bbolt
// does not: it maps the file, takes for granted that nobody else writes to it,
// and where it panics over what it finds then it may keep its locks, so that
// whoever comes next waits for ever.
type watch struct {
	every time.Duration
	hung  int // rounds that a transaction may take

	lost  chan struct{} // closed when cause is set
	cause error
	lose  sync.Once

	committed atomic.Uint64 // the id of the last transaction that was written
	size      int64         // of the file, as last seen; only it can grow
	looking   atomic.Bool   // a look is under way, which may take long on a bad disk
	doubting  atomic.Bool

	stop chan struct{}

	mu      sync.Mutex
	running map[*int]struct{} // how many rounds each transaction runs
	copies  map[*until]*int   // and how many each backup has written nothing
}

func newWatch(opts Options) *watch {
	w := &watch{every: opts.watchEvery, hung: opts.hungRounds, lost: make(chan struct{}), stop: make(chan struct{})}
	if w.every == 0 {
		w.every = watchEvery
	}
	if w.hung == 0 {
		w.hung = hungRounds
	}
	w.running, w.copies = make(map[*int]struct{}), make(map[*until]*int)
	return w
}

// Lost returns a channel that is closed when the store is lost: the file was
// overwritten, cut off, removed or replaced under the running process, what the
// leases need of it cannot be read, or a transaction did not return within ten
// seconds while no backup was made. From then on [Store.Lease], [Store.Due] and
// [Store.Active] tell, of leases that are not closed, what was last written;
// everything else fails with an error that wraps [ErrLost]. There is no way
// back but to open the file anew.
func (s *Store) Lost() <-chan struct{} { return s.watch.lost }

// Cause says why the store is lost, nil as long as it is not. It wraps
// [ErrDamaged] if the file is not a store any more.
func (s *Store) Cause() error {
	select {
	case <-s.watch.lost:
		return s.watch.cause
	default:
		return nil
	}
}

func (w *watch) give(up error) {
	w.lose.Do(func() {
		if e, ok := errors.AsType[*sshforward.Error](up); ok && e.Err != nil {
			up = e.Err // the cause is for the operator
		}
		w.cause = fmt.Errorf("%w: %w", ErrLost, up)
		close(w.lost)
	})
}

// begin counts a transaction as running until end is called.
func (w *watch) begin() (end func()) {
	rounds := new(int)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running[rounds] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.running, rounds)
	}
}

// beginCopy is begin for a backup, which may take its time as long as it gets on.
func (w *watch) beginCopy(to *until) (end func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.copies[to] = new(int)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.copies, to)
	}
}

// round reports whether a transaction hangs. Rounds are counted and not seconds,
// so that a process that was stopped for a while does not take itself for lost.
func (w *watch) round() (hangs bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for to, idle := range w.copies {
		if *idle++; to.moved.Swap(false) {
			*idle = 0
		}
		if *idle <= w.hung { // a write may have to wait for it, and everybody for the write
			for rounds := range w.running {
				*rounds = 0
			}
		}
	}
	for rounds := range w.running {
		if *rounds++; *rounds > w.hung {
			hangs = true
		}
	}
	return hangs
}

// watchOver runs until the store is closed or lost.
func (s *Store) watchOver() {
	w := s.watch
	tick := time.NewTicker(w.every)
	defer tick.Stop()
	for {
		select {
		case <-w.stop:
			return
		case <-w.lost:
			return
		case <-tick.C:
		}
		if w.round() {
			w.give(errHung)
			return
		}
		if w.looking.CompareAndSwap(false, true) {
			go func() {
				defer w.looking.Store(false)
				defer safe.Catch(w.give)
				if err := s.seek(); err != nil {
					w.give(err)
				}
			}()
		}
	}
}

// seek looks whether the file is still the one that was opened, as long as it
// was, and says what was written last.
func (s *Store) seek() error {
	mine, err := s.file.Stat()
	if err != nil {
		return nil // it is being closed
	}
	there, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && !os.SameFile(mine, there):
		return errReplaced
	case mine.Size() < s.watch.size:
		return fmt.Errorf("%w: %d bytes of %d are there", ErrDamaged, mine.Size(), s.watch.size)
	}
	s.watch.size = mine.Size()
	for try := 1; ; try++ {
		before := s.watch.committed.Load()
		m, err := readMeta(s.file)
		after := s.watch.committed.Load() // and one more may be written and not counted yet
		switch {
		case errors.Is(err, os.ErrClosed):
			return nil
		case err == nil && m.txid >= before && m.txid <= after+1:
			return nil
		case try < doubtRounds: // it may have been read while it was written
		case err != nil:
			return err
		default:
			return fmt.Errorf("%w: its last transaction is %d, and I wrote %d", ErrDamaged, m.txid, after)
		}
	}
}

// vital is called when what the leases need was read, and reports whether the
// store is lost.
func (s *Store) vital(err error) bool {
	if errors.Is(err, ErrDamaged) && !s.db.IsReadOnly() {
		s.watch.give(err)
	}
	return s.Cause() != nil
}

// doubt is called when something could not be read. If that concerns a lease
// that is not closed the store is lost. If not, the file is looked at: what is
// lost of the history fails alone.
func (s *Store) doubt(err error, leases ...string) {
	if !errors.Is(err, ErrDamaged) || s.db.IsReadOnly() {
		return
	}
	for _, id := range leases {
		if s.kept.has(id) {
			s.watch.give(err)
			return
		}
	}
	s.examine(err, leases...)
}

// examine looks at the running store's pages, which are only certain if nothing
// was written meanwhile.
func (s *Store) examine(err error, leases ...string) {
	if !errors.Is(err, ErrDamaged) || s.db.IsReadOnly() || !s.watch.doubting.CompareAndSwap(false, true) {
		return
	}
	go func() {
		defer s.watch.doubting.Store(false)
		defer safe.Catch(s.watch.give)
		for range doubtRounds {
			before := s.watch.committed.Load()
			found := look(s.file, time.Now().Add(lookFor), leases...)
			if found == nil || errors.Is(found, os.ErrClosed) {
				return
			}
			if s.watch.committed.Load() == before {
				s.watch.give(errors.Join(err, found))
				return
			}
		}
	}()
}
