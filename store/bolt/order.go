package bolt

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"slices"
	"strconv"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
)

// keysAtOnce is how many keys one transaction goes through.
const keysAtOnce = 10_000

// EventsAfter yields the events after one in the order of writing, as the
// contract says. It reads some hundred at a time and holds nothing in between.
// What was written before the second schema has no index: to begin there costs
// a walk through all keys.
func (s *Store) EventsAfter(ctx context.Context, seq uint64) iter.Seq2[sshforward.Event, error] {
	return func(yield func(sshforward.Event, error) bool) {
		if err := s.eventsAfter(ctx, seq, func(e sshforward.Event) bool { return yield(e, nil) }); err != nil {
			yield(sshforward.Event{}, err)
		}
	}
}

// eventsAfter returns when yield wants no more, or an error.
func (s *Store) eventsAfter(ctx context.Context, seq uint64, yield func(sshforward.Event) bool) error {
	last, err := view(ctx, s, "read events", func(tx *bbolt.Tx) (uint64, error) { return lastUnordered(tx) })
	s.doubt(err)
	if err != nil {
		return err
	}
	if seq < last {
		keys, err := s.unordered(ctx, seq, last)
		if err != nil {
			return err
		}
		for chunk := range slices.Chunk(keys, eventsAtOnce) {
			events, err := s.eventsAt(ctx, chunk)
			if more := yieldAll(events, yield); err != nil || !more {
				return err
			}
		}
		seq = last
	}
	for {
		keys, err := s.ordered(ctx, seq)
		if err != nil || len(keys) == 0 {
			return err
		}
		events, err := s.eventsAt(ctx, keys)
		if more := yieldAll(events, yield); err != nil || !more {
			return err
		}
		seq = seqOf(keys[len(keys)-1])
	}
}

func yieldAll(events []sshforward.Event, yield func(sshforward.Event) bool) (more bool) {
	for _, e := range events {
		if !yield(e) {
			return false
		}
	}
	return true
}

func seqOf(key []byte) uint64 { return binary.BigEndian.Uint64(key[8:]) }

// lastUnordered is the last number that is not in the index.
func lastUnordered(tx *bbolt.Tx) (uint64, error) {
	if tx.Bucket(bucketOrder) == nil {
		return math.MaxUint64, nil
	}
	v := tx.Bucket(bucketMeta).Get(keyUnordered)
	n, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: the last number without order: %.20q", ErrDamaged, v)
	}
	return n, nil
}

// ordered returns the keys of the next events by the index.
func (s *Store) ordered(ctx context.Context, seq uint64) ([][]byte, error) {
	keys, err := view(ctx, s, "read events", func(tx *bbolt.Tx) (keys [][]byte, err error) {
		b := tx.Bucket(bucketOrder)
		if b == nil || seq == math.MaxUint64 {
			return nil, nil
		}
		c := b.Cursor()
		for k, v := c.Seek(binary.BigEndian.AppendUint64(nil, seq+1)); k != nil && len(keys) < eventsAtOnce; k, v = c.Next() {
			if len(k) != 8 || len(v) != 8 {
				return nil, fmt.Errorf("%w: order key of %d bytes", ErrDamaged, len(k))
			}
			keys = append(keys, slices.Concat(v, k))
		}
		return keys, nil
	})
	s.doubt(err)
	return keys, err
}

// unordered returns the keys of the events from one number to another, sorted by
// number, without the index.
func (s *Store) unordered(ctx context.Context, after, last uint64) ([][]byte, error) {
	type page struct {
		keys [][]byte
		next []byte
	}
	var keys [][]byte
	for from := []byte{}; from != nil; {
		p, err := view(ctx, s, "read events", func(tx *bbolt.Tx) (f page, err error) {
			b := tx.Bucket(bucketEvents)
			if b == nil {
				return f, nil
			}
			n := 0
			c := b.Cursor()
			for k, _ := c.Seek(from); k != nil; k, _ = c.Next() {
				if n++; n > keysAtOnce {
					f.next = bytes.Clone(k)
					return f, nil
				}
				if len(k) != eventKeySize {
					return f, fmt.Errorf("%w: event key of %d bytes", ErrDamaged, len(k))
				}
				if seq := seqOf(k); seq > after && seq <= last {
					f.keys = append(f.keys, bytes.Clone(k))
				}
			}
			return f, nil
		})
		s.doubt(err)
		if err != nil {
			return nil, err
		}
		keys, from = append(keys, p.keys...), p.next
	}
	slices.SortFunc(keys, func(a, b []byte) int { return cmp.Compare(seqOf(a), seqOf(b)) })
	return keys, nil
}

// eventsAt reads events by their keys. What it returns beside an error lies
// before what is damaged.
func (s *Store) eventsAt(ctx context.Context, keys [][]byte) ([]sshforward.Event, error) {
	events, err := view(ctx, s, "read events", func(tx *bbolt.Tx) (events []sshforward.Event, err error) {
		b := tx.Bucket(bucketEvents)
		for _, k := range keys {
			v := b.Get(k)
			if v == nil {
				return events, fmt.Errorf("%w: event %x is missing", ErrDamaged, k)
			}
			e, err := event(k, v)
			if err != nil {
				return events, err
			}
			events = append(events, e)
		}
		return events, nil
	})
	s.doubt(err)
	return events, err
}
