package dynamo

import (
	"cmp"
	"context"
	"crypto/rand"
	"iter"
	"slices"
	"time"

	"github.com/sshforward/sshforward"
)

// Append writes events that go with no lease, as the contract says. An error
// other than EINVALID, and other than that of a context that had ended before,
// leaves open whether they were written.
func (s *Store) Append(ctx context.Context, events ...sshforward.Event) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	told, err := encode(rand.Text(), events)
	if err != nil || len(told) == 0 {
		return err
	}
	return s.teller.tell(ctx, told)
}

// Events yields the events from since on, as the contract says. What waits to be
// told is told first. It holds one page of events; what is written meanwhile,
// with a time that was not passed yet, may be yielded too.
func (s *Store) Events(ctx context.Context, since time.Time) iter.Seq2[sshforward.Event, error] {
	return func(yield func(sshforward.Event, error) bool) {
		if err := s.events(ctx, since, func(e sshforward.Event) bool { return yield(e, nil) }); err != nil {
			yield(sshforward.Event{}, err)
		}
	}
}

// events returns when yield wants no more, or an error.
func (s *Store) events(ctx context.Context, since time.Time, yield func(sshforward.Event) bool) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	if _, err := s.teller.settle(ctx); err != nil {
		return err
	}
	from := sortable(since)
	var instant []sshforward.Event // of one time, which go by number
	flush := func() bool {
		slices.SortStableFunc(instant, func(a, b sshforward.Event) int { return cmp.Compare(a.Seq, b.Seq) })
		for _, e := range instant {
			if !yield(e) {
				return false
			}
		}
		instant = instant[:0]
		return true
	}
	at := ""
	for day, err := range s.items(ctx, query{pk: pkMeta, from: skDay + dayOf(from), to: skDay + "~"}) {
		if err != nil {
			return failed("read events", err)
		}
		for it, err := range s.items(ctx, query{pk: pkEvent + textOf(day, attrSK)[len(skDay):], from: from}) {
			if err != nil {
				return failed("read events", err)
			}
			e, err := eventOf(it)
			if err != nil {
				return failed("read events", err)
			}
			if next := textOf(it, attrSK)[:len(from)]; next != at {
				if !flush() {
					return nil
				}
				at = next
			}
			instant = append(instant, e)
		}
	}
	flush()
	return nil
}

func eventOf(it item) (e sshforward.Event, err error) {
	if e, err = docOf[sshforward.Event](it); err != nil {
		return e, err
	}
	e.Seq, err = numberOf(it, attrSeq)
	return e, err
}

// EventsAfter yields the events after one in the order of the record, as the
// contract says, up to what was written when it was called.
func (s *Store) EventsAfter(ctx context.Context, seq uint64) iter.Seq2[sshforward.Event, error] {
	return func(yield func(sshforward.Event, error) bool) {
		if err := s.eventsAfter(ctx, seq, func(e sshforward.Event) bool { return yield(e, nil) }); err != nil {
			yield(sshforward.Event{}, err)
		}
	}
}

// eventsAfter returns when yield wants no more, or an error.
func (s *Store) eventsAfter(ctx context.Context, seq uint64, yield func(sshforward.Event) bool) error {
	if err := s.ready(ctx); err != nil {
		return err
	}
	last, err := s.teller.settle(ctx)
	if err != nil {
		return err
	}
	it, err := s.get(ctx, pkMeta, skFirst)
	if err != nil {
		return failed("read events", err)
	}
	first, err := numberOf(it, attrSeq)
	if err != nil {
		return failed("read events", err)
	}
	from := max(first, seq>>seqBits)
	for k := stretchOf(from); from <= last && k <= stretchOf(last); k++ {
		for it, err := range s.items(ctx, query{pk: pkLog + digits(k), from: digits(from), to: digits(last)}) {
			if err != nil {
				return failed("read events", err)
			}
			e, err := entryOf(it)
			if err != nil {
				return failed("read events", err)
			}
			for _, event := range e.events() {
				if event.Seq > seq && !yield(event) {
					return nil
				}
			}
		}
	}
	return nil
}

// Past returns what an owner had open and is over, as the contract says.
func (s *Store) Past(ctx context.Context, owner string, since time.Time, limit int) ([]sshforward.Event, error) {
	if err := s.ready(ctx); err != nil {
		return nil, err
	}
	if limit <= 0 {
		return nil, nil
	}
	if _, err := s.teller.settle(ctx); err != nil {
		return nil, err
	}
	var past []sshforward.Event
	later := make(map[string]bool)
	for it, err := range s.items(ctx, query{pk: pastKey(owner), from: sortable(since), newest: true, limit: limit + 1}) {
		if err != nil {
			return nil, failed("read past leases", err)
		}
		e, err := eventOf(it)
		if err != nil {
			return nil, failed("read past leases", err)
		}
		// A lease that was closed twice, because something of it was found, is one.
		if e.Owner != owner || e.Lease != "" && later[e.Lease] {
			continue
		}
		later[e.Lease] = true
		if past = append(past, e); len(past) == limit {
			break
		}
	}
	return past, nil
}
