package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sshforward/sshforward"
)

// orderClauses: the audit record in the order of writing, for who follows it.
var orderClauses = []clause{
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
