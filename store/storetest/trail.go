package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sshforward/sshforward"
)

// trailClauses: the audit record.
var trailClauses = []clause{
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
	{"an empty trail has no events, and nobody has a past", func(b *bench) {
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

	{"events are numbered in the order of writing, whatever their times are", func(b *bench) {
		b.wantAfter(0)
		b.append(happened("3", at(3)), happened("1", at(1)))
		b.put(minimal("aaaaaaa"), happened("2", at(2)), happened("0", at(0)))
		b.wantAfter(0, "3", "1", "2", "0")
		all := b.after(0)
		for i, e := range all {
			if i > 0 && e.Seq <= all[i-1].Seq {
				b.Fatalf("event %d has number %d, the one before it %d", i, e.Seq, all[i-1].Seq)
			}
		}
		b.wantAfter(all[1].Seq, "2", "0")
		b.wantAfter(all[3].Seq)
		for _, e := range b.events(time.Time{}) {
			if !slices.ContainsFunc(all, func(a sshforward.Event) bool { return a.Detail == e.Detail && a.Seq == e.Seq }) {
				b.Fatalf("event %s has number %d by time, and another by order", e.Detail, e.Seq)
			}
		}
	}},
	{"whoever goes on after the last number gets each event once, also what is written late", func(b *bench) {
		const writers = 8
		each := b.rounds(40, 5)
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				for n := range each {
					// The clocks of writers differ, and so do the times of what they tell.
					e := happened(fmt.Sprint(i, n), at(time.Duration((i*7919+n*104729)%1000)*time.Second))
					if err := b.handle(i).Append(b.Context(), e); err != nil {
						b.Errorf("Append: %v", err)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { all.Wait(); close(done) }()
		var seq uint64
		got := make(map[string]int)
		for last := false; ; {
			for _, e := range b.after(seq) {
				got[e.Detail]++
				seq = e.Seq
			}
			if last {
				break
			}
			select {
			case <-done:
				last = true
			default:
			}
		}
		if len(got) != writers*each {
			b.Errorf("%d events of %d", len(got), writers*each)
		}
		for what, times := range got {
			if times != 1 {
				b.Errorf("event %s came %d times", what, times)
			}
		}
	}},
	{"numbers go on after reopening", func(b *bench) {
		if b.reopen == nil {
			b.Skip("this store has nothing to reopen")
		}
		b.append(happened("2", at(2)))
		b.append(happened("1", at(1)))
		first := b.after(0)
		b.Store = b.reopen()
		b.append(happened("0", at(0)))
		b.wantAfter(0, "2", "1", "0")
		b.wantAfter(first[1].Seq, "0")
	}},
	{"an event that is written again gets a number of its own", func(b *bench) {
		b.append(happened("1", at(1)))
		b.append(b.after(0)...)
		if all := b.after(0); len(all) != 2 || all[0].Seq == all[1].Seq {
			b.Fatalf("events: %+v", all)
		}
	}},
	{"more events than a page come in order of writing, each once", func(b *bench) {
		var want []string
		for i := range b.rounds(10, 3) {
			var events []sshforward.Event
			for n := range 100 {
				events = append(events, happened(fmt.Sprint(i, n), at(time.Duration(-i)*time.Second)))
				want = append(want, fmt.Sprint(i, n))
			}
			b.append(events...)
		}
		b.wantAfter(0, want...)
	}},
	{"a context that is over reads no event", func(b *bench) {
		b.append(happened("1", at(1)))
		for _, err := range b.EventsAfter(over(), 0) {
			if !errors.Is(err, context.Canceled) {
				b.Fatalf("EventsAfter: %v, want one that wraps %v", err, context.Canceled)
			}
		}
	}},

	{"a past is what an owner had open, the newest first", func(b *bench) {
		never := ended("U1", "never00", at(9))
		never.Opened = time.Time{}
		other := ended("U1", "other00", at(9))
		other.Act = sshforward.ActEnding
		b.append(ended("U1", "first00", at(1)), never, ended("U12", "theirs0", at(2)), other, ended("", "nobody0", at(2)))
		b.append(ended("U1", "third00", at(3)), ended("U0", "theirs1", at(3)))
		b.put(minimal("second0"), ended("U1", "second0", at(2)))
		b.wantPast("U1", time.Time{}, 10, "third00", "second0", "first00")
		b.wantPast("U12", time.Time{}, 10, "theirs0")
		b.wantPast("U", time.Time{}, 10)
		b.wantPast("U2", time.Time{}, 10)
	}},
	{"a past begins at since, included, and ends at the limit", func(b *bench) {
		for i := range 5 {
			b.append(ended("U1", fmt.Sprintf("lease%02d", i), at(time.Duration(i))))
		}
		b.wantPast("U1", at(3), 10, "lease04", "lease03")
		b.wantPast("U1", at(5), 10)
		b.wantPast("U1", time.Time{}, 2, "lease04", "lease03")
		b.wantPast("U1", time.Time{}, 0)
	}},
	{"of a lease that was closed twice the past has the last", func(b *bench) {
		b.append(ended("U1", "twice00", at(1)), ended("U1", "once000", at(2)), ended("U1", "twice00", at(3)))
		b.wantPast("U1", time.Time{}, 10, "twice00", "once000")
		b.wantPast("U1", time.Time{}, 2, "twice00", "once000")
	}},
	{"a past survives reopening", func(b *bench) {
		if b.reopen == nil {
			b.Skip("this store has nothing to reopen")
		}
		b.append(ended("U1", "first00", at(1)))
		b.Store = b.reopen()
		b.append(ended("U1", "second0", at(2)))
		b.wantPast("U1", time.Time{}, 10, "second0", "first00")
	}},
	{"an owner of any length has a past", func(b *bench) {
		long := fmt.Sprintf("%04000d", 7)
		b.append(ended(long, "aaaaaaa", start), ended(long+"x", "bbbbbbb", start))
		b.wantPast(long, time.Time{}, 10, "aaaaaaa")
	}},
}

// happened is some event, with a note to know it by.
func happened(note string, t time.Time) sshforward.Event {
	return sshforward.Event{At: t, Act: sshforward.ActOpen, Result: sshforward.ResultOK, Detail: note}
}

// ended is the end of a lease that was open.
func ended(owner, id string, t time.Time) sshforward.Event {
	return sshforward.Event{
		At: t, Act: sshforward.ActClosed, Result: sshforward.ResultOK, Detail: id, Owner: owner, Lease: id, Opened: t.Add(-time.Hour),
	}
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

func (b *bench) after(seq uint64) []sshforward.Event {
	b.Helper()
	var all []sshforward.Event
	for e, err := range b.EventsAfter(b.Context(), seq) {
		if err != nil {
			b.Fatalf("EventsAfter: %v", err)
		}
		all = append(all, e)
	}
	return all
}

func (b *bench) wantAfter(seq uint64, want ...string) {
	b.Helper()
	var got []string
	for _, e := range b.after(seq) {
		got = append(got, e.Detail)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Fatalf("events after %d (-want +got):\n%s", seq, diff)
	}
}

func (b *bench) wantPast(owner string, since time.Time, limit int, want ...string) {
	b.Helper()
	past, err := b.Past(b.Context(), owner, since, limit)
	if err != nil {
		b.Fatalf("Past: %v", err)
	}
	var got []string
	for _, e := range past {
		got = append(got, e.Lease)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Fatalf("past of %s (-want +got):\n%s", owner, diff)
	}
}
