package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sshforward/sshforward"
)

// auditClauses: the audit record in the order of time.
var auditClauses = []clause{
	{"an event keeps every field, also after reopening", func(b *bench) {
		var full sshforward.Event
		n := 0
		if err := fill(reflect.ValueOf(&full).Elem(), "Event", &n); err != nil {
			b.Fatal(err)
		}
		b.append(full)
		b.wantEvents(time.Time{}, full)
		if b.reopen == nil {
			return
		}
		b.Store = b.reopen()
		b.wantEvents(time.Time{}, full)
	}},
	{"an empty audit record has no events, and nobody has a past", func(b *bench) {
		b.append()
		b.wantEvents(time.Time{})
		b.wantPast("U1", time.Time{}, 10)
	}},
	{"a put writes its events", func(b *bench) {
		l := minimal("aaaaaaa")
		b.put(l, happened("a", start), happened("b", start))
		b.put(l)
		b.put(l, happened("c", at(1)))
		b.wantNotes(time.Time{}, "a", "b", "c")
	}},
	{"a put that is a conflict writes no event", func(b *bench) {
		l := minimal("aaaaaaa")
		b.put(l, happened("first", start))
		stale := minimal("aaaaaaa")
		b.wantCode(b.Put(b.Context(), stale, happened("second", start), ended("U1", "aaaaaaa", start)), sshforward.ECONFLICT)
		b.wantNotes(time.Time{}, "first")
		b.wantPast("U1", time.Time{}, 10)
	}},
	{"of 50 concurrent writers on one lease only the winner's events are there", func(b *bench) {
		l := b.create("aaaaaaa")
		var all sync.WaitGroup
		won := make([]bool, 50)
		for i := range won {
			mine := l.Clone()
			all.Go(func() { won[i] = b.handle(i).Put(b.Context(), mine, happened(fmt.Sprint(i), start)) == nil })
		}
		all.Wait()
		var want []string
		for i, w := range won {
			if w {
				want = append(want, fmt.Sprint(i))
			}
		}
		if len(want) != 1 {
			b.Fatalf("%d writers won", len(want))
		}
		b.wantNotes(time.Time{}, want...)
	}},
	{"a context that is over writes no event", func(b *bench) {
		if err := b.Append(over(), happened("a", start)); !errors.Is(err, context.Canceled) {
			b.Fatalf("Append: %v, want one that wraps %v", err, context.Canceled)
		}
		if err := b.Put(over(), minimal("aaaaaaa"), happened("b", start)); !errors.Is(err, context.Canceled) {
			b.Fatalf("Put: %v, want one that wraps %v", err, context.Canceled)
		}
		b.wantNotes(time.Time{})
		for _, err := range b.Events(over(), time.Time{}) {
			if !errors.Is(err, context.Canceled) {
				b.Fatalf("Events: %v, want one that wraps %v", err, context.Canceled)
			}
		}
		if _, err := b.Past(over(), "U1", time.Time{}, 1); !errors.Is(err, context.Canceled) {
			b.Fatalf("Past: %v, want one that wraps %v", err, context.Canceled)
		}
	}},
	{"a delete of a lease leaves its events", func(b *bench) {
		l := minimal("aaaaaaa")
		b.put(l, happened("a", start), ended("U1", l.ID, start))
		b.delete(l)
		b.wantNotes(time.Time{}, "a", "aaaaaaa")
		b.wantPast("U1", time.Time{}, 10, "aaaaaaa")
	}},
	{"events come in the order of their times, whatever order they were written in", func(b *bench) {
		b.append(happened("3", at(3)))
		b.append(happened("1", at(1)), happened("4", at(4)))
		b.append(happened("2", at(2)), happened("0", time.Time{}))
		b.wantNotes(time.Time{}, "0", "1", "2", "3", "4")
	}},
	{"events of the same time come in the order of writing", func(b *bench) {
		var want []string
		for i := range 20 {
			one, two := fmt.Sprint(i), fmt.Sprint(i)+"'"
			b.append(happened(one, start), happened(two, start))
			want = append(want, one, two)
		}
		b.wantNotes(time.Time{}, want...)
		if b.reopen == nil {
			return
		}
		b.Store = b.reopen()
		b.append(happened("later", start))
		b.wantNotes(start, append(want, "later")...)
	}},
	{"since is included", func(b *bench) {
		b.append(happened("1", at(1)), happened("2", at(2)), happened("3", at(3)))
		b.wantNotes(at(2), "2", "3")
		b.wantNotes(at(3), "3")
		b.wantNotes(at(4))
	}},
	{"more events than a page are all there, each once", func(b *bench) {
		var events []sshforward.Event
		var want []string
		n := b.rounds(1000, 210)
		for i := range n {
			events = append(events, happened(fmt.Sprint(i), at(time.Duration(i/7))))
			want = append(want, fmt.Sprint(i))
		}
		b.append(events...)
		b.wantNotes(time.Time{}, want...)
		b.wantNotes(at(time.Duration(n/10)), want[n/10*7:]...)
	}},
	{"reading stops when the caller does, and can be done again", func(b *bench) {
		b.append(happened("1", at(1)), happened("2", at(2)), happened("3", at(3)))
		events := b.Events(b.Context(), time.Time{})
		for range 2 {
			n := 0
			for _, err := range events {
				if err != nil {
					b.Fatal(err)
				}
				if n++; n == 2 {
					break
				}
			}
		}
		b.append(happened("4", at(4)))
		b.wantNotes(time.Time{}, "1", "2", "3", "4")
	}},
	{"whoever reads events may write some", func(b *bench) {
		b.append(happened("1", at(1)), happened("2", at(2)))
		n := 0
		for _, err := range b.Events(b.Context(), time.Time{}) {
			if err != nil {
				b.Fatal(err)
			}
			if n++; n <= 2 {
				b.append(happened("before", start))
			}
		}
		b.wantNotes(at(1), "1", "2")
	}},
	{"concurrent appends and puts are all there", func(b *bench) {
		var all sync.WaitGroup
		many := b.rounds(50, 12)
		for i := range many {
			l := minimal(fmt.Sprintf("aaaaa%02d", i))
			all.Go(func() {
				if err := b.Append(b.Context(), happened("append", start), happened("append", start)); err != nil {
					b.Errorf("Append: %v", err)
				}
				if err := b.Put(b.Context(), l, happened("put", start)); err != nil {
					b.Errorf("Put: %v", err)
				}
			})
		}
		all.Wait()
		count := make(map[string]int)
		for _, e := range b.events(time.Time{}) {
			count[e.Detail]++
		}
		if diff := cmp.Diff(map[string]int{"append": 2 * many, "put": many}, count); diff != "" {
			b.Fatalf("events (-want +got):\n%s", diff)
		}
	}},
}

