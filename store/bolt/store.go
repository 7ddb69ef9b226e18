package bolt

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
)

// Store is a [sshforward.Store] in one file. Open makes one; it is safe for
// concurrent use.
type Store struct {
	db     *bbolt.DB
	writer *writer

	closing sync.Once
	closed  error // what Close returned
}

var _ sshforward.Store = (*Store)(nil)

// Close finishes the writes that were accepted, refuses new ones and releases
// the file. Calling it again returns the same result. What is used afterwards
// fails with [ErrClosed].
func (s *Store) Close() error {
	s.closing.Do(func() {
		s.writer.stop()
		if err := guard(s.db.Close); err != nil {
			s.closed = failed("close", err)
		}
	})
	return s.closed
}

// Lease returns one lease, as the contract says.
func (s *Store) Lease(ctx context.Context, id string) (*sshforward.Lease, error) {
	var l *sshforward.Lease
	err := s.view(ctx, "read lease", func(tx *bbolt.Tx) (err error) {
		l, err = lease(tx, []byte(id))
		return err
	})
	if err != nil {
		return nil, err
	}
	return l, nil
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
//     very last sync it may still be seen. Read the lease again before deciding;
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
	entry := headerOf(&next)
	if err := s.writer.do(ctx, func(tx *bbolt.Tx) (bool, error) {
		if changed, err := put(tx, next.ID, l.Revision, entry, value); err != nil {
			return changed, err
		}
		return true, add(tx, records)
	}); err != nil {
		return err
	}
	l.Revision = next.Revision
	return nil
}

// Delete removes a lease, as the contract says. Errors mean what they mean for
// [Store.Put].
func (s *Store) Delete(ctx context.Context, id string, revision uint64) error {
	return s.writer.do(ctx, func(tx *bbolt.Tx) (bool, error) {
		return remove(tx, id, revision)
	})
}

// Due returns the ids of leases that are due, as the contract says. It reads
// keys of the due bucket only, and stops at the first that is not due.
// Instants before 1678 count as one instant, and so do those after 2262.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]string, error) {
	var ids []string
	err := s.view(ctx, "read due leases", func(tx *bbolt.Tx) error {
		until := sortable(now)
		c := tx.Bucket(bucketDue).Cursor()
		for k, _ := c.First(); k != nil && len(ids) < limit; k, _ = c.Next() {
			at, id, err := splitKey(k)
			if err != nil {
				return err
			}
			if at > until {
				break
			}
			ids = append(ids, string(id))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return ids, nil
}

// Active returns the leases that are not closed, as the contract says; requests
// of the same instant come in the order of their ids.
func (s *Store) Active(ctx context.Context) ([]*sshforward.Lease, error) {
	var leases []*sshforward.Lease
	err := s.view(ctx, "read active leases", func(tx *bbolt.Tx) error {
		c := tx.Bucket(bucketActive).Cursor()
		for k, _ := c.First(); k != nil; k, _ = c.Next() {
			_, id, err := splitKey(k)
			if err != nil {
				return err
			}
			l, err := lease(tx, id)
			if err != nil {
				return err
			}
			leases = append(leases, l)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return leases, nil
}

// Source returns what the user saved, as the contract says.
func (s *Store) Source(ctx context.Context, user string) ([]netip.Prefix, error) {
	var source []netip.Prefix
	err := s.view(ctx, "read source", func(tx *bbolt.Tx) error {
		v := tx.Bucket(bucketSources).Get([]byte(user))
		if v == nil {
			return nil
		}
		if err := json.Unmarshal(v, &source); err != nil {
			return fmt.Errorf("%w: decode source of %s: %w", ErrDamaged, user, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return source, nil
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
	return s.writer.do(ctx, func(tx *bbolt.Tx) (bool, error) {
		b := tx.Bucket(bucketSources)
		if len(source) == 0 {
			return b.Get([]byte(user)) != nil, b.Delete([]byte(user))
		}
		return true, b.Put([]byte(user), value)
	})
}

// Rebuilt reports whether SetRebuilt was called for the account.
func (s *Store) Rebuilt(ctx context.Context, account string) (rebuilt bool, err error) {
	err = s.view(ctx, "read account", func(tx *bbolt.Tx) error {
		rebuilt = tx.Bucket(bucketMeta).Get(rebuiltKey(account)) != nil
		return nil
	})
	return rebuilt, err
}

// SetRebuilt remembers the account, and since when. Errors mean what they mean
// for [Store.Put].
func (s *Store) SetRebuilt(ctx context.Context, account string) error {
	return s.writer.do(ctx, func(tx *bbolt.Tx) (bool, error) {
		return true, tx.Bucket(bucketMeta).Put(rebuiltKey(account), []byte(time.Now().UTC().Format(time.RFC3339)))
	})
}

func rebuiltKey(account string) []byte { return []byte("rebuilt/" + account) }

// view runs fn in a read transaction. Readers neither wait for commits nor
// hold them up.
func (s *Store) view(ctx context.Context, doing string, fn func(*bbolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return givenUp(err)
	}
	if err := guard(func() error { return s.db.View(fn) }); err != nil {
		return failed(doing, err)
	}
	return nil
}
