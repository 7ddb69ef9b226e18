package bolt

import (
	"context"
	"encoding/json"
	"fmt"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
)

// Buckets that an older file does not have: they are made by the first write, and
// an older program passes them over, so the schema stays what it is.
var (
	bucketReplicas = []byte("members") // as they were called in the first files
	bucketHeld     = []byte("held")
)

// Beat writes the replica, as the contract says. Errors mean what they mean for
// [Store.Put], here and below.
func (s *Store) Beat(ctx context.Context, m sshforward.Replica) error {
	if err := checkKey("replica id", m.ID); err != nil {
		return err
	}
	return s.writer.do(ctx, write{apply: func(tx *bbolt.Tx) (bool, error) { return true, set(tx, bucketReplicas, m.ID, m) }})
}

// Replicas returns the replicas, as the contract says.
func (s *Store) Replicas(ctx context.Context) ([]sshforward.Replica, error) {
	replicas, err := view(ctx, s, "read replicas", func(tx *bbolt.Tx) (all []sshforward.Replica, err error) {
		b := tx.Bucket(bucketReplicas)
		if b == nil {
			return nil, nil
		}
		return all, b.ForEach(func(k, v []byte) error {
			m, err := decode[sshforward.Replica](v, "replica", string(k))
			all = append(all, m)
			return err
		})
	})
	s.doubt(err)
	return replicas, err
}

// Dismiss forgets a replica, as the contract says.
func (s *Store) Dismiss(ctx context.Context, m sshforward.Replica) error {
	return s.writer.do(ctx, write{apply: func(tx *bbolt.Tx) (bool, error) {
		is, found, err := get[sshforward.Replica](tx, bucketReplicas, m.ID)
		switch {
		case err != nil || !found:
			return false, err
		case is.Beat != m.Beat:
			return false, &sshforward.Error{
				Code:    sshforward.ECONFLICT,
				Message: sshforward.Textf("It has beaten since."),
				Err:     fmt.Errorf("replica %s: beat %d, stored is %d", m.ID, m.Beat, is.Beat),
			}
		}
		return true, tx.Bucket(bucketReplicas).Delete([]byte(m.ID))
	}})
}

// Held returns what counts for a person's quota, as the contract says.
func (s *Store) Held(ctx context.Context, user string) (sshforward.Held, error) {
	held, err := view(ctx, s, "read quota", func(tx *bbolt.Tx) (sshforward.Held, error) {
		h, _, err := get[sshforward.Held](tx, bucketHeld, user)
		return h, err
	})
	s.doubt(err)
	held.User = user
	return held, err
}

// SetHeld writes it by compare-and-swap, as the contract says.
func (s *Store) SetHeld(ctx context.Context, h *sshforward.Held) error {
	if err := checkKey("user id", h.User); err != nil {
		return err
	}
	next := *h
	next.Revision++
	err := s.writer.do(ctx, write{apply: func(tx *bbolt.Tx) (bool, error) {
		is, _, err := get[sshforward.Held](tx, bucketHeld, next.User)
		switch {
		case err != nil:
			return false, err
		case is.Revision != next.Revision-1:
			return false, &sshforward.Error{
				Code:    sshforward.ECONFLICT,
				Message: sshforward.Textf("The quota was changed by someone else in the same moment."),
				Err:     fmt.Errorf("quota of %s: revision %d, stored is %d", next.User, next.Revision-1, is.Revision),
			}
		}
		return true, set(tx, bucketHeld, next.User, next)
	}})
	if err == nil {
		h.Revision = next.Revision
	}
	return err
}

// get reads the record of a key; false if there is none.
func get[T any](tx *bbolt.Tx, bucket []byte, key string) (record T, found bool, err error) {
	b := tx.Bucket(bucket)
	if b == nil {
		return record, false, nil
	}
	v := b.Get([]byte(key))
	if v == nil {
		return record, false, nil
	}
	record, err = decode[T](v, string(bucket), key)
	return record, true, err
}

func decode[T any](v []byte, what, key string) (record T, err error) {
	if err := json.Unmarshal(v, &record); err != nil {
		return record, fmt.Errorf("%w: decode %s %s: %w", ErrDamaged, what, key, err)
	}
	return record, nil
}

// set writes the record of a key.
func set(tx *bbolt.Tx, bucket []byte, key string, record any) error {
	b, err := tx.CreateBucketIfNotExists(bucket)
	if err != nil {
		return err
	}
	v, err := json.Marshal(record)
	if err != nil {
		return err
	}
	return b.Put([]byte(key), v)
}