// happened is some event, with a note to know it by.
func happened(note string, t time.Time) sshforward.Event {
	return sshforward.Event{At: t, Act: sshforward.ActOpen, Result: sshforward.ResultOK, Detail: note}
}

func (b *bench) append(events ...sshforward.Event) {
	b.Helper()
	if err := b.Append(b.Context(), events...); err != nil {
		b.Fatalf("Append: %v", err)
	}
}

func (b *bench) events(since time.Time) []sshforward.Event {
	b.Helper()
	var all []sshforward.Event
	for e, err := range b.Events(b.Context(), since) {
		if err != nil {
			b.Fatalf("Events: %v", err)
		}
		all = append(all, e)
	}
	return all
}

func (b *bench) wantEvents(since time.Time, want ...sshforward.Event) {
	b.Helper()
	if diff := cmp.Diff(want, b.events(since), cmpopts.EquateEmpty(), cmpopts.IgnoreFields(sshforward.Event{}, "Seq")); diff != "" {
		b.Fatalf("events (-want +got):\n%s", diff)
	}
}

func (b *bench) wantNotes(since time.Time, want ...string) {
	b.Helper()
	var got []string
	for _, e := range b.events(since) {
		got = append(got, e.Detail)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Fatalf("events (-want +got):\n%s", diff)
	}
}
