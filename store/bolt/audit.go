package bolt

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
)

var (
	bucketEvents = []byte("events")
	bucketPast   = []byte("past")
	bucketOrder  = []byte("order")
)

// Nothing in this package deletes an event or writes over one: keys end in the
// bucket's sequence, which never gives a number twice.

const (
	eventKeySize = 16 // sortable(At), sequence
	eventsAtOnce = 256
	// maxOwner is what the index on owners keeps of an owner, in bytes. Ids of
	// Slack's are far below; but an owner can come from a tag in AWS, and a
	// lease must end whatever that says.
	maxOwner = 1024
)

// record is an event on its way into the file.
type record struct {
	at    uint64
	owner []byte // whose past it is, nil for nobody's
	value []byte
}

// encode is done before the write is queued, so that an event that cannot be
// saved fails alone.
func encode(events []sshforward.Event) ([]record, error) {
	records := make([]record, 0, len(events))
	for _, e := range events {
		value, err := json.Marshal(e)
		if err != nil {
			return nil, &sshforward.Error{
				Code:    sshforward.EINVALID,
				Message: sshforward.Textf("This event holds a value that cannot be saved."),
				Err:     fmt.Errorf("encode event %s of lease %s: %w", e.Act, e.Lease, err),
			}
		}
		r := record{at: sortable(e.At), value: value}
		if e.Act == sshforward.ActClosed && !e.Opened.IsZero() {
			r.owner = ownerKey(e.Owner)
		}
		records = append(records, r)
	}
	return records, nil
}

// add adds events and their index entries. Opening a file must not need room on
// the disk, so one of before the audit record may get its buckets here, and one
// that was not migrated yet has no order.
func add(tx *bbolt.Tx, first uint64, records []record) error {
	if len(records) == 0 {
		return nil
	}
	events, err := tx.CreateBucketIfNotExists(bucketEvents)
	if err != nil {
		return err
	}
	past, err := tx.CreateBucketIfNotExists(bucketPast)
	if err != nil {
		return err
	}
	events.FillPercent = 0.9 // keys only ever grow, and half-empty pages would be half the file
	order := tx.Bucket(bucketOrder)
	if order != nil {
		order.FillPercent = 0.9
	}
	if events.Sequence() < first-1 {
		if err := events.SetSequence(first - 1); err != nil {
			return err
		}
	}
	for _, r := range records {
		n, err := events.NextSequence()
		if err != nil {
			return err
		}
		key := eventKey(r.at, n)
		if err := events.Put(key, r.value); err != nil {
			return err
		}
		if order != nil {
			if err := order.Put(key[8:], key[:8]); err != nil {
				return err
			}
		}
		if r.owner == nil {
			continue
		}
		if err := past.Put(slices.Concat(r.owner, key), nil); err != nil {
			return err
		}
	}
	return nil
}

func eventKey(at, n uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, at), n)
}

// ownerKey begins the owner's entries in the index. The length in front keeps
// U1 from finding what is U12's.
func ownerKey(owner string) []byte {
	owner = owner[:min(len(owner), maxOwner)]
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(owner))), owner...)
}

// Append writes events that go with no lease, as the contract says. Errors mean
// what they mean for [Store.Put].
func (s *Store) Append(ctx context.Context, events ...sshforward.Event) error {
	records, err := encode(events)
	if err != nil || len(records) == 0 {
		return err
	}
	return s.writer.do(ctx, write{apply: func(tx *bbolt.Tx) (bool, error) { return true, add(tx, s.first, records) }})
}

// Events yields the events from since on, as the contract says. It reads some
// hundred at a time and holds nothing in between, so a slow reader neither
// holds up writers nor makes the file grow; what is written meanwhile, with a
// time that was not passed yet, is yielded too.
func (s *Store) Events(ctx context.Context, since time.Time) iter.Seq2[sshforward.Event, error] {
	return func(yield func(sshforward.Event, error) bool) {
		from := eventKey(sortable(since), 0)
		for {
			p, err := s.page(ctx, from)
			for _, e := range p.events {
				if !yield(e, nil) {
					return
				}
			}
			if err != nil {
				yield(sshforward.Event{}, err)
				return
			}
			if p.next == nil {
				return
			}
			from = p.next
		}
	}
}

// eventPage is some events, and where to go on, nil at the end.
type eventPage struct {
	events []sshforward.Event
	next   []byte
}

// page reads some events, from the given key on. What it returns beside an
// error lies before what is damaged.
func (s *Store) page(ctx context.Context, from []byte) (eventPage, error) {
	p, err := view(ctx, s, "read events", func(tx *bbolt.Tx) (p eventPage, err error) {
		b := tx.Bucket(bucketEvents)
		if b == nil {
			return p, nil
		}
		c := b.Cursor()
		for k, v := c.Seek(from); k != nil; k, v = c.Next() {
			if len(p.events) == eventsAtOnce {
				p.next = bytes.Clone(k)
				return p, nil
			}
			e, err := event(k, v)
			if err != nil {
				return p, err
			}
			p.events = append(p.events, e)
		}
		return p, nil
	})
	s.doubt(err)
	return p, err
}

// event reads one event. The result shares nothing with the file.
func event(k, v []byte) (e sshforward.Event, err error) {
	if len(k) != eventKeySize {
		return e, fmt.Errorf("%w: event key of %d bytes", ErrDamaged, len(k))
	}
	if err := json.Unmarshal(v, &e); err != nil {
		return e, fmt.Errorf("%w: decode event %x: %w", ErrDamaged, k, err)
	}
	e.Seq = binary.BigEndian.Uint64(k[8:])
	return e, nil
}

// Past returns what an owner had open and is over, as the contract says. It
// goes backwards through the owner's own index entries.
func (s *Store) Past(ctx context.Context, owner string, since time.Time, limit int) ([]sshforward.Event, error) {
	past, err := view(ctx, s, "read past leases", func(tx *bbolt.Tx) (past []sshforward.Event, err error) {
		later := make(map[string]bool)
		index, events := tx.Bucket(bucketPast), tx.Bucket(bucketEvents)
		if index == nil || events == nil {
			return nil, nil
		}
		prefix, first := ownerKey(owner), sortable(since)
		c := index.Cursor()
		for k := lastOf(c, prefix); bytes.HasPrefix(k, prefix) && len(past) < limit; k, _ = c.Prev() {
			key := k[len(prefix):]
			if len(key) != eventKeySize {
				return nil, fmt.Errorf("%w: past key of %d bytes", ErrDamaged, len(key))
			}
			if binary.BigEndian.Uint64(key) < first {
				return past, nil
			}
			v := events.Get(key)
			if v == nil {
				return nil, fmt.Errorf("%w: event %x is missing", ErrDamaged, key)
			}
			e, err := event(key, v)
			if err != nil {
				return nil, err
			}
			// A lease that was closed twice, because something of it was found,
			// is one.
			if e.Owner != owner || e.Lease != "" && later[e.Lease] {
				continue
			}
			later[e.Lease] = true
			past = append(past, e)
		}
		return past, nil
	})
	s.doubt(err)
	return past, err
}

// lastOf moves the cursor to the last key with a prefix, if there is one.
func lastOf(c *bbolt.Cursor, prefix []byte) []byte {
	beyond := append(slices.Clone(prefix), bytes.Repeat([]byte{0xff}, eventKeySize)...)
	k, _ := c.Seek(beyond)
	switch {
	case k == nil:
		k, _ = c.Last()
	case !bytes.Equal(k, beyond):
		k, _ = c.Prev()
	}
	return k
}
