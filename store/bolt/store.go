package bolt

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

// Store is a [sshforward.Store] in one file. Open makes one; it is safe for
// concurrent use.
type Store struct {
	db     *bbolt.DB
	path   string
	id     string
	file   *os.File // bbolt's own
	writer *writer
	kept   kept
	watch  *watch
	schema int    // of the file
	first  uint64 // the least number that an event gets, see firstSeq

	closing sync.Once
	closed  error // what Close returned
}

var _ sshforward.Store = (*Store)(nil)

// closeWithin is how long Close waits for what is under way. What is cut short
// then is as safe as in a crash.
const closeWithin = 1500 * time.Millisecond

// Close finishes the writes that were accepted, refuses new ones and releases
// the file; on a store that hangs or is lost it does not wait for that. Calling
// it again returns the same result. What is used afterwards fails with
// [ErrClosed].
func (s *Store) Close() error {
	s.closing.Do(func() {
		close(s.watch.stop)
		done := make(chan error, 1)
		go func() {
			defer safe.Catch(func(err error) { done <- err })
			s.writer.stop()
			done <- guard(s.db.Close)
		}()
		late := time.NewTimer(closeWithin)
		defer late.Stop()
		select {
		case err := <-done:
			if err != nil {
				s.closed = failed("close", err)
			}
		case <-late.C:
			s.closed = failed("close", errHung)
		}
	})
	return s.closed
}

// Lease returns one lease, as the contract says.
func (s *Store) Lease(ctx context.Context, id string) (*sshforward.Lease, error) {
	l, err := view(ctx, s, "read lease", func(tx *bbolt.Tx) (*sshforward.Lease, error) { return lease(tx, []byte(id)) })
	s.doubt(err, id)
	if s.Cause() != nil {
		if l := s.kept.lease(id); l != nil {
			return l, nil
		}
	}
	return l, err
}

// Put writes a lease by compare-and-swap on its revision, and its events in the
// same transaction, as the contract says.
//
// Concurrent calls share a commit. What a caller may conclude:
//
//   - nil: it is on the disk.
//   - ECONFLICT or EINVALID: nothing was written.
//   - an error that wraps ctx.Err(): nothing was and nothing will be written.
//     A context that ends after the commit has begun is not looked at any more;
//     the call then returns the commit's outcome, milliseconds later.
//   - an error that wraps [ErrClosed]: nothing was written.
//   - any other error: it was not made durable, but if the disk failed in the
//     very last sync, or hung, it may still be seen. Read the lease again before deciding;
//     repeating the Put is safe, and is an ECONFLICT if it did get through.
func (s *Store) Put(ctx context.Context, l *sshforward.Lease, events ...sshforward.Event) error {
	if err := checkKey("lease id", l.ID); err != nil {
		return err
	}
	next := *l
	next.Revision++
	value, err := json.Marshal(&next)
	if err != nil {
		return &sshforward.Error{
			Code:    sshforward.EINVALID,
			Message: sshforward.Textf("This lease holds a value that cannot be saved."),
			Err:     fmt.Errorf("encode lease %s: %w", l.ID, err),
		}
	}
	records, err := encode(events)
	if err != nil {
		return err
	}
	entry, revision := headerOf(&next), l.Revision
	if err := s.writer.do(ctx, write{
		lease: next.ID,
		apply: func(tx *bbolt.Tx) (bool, error) {
			if changed, err := put(tx, next.ID, revision, entry, value); err != nil {
				return changed, err
			}
			return true, add(tx, s.first, records)
		},
		then: func() { s.kept.put(next.ID, entry, value) },
	}); err != nil {
		return err
	}
	l.Revision = next.Revision
	return nil
}

// Delete removes a lease, as the contract says. Errors mean what they mean for
// [Store.Put].
func (s *Store) Delete(ctx context.Context, id string, revision uint64) error {
	return s.writer.do(ctx, write{
		lease: id,
		apply: func(tx *bbolt.Tx) (bool, error) { return remove(tx, id, revision) },
		then:  func() { s.kept.remove(id) },
	})
}

// Due returns the ids of leases that are due, as the contract says. It reads
// keys of the due bucket only, and stops at the first that is not due.
// Instants before 1678 count as one instant, and so do those after 2262.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	ids, err := view(ctx, s, "read due leases", func(tx *bbolt.Tx) (ids []string, err error) {
		until := sortable(now)
		c := tx.Bucket(bucketDue).Cursor()
		for k, _ := c.First(); k != nil && len(ids) < limit; k, _ = c.Next() {
			at, id, err := splitKey(k)
			if err != nil {
				return nil, err
			}
			if at > until {
				break
			}
			ids = append(ids, string(id))
		}
		return ids, nil
	})
	if s.vital(err) {
		return s.kept.due(now, limit), nil
	}
	return ids, err
}

