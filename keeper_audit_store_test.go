package sshforward

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward/internal/testenv"
)

// An end and an extension in the same instant: the audit record tells what the lease
// tells, whoever won.
func TestAuditOfARace(t *testing.T) {
	t.Parallel()
	won := make(map[bool]int)
	for i := range 20 {
		inWorld(t, func(w *world) {
			id := w.opened(alice, "web", 30*time.Minute)
			end := w.lease(id).ExpiresAt
			w.pass(time.Until(end) - time.Nanosecond)
			early := time.Duration(i % 2) // decided just before the end, and written after it
			w.store.script(func(_ context.Context, op, _ string) error {
				if op == "put" && time.Now().Before(end) {
					time.Sleep(time.Second)
				}
				return nil
			})
			var both sync.WaitGroup
			var err error
			both.Go(func() {
				time.Sleep(time.Nanosecond - early)
				_, err = w.do(alice, ExtendLease{id, 10 * time.Minute})
			})
			both.Go(func() { time.Sleep(time.Nanosecond); w.keeper().wake(id) })
			both.Wait()
			w.pass(time.Until(end.Add(10*time.Minute + lingering)))
			want := []string{"open ok UALICE requested -", "confirm ok UALICE opening -", "opened ok - open -"}
			if err == nil {
				want = append(want, "extend ok UALICE open -")
			}
			ends := []string{"ending ok - closing expired", "access_ended ok - closing expired", "closed ok - closed expired"}
			_, got := w.recorded(id)
			got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "extend conflict") })
			if diff := cmp.Diff(append(want, ends...), got); diff != "" {
				t.Errorf("extended: %t (-want +got):\n%s", err == nil, diff)
			}
			won[err == nil]++
		})
	}
	if won[true] != 10 || won[false] != 10 {
		t.Errorf("the extension won %d times, the end %d times", won[true], won[false])
	}
}

// A write that got through although the disk said no is not told twice, and
// what was kept in memory behind it is told once.
func TestWriteThatGotThroughAllTheSame(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		var armed atomic.Bool
		w.crash()
		w.store.after = func(op, _ string) error {
			if op == "put" && armed.CompareAndSwap(true, false) {
				return unavailable("the disk, after it had it,")
			}
			return nil
		}
		w.start()
		id := w.opened(alice, "web", 30*time.Minute)
		w.pass(29 * time.Minute) // the reminders are over
		armed.Store(true)
		w.pass(time.Minute + lingering)
		if armed.Load() {
			t.Fatal("no write failed")
		}
		w.wantRecorded(id,
			"open ok UALICE requested -", "confirm ok UALICE opening -", "opened ok - open -",
			"ending ok - closing expired", "access_ended ok - closing expired", "closed ok - closed expired")
	})
}

// The whole end of a lease on a full disk: its events are kept with it, told
// as they happen, and written once when there is room.
func TestFullDiskKeepsTheEvents(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 30*time.Minute)
		w.mu.Lock()
		w.told = nil
		w.mu.Unlock()
		w.store.script(func(_ context.Context, op, _ string) error {
			if op == "put" || op == "append" || op == "delete" {
				return unavailable("the disk")
			}
			return nil
		})
		end := w.lease(id).ExpiresAt
		w.pass(time.Until(end) + lingering + time.Minute)
		begin := []string{"open ok UALICE requested -", "confirm ok UALICE opening -", "opened ok - open -"}
		ends := []string{"ending ok - closing expired", "access_ended ok - closing expired", "closed ok - closed expired"}
		w.wantRecorded(id, begin...)
		if diff := cmp.Diff(ends, w.heard()); diff != "" {
			t.Errorf("told while the disk was full (-want +got):\n%s", diff)
		}
		w.store.script(nil)
		w.pass(time.Minute)
		events := w.wantRecorded(id, append(begin, ends...)...)
		if n := len(events); n == 6 && !events[3].At.Equal(end) {
			t.Errorf("its end was decided at %s, the record says %s", w.since(end), w.since(events[3].At))
		}
		if diff := cmp.Diff(ends, w.heard()); diff != "" {
			t.Errorf("told in all (-want +got):\n%s", diff)
		}
	})
}

// Retention does not forget what memory has still to tell.
func TestForgettingWaitsForTheAuditRecord(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.crash()
		w.timing.Keep = time.Second
		w.start()
		id := w.opened(alice, "web", 30*time.Minute)
		var failing atomic.Bool
		failing.Store(true)
		w.store.script(func(_ context.Context, op, _ string) error {
			if op == "put" && failing.Load() {
				return unavailable("the disk")
			}
			return nil
		})
		w.pass(time.Duration(testenv.UnlessRaced(120, 35)) * time.Minute) // its end is after half an hour
		if w.stored(id) == nil {
			t.Fatal("the lease was forgotten before its end was written")
		}
		failing.Store(false)
		w.pass(time.Minute)
		_, lines := w.recorded(id)
		if got := lines[len(lines)-1]; got != "closed ok - closed expired" {
			t.Errorf("the last event is %q", got)
		}
		if _, err := w.store.Lease(context.Background(), id); ErrorCode(err) != ENOTFOUND {
			t.Errorf("the lease is still kept: %v", err)
		}
	})
}

// A put that loses writes nothing of what it would have made true.
func TestConflictWritesNoEvent(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		var armed atomic.Bool
		w.crash()
		w.store.read = func(l *Lease) {
			if armed.CompareAndSwap(true, false) {
				if err := w.store.put(l.Clone()); err != nil {
					t.Error(err)
				}
			}
		}
		w.start()
		id := w.ask(alice, "web", time.Hour)
		stale, fresh := w.stored(id), w.stored(id)
		if err := w.store.Put(context.Background(), fresh, Event{Detail: "first"}); err != nil {
			t.Fatal(err)
		}
		err := w.store.Put(context.Background(), stale, Event{Detail: "second"})
		wantCode(t, err, ECONFLICT)
		// And the keeper, whose write is overtaken, tells of it once.
		armed.Store(true)
		if _, err := w.keeper().ledger.update(context.Background(), id, func(l *Lease, now time.Time) error {
			return l.end(now, Lapsed, "", Text{}, w.timing)
		}); err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, e := range w.store.recorded() {
			lines = append(lines, fmt.Sprint(e.Act, e.Detail))
		}
		slices.Sort(lines)
		if diff := cmp.Diff([]string{"closed", "ending", "first", "openfor 1h"}, lines); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	})
}
