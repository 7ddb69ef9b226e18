package storetest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
)

// sharing: several handles on the same data, and answers that get lost.
var sharing = []clause{
	{"what one handle wrote the others read at once", func(b *bench) {
		one, two := b.handles[0], b.handles[1]
		many := b.rounds(20, 3)
		for i := range many {
			one, two = two, one
			l := minimal(fmt.Sprintf("aaaaa%02d", i))
			l.DueAt = at(time.Duration(i))
			source := []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)}), 32)}
			err := errors.Join(
				one.Put(b.Context(), l, happened(l.ID, at(time.Duration(i)))),
				one.SetSource(b.Context(), "U1", source),
				one.SetRebuilt(b.Context(), l.ID),
			)
			if err != nil {
				b.Fatal(err)
			}
			there := &bench{T: b.T, Store: two}
			there.wantLease(l)
			if active, err := two.Active(b.Context()); err != nil || len(active) != i+1 {
				b.Fatalf("the other handle has %d active leases (%v), want %d", len(active), err, i+1)
			}
			if due, err := two.Due(b.Context(), l.DueAt, 100); err != nil || len(due) != i+1 {
				b.Fatalf("to the other handle %d leases are due (%v), want %d", len(due), err, i+1)
			}
			there.wantSource("U1", source...)
			if rebuilt, err := two.Rebuilt(b.Context(), l.ID); err != nil || !rebuilt {
				b.Fatalf("to the other handle the account is rebuilt: %t, %v", rebuilt, err)
			}
			there.wantNotes(l.DueAt, l.ID)
		}
		for i := range many {
			id := fmt.Sprintf("aaaaa%02d", i)
			if err := b.handle(i).Delete(b.Context(), id, 1); err != nil {
				b.Fatal(err)
			}
			(&bench{T: b.T, Store: b.handle(i + 1)}).wantNoLease(id)
		}
	}},
	{"a conflict is certain, a success is certain, and anything else is neither", func(b *bench) {
		handles := b.handles
		if b.subject.Lossy != nil {
			handles = append(handles, b.subject.Lossy(), b.subject.Lossy())
		}
		if err := Writers(b.Context(), handles, b.rounds(30, 5)); err != nil {
			b.Fatal(err)
		}
	}},
	{"events of one instant come in the order in which their writer wrote them", func(b *bench) {
		const writers = 6
		each := b.rounds(40, 4)
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				l := minimal(fmt.Sprintf("aaaaaa%d", i))
				for n := range each {
					var err error
					if n%2 == 0 {
						err = b.handle(i).Append(b.Context(), happened(fmt.Sprintf("%d/%03d", i, n), start))
					} else {
						err = b.handle(i).Put(b.Context(), l, happened(fmt.Sprintf("%d/%03d", i, n), start))
					}
					if err != nil {
						b.Error(err)
					}
				}
			})
		}
		all.Wait()
		for what, events := range map[string][]sshforward.Event{"by time": b.events(start), "by number": b.after(0)} {
			last := make(map[string]string)
			for _, e := range events {
				writer, _, _ := strings.Cut(e.Detail, "/")
				if e.Detail <= last[writer] {
					b.Errorf("%s, %s comes after %s", what, e.Detail, last[writer])
				}
				last[writer] = e.Detail
			}
			if len(events) != writers*each {
				b.Errorf("%s there are %d events of %d", what, len(events), writers*each)
			}
		}
	}},
	{"an event is there from the moment its write returned, and once", func(b *bench) {
		const writers = 6
		each := b.rounds(20, 2)
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				l := minimal(fmt.Sprintf("aaaaaa%d", i))
				for n := range each {
					// Each looks at an instant of its own, so that what it reads is little.
					when := at(time.Duration(i*each+n) * time.Second)
					mine := fmt.Sprintf("%d/%03d", i, n)
					if err := b.handle(i).Put(b.Context(), l, happened(mine, when)); err != nil {
						b.Error(err)
						return
					}
					seen := 0
					for e, err := range b.handle(i+1).Events(b.Context(), when) {
						if err != nil {
							b.Error(err)
							return
						}
						if e.Detail == mine {
							seen++
						}
					}
					if seen != 1 {
						b.Errorf("event %s is there %d times", mine, seen)
					}
				}
			})
		}
		all.Wait()
		count := make(map[string]int)
		for _, e := range b.after(0) {
			if count[e.Detail]++; count[e.Detail] > 1 {
				b.Errorf("event %s is there %d times", e.Detail, count[e.Detail])
			}
		}
	}},
}

// Writers has many writers change a few leases through the handles, each so many
// times and as the keeper does: read, change, put with an event, and after a conflict or an error
// again. It returns an error if an answer was not true: a success that is not
// there, a conflict that is there all the same, an event without its write.
//
// A store that tries a write again whose answer was lost meets its own revision.
// If it tells that as a conflict, people hear that somebody else was faster than
// they themselves.
func Writers(ctx context.Context, handles []Store, each int) error {
	const writers, leases = 10, 3
	type put struct {
		note string
		err  error
	}
	var (
		mu   sync.Mutex
		puts []put
		all  sync.WaitGroup
		errs = make([]error, writers)
	)
	for i := range writers {
		all.Go(func() {
			s := handles[i%len(handles)]
			for n := range each {
				id := fmt.Sprintf("aaaaaa%d", (i+n)%leases)
				l, err := s.Lease(ctx, id)
				switch sshforward.ErrorCode(err) {
				case "":
				case sshforward.ENOTFOUND:
					l = minimal(id)
				default:
					errs[i] = err
					return
				}
				note := fmt.Sprintf("%s %d/%d", id, i, n)
				l.Because, l.DueAt = note, at(time.Duration(n))
				err = s.Put(ctx, l, happened(note, start))
				mu.Lock()
				puts = append(puts, put{note, err})
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		return err
	}

	written, writes := make(map[string]int), make(map[string]uint64)
	for e, err := range handles[0].EventsAfter(ctx, 0) {
		if err != nil {
			return err
		}
		id, _, _ := strings.Cut(e.Detail, " ")
		written[e.Detail]++
		writes[id]++
	}
	for _, p := range puts {
		n := written[p.note]
		switch code := sshforward.ErrorCode(p.err); {
		case n > 1:
			errs = append(errs, fmt.Errorf("%s was written %d times", p.note, n))
		case code == "" && n == 0:
			errs = append(errs, fmt.Errorf("%s was written, and is not there", p.note))
		case code == sshforward.ECONFLICT && n > 0:
			errs = append(errs, fmt.Errorf("%s is said to be a conflict, and was written", p.note))
		}
	}
	for i := range leases {
		id := fmt.Sprintf("aaaaaa%d", i)
		l, err := handles[0].Lease(ctx, id)
		switch {
		case err != nil:
			errs = append(errs, err)
		case l.Revision != writes[id]:
			errs = append(errs, fmt.Errorf("lease %s has revision %d after %d writes that have an event", id, l.Revision, writes[id]))
		case written[l.Because] != 1:
			errs = append(errs, fmt.Errorf("lease %s was last written by %s, whose event is not there", id, l.Because))
		}
	}
	return errors.Join(errs...)
}