// Active returns the leases that are not closed, as the contract says; requests
// of the same instant come in the order of their ids.
func (s *Store) Active(ctx context.Context) ([]*sshforward.Lease, error) {
	leases, err := view(ctx, s, "read active leases", func(tx *bbolt.Tx) (leases []*sshforward.Lease, err error) {
		c := tx.Bucket(bucketActive).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			_, id, err := splitKey(k)
			if err != nil {
				return nil, err
			}
			l, err := lease(tx, id)
			if err != nil {
				return nil, err
			}
			leases = append(leases, l)
		}
		return leases, nil
	})
	if s.vital(err) {
		return s.kept.active(), nil
	}
	return leases, err
}

// Source returns what the user saved, as the contract says.
func (s *Store) Source(ctx context.Context, user string) ([]netip.Prefix, error) {
	source, err := view(ctx, s, "read source", func(tx *bbolt.Tx) (source []netip.Prefix, err error) {
		v := tx.Bucket(bucketSources).Get([]byte(user))
		if v == nil {
			return nil, nil
		}
		if err := json.Unmarshal(v, &source); err != nil {
			return nil, fmt.Errorf("%w: decode source of %s: %w", ErrDamaged, user, err)
		}
		return source, nil
	})
	s.doubt(err)
	return source, err
}

// SetSource saves what the user gave, as the contract says. The last of several
// writers wins. Errors mean what they mean for [Store.Put].
func (s *Store) SetSource(ctx context.Context, user string, source []netip.Prefix) error {
	if err := checkKey("user id", user); err != nil {
		return err
	}
	value, err := json.Marshal(source)
	if err != nil {
		return &sshforward.Error{
			Code:    sshforward.EINVALID,
			Message: sshforward.Textf("This source address cannot be saved."),
			Err:     fmt.Errorf("encode source of %s: %w", user, err),
		}
	}
	forget := len(source) == 0
	return s.writer.do(ctx, write{apply: func(tx *bbolt.Tx) (bool, error) {
		b := tx.Bucket(bucketSources)
		if forget {
			return b.Get([]byte(user)) != nil, b.Delete([]byte(user))
		}
		return true, b.Put([]byte(user), value)
	}})
}

// Rebuilt reports whether SetRebuilt was called for the account.
func (s *Store) Rebuilt(ctx context.Context, account string) (bool, error) {
	rebuilt, err := view(ctx, s, "read account", func(tx *bbolt.Tx) (bool, error) {
		return tx.Bucket(bucketMeta).Get(rebuiltKey(account)) != nil, nil
	})
	s.doubt(err)
	return rebuilt, err
}

// SetRebuilt remembers the account, and since when. Errors mean what they mean
// for [Store.Put].
func (s *Store) SetRebuilt(ctx context.Context, account string) error {
	return s.writer.do(ctx, write{apply: func(tx *bbolt.Tx) (bool, error) {
		return true, tx.Bucket(bucketMeta).Put(rebuiltKey(account), []byte(time.Now().UTC().Format(time.RFC3339)))
	}})
}

func rebuiltKey(account string) []byte { return []byte("rebuilt/" + account) }

// view is Store.view for what reads something, and returns also what was read
// before an error. The rest is not generic, so that it is in the program once.
func view[T any](ctx context.Context, s *Store, doing string, fn func(*bbolt.Tx) (T, error)) (value T, err error) {
	read := make(chan T, 1) // not a variable: what was given up may still be written
	err = s.view(ctx, doing, func(tx *bbolt.Tx) error {
		v, err := fn(tx)
		read <- v
		return err
	})
	select {
	case value = <-read:
	default: // it did not get so far, or was given up
	}
	return value, err
}

// view runs fn in a read transaction. Readers neither wait for commits nor hold
// them up. The transaction has a goroutine of its own: whoever calls goes on
// when ctx ends or the store is lost, also if bbolt never returns.
func (s *Store) view(ctx context.Context, doing string, fn func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return sshforward.GivenUp(err)
	}
	if err := s.Cause(); err != nil {
		return failed(doing, err)
	}
	done := make(chan error, 1)
	end := s.watch.begin()
	go func() {
		defer end()
		defer safe.Catch(func(err error) { done <- failed(doing, err) })
		err := guard(func() error { return s.db.View(fn) })
		if err != nil {
			err = failed(doing, err)
		}
		done <- err
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return sshforward.GivenUp(ctx.Err())
	case <-s.watch.lost:
		return failed(doing, s.watch.cause)
	}
}
