package sshforward

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// sweepWhile has a sweep's picture taken now, and do happen before it is
// judged a second later.
func (w *world) sweepWhile(do func()) {
	w.t.Helper()
	w.cloud.afterwards(func(op string, _ *Lease) error {
		if op == "survey" {
			time.Sleep(time.Second)
		}
		return nil
	})
	done := make(chan error)
	go func() { done <- w.keeper().Sweep(context.Background()) }()
	synctest.Wait()
	do()
	if err := <-done; err != nil {
		w.t.Errorf("sweep: %v", err)
	}
	w.cloud.afterwards(nil)
	synctest.Wait()
}

// What is done between the look and the judgement is no drift.
func TestCommandDuringSweep(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		do     func(w *world, id string)
		state  State
		reason Reason
	}{
		"extended": {func(w *world, id string) { w.must(alice, ExtendLease{id, time.Hour}) }, Open, ""},
		"closed":   {func(w *world, id string) { w.must(alice, CloseLease{Ref: id}) }, Closed, ClosedByUser},
		"extended and closed": {func(w *world, id string) {
			w.must(alice, ExtendLease{id, time.Hour})
			w.must(admin, CloseLease{Ref: id})
		}, Closed, ClosedByAdmin},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.sweep()
				id := w.opened(alice, "web", 2*time.Hour)
				w.sweepFor(time.Minute, time.Minute)
				w.sweepWhile(func() { tt.do(w, id) })
				w.sweepFor(10*time.Minute, time.Minute)
				w.expect(id, tt.state, tt.reason)
				if n := w.cloud.count("mend", id); n > 0 || w.orphans > 0 {
					t.Errorf("mended %d times, %d orphans", n, w.orphans)
				}
				if tt.state == Closed {
					w.nothingLeft()
				}
			})
		})
	}
}

// A lease comes to its end while it is found to have lost its load balancer.
func TestExpiryDuringSweep(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		id := w.opened(alice, "web", 10*time.Minute)
		end := w.lease(id).ExpiresAt
		w.sweepFor(time.Minute, time.Minute)
		w.cloud.meddle(id, drifts["balancer"])
		w.pass(time.Until(end.Add(-30 * time.Second)))
		w.sweep()
		w.pass(time.Until(end.Add(-time.Second / 2)))
		w.sweepWhile(func() {})
		w.pass(lingering)
		w.expect(id, Closed, Expired)
		w.nothingLeft()
	})
}

// Mending takes longer than the pause between two looks, and the second look
// is from before it was done. That is no second removal.
func TestSlowMend(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		id := w.opened(alice, "web", 2*time.Hour)
		w.sweepFor(time.Minute, time.Minute)
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "mend" {
				time.Sleep(20*time.Second + time.Second/2)
			}
			return nil
		})
		w.cloud.meddle(id, drifts["rule"])
		w.sweepFor(20*time.Second, 20*time.Second)
		w.sweepFor(20*time.Second, 20*time.Second) // and begins to mend
		w.pass(20 * time.Second)
		w.sweepWhile(func() {})
		w.expect(id, Open, "")
		if l := w.lease(id); !l.Mended || l.Drift.Missing {
			t.Fatal("the mending did not fall between look and judgement")
		}
		w.sweepFor(10*time.Minute, 20*time.Second)
		w.expect(id, Open, "")
		if n := len(w.slack.when(id, "mended")); n != 1 {
			t.Errorf("told %d times", n)
		}
	})
}

// Mending never runs beside a teardown, however it ends and whenever its
// answer comes; and what it made is removed.
func TestCloseWhileMending(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		slow string // "request": it has no effect yet; "answer": it has had
		obey bool   // it ends when it is cut short
		end  func(w *world, id string)
		why  Reason
	}{
		{"closed, hanging", "request", true, func(w *world, id string) { w.must(alice, CloseLease{Ref: id}) }, ClosedByUser},
		{"closed, slow request", "request", false, func(w *world, id string) { w.must(alice, CloseLease{Ref: id}) }, ClosedByUser},
		{"closed, slow answer", "answer", false, func(w *world, id string) { w.must(alice, CloseLease{Ref: id}) }, ClosedByUser},
		{"expired, hanging", "request", true, func(w *world, id string) { w.pass(time.Until(w.lease(id).ExpiresAt)) }, Expired},
		{"expired, slow answer", "answer", false, func(w *world, id string) { w.pass(time.Until(w.lease(id).ExpiresAt)) }, Expired},
		{"lost its balancer, slow answer", "answer", false, func(w *world, id string) {
			w.cloud.meddle(id, drifts["balancer"])
			w.sweepFor(90*time.Second, 5*time.Second)
		}, InstanceGone},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.sweep()
				id := w.opened(alice, "web", 5*time.Minute)
				w.sweepFor(time.Minute, time.Minute)
				var mending atomic.Bool
				wait := func(ctx context.Context) error {
					if tt.obey {
						return hang(ctx)
					}
					time.Sleep(30 * time.Second)
					return nil
				}
				w.cloud.script(func(ctx context.Context, op string, _ *Lease) error {
					switch {
					case op == "close" && mending.Load():
						t.Error("teardown began beside the mending")
					case op == "mend":
						mending.Store(true)
						if tt.slow == "request" {
							defer mending.Store(false)
							return wait(ctx)
						}
					}
					return nil
				})
				w.cloud.afterwards(func(op string, _ *Lease) error {
					if op != "mend" {
						return nil
					}
					defer mending.Store(false)
					return wait(context.Background())
				})
				if tt.why == Expired {
					w.pass(time.Until(w.lease(id).ExpiresAt.Add(-10 * time.Second)))
				}
				w.cloud.meddle(id, drifts["widened"])
				w.sweep()
				if !mending.Load() {
					t.Fatal("nobody mends")
				}
				typed := time.Now()
				tt.end(w, id)
				if tt.obey && tt.why == ClosedByUser {
					synctest.Wait()
					if got := w.lease(id).AccessEndedAt; !got.Equal(typed) {
						t.Errorf("access ended at %s, typed at %s", w.since(got), w.since(typed))
					}
				}
				w.pass(time.Minute)
				w.expect(id, Closed, tt.why)
				w.nothingLeft()
				w.sweepFor(10*time.Minute, time.Minute)
				w.expect(id, Closed, tt.why)
				if w.orphans > 0 {
					t.Errorf("%d orphans", w.orphans)
				}
			})
		})
	}
}

// An end while the lease extends, hangs and has lost its instance: it does not
// wait for what hangs.
func TestLostWhileExtendHangs(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 2*time.Hour)
		w.sweepFor(time.Minute, time.Minute)
		w.cloud.script(hangIn("main", "extend"))
		w.must(alice, ExtendLease{id, time.Minute})
		w.cloud.set("i-0dev", func(in *Instance) { in.Running, in.State = false, "terminated" })
		w.pass(listDelay + time.Second)
		w.sweep()
		if got := w.lease(id); got.Reason != InstanceGone || !got.AccessEndedAt.Equal(time.Now()) {
			t.Errorf("it is %s %q, access ended at %s, now is %s", got.State, got.Reason, w.since(got.AccessEndedAt), time.Since(w.t0))
		}
	})
}

// The process dies in the middle of mending. The next one goes on with it,
// and what it says is said at least once.
func TestCrashWhileMending(t *testing.T) {
	t.Parallel()
	for _, after := range []bool{false, true} {
		t.Run(fmt.Sprintf("after=%t", after), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.sweep()
				id := w.opened(alice, "web", 2*time.Hour)
				w.sweepFor(time.Minute, time.Minute)
				w.cloud.meddle(id, drifts["rule"])
				w.sweepFor(time.Minute, time.Minute)
				die := func() error { w.pause(); return hang(w.dying()) }
				if after {
					w.cloud.afterwards(func(op string, _ *Lease) error {
						if op == "mend" {
							return die()
						}
						return nil
					})
				} else {
					w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
						if op == "mend" {
							return die()
						}
						return nil
					})
				}
				w.pass(time.Minute)
				w.sweep()
				w.crash()
				if l := w.stored(id); !l.Drift.Missing || l.Mended {
					t.Fatalf("recorded: missing %t, mended %t", l.Drift.Missing, l.Mended)
				}
				w.cloud.script(nil)
				w.cloud.afterwards(nil)
				w.start()
				w.pass(time.Minute)
				if l := w.lease(id); l.State != Open || l.Drift.Missing || !l.Mended || !w.cloud.reachable(id) {
					t.Errorf("it is %s, missing %t, mended %t", l.State, l.Drift.Missing, l.Mended)
				}
				if diff := cmp.Diff([]string{"mended"}, w.heardOf(id, NoticeMended)); diff != "" {
					t.Errorf("people heard (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// dying is a context that ends when the keeper of now is dropped.
func (w *world) dying() context.Context { return w.keeper().workers.ctx }

// The judgement waits for an extension that is being written; it was made on
// what was before it.
func TestExtendWrittenDuringJudgement(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		what  string
		lists func(*Found) bool
	}{
		{"gone", func(f *Found) bool { f.Balancer = false; return true }},
		{"widened", func(f *Found) bool { f.Widened = true; return true }},
	} {
		t.Run(tt.what, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.sweep()
				id := w.opened(alice, "web", 2*time.Hour)
				w.sweepFor(time.Minute, time.Minute)
				if tt.what == "gone" {
					w.cloud.distort(tt.lists)
					w.sweep()
				}
				w.cloud.distort(tt.lists)
				w.pass(listDelay)
				w.store.script(func(_ context.Context, op, _ string) error {
					if op == "put" {
						time.Sleep(2 * time.Second)
					}
					return nil
				})
				w.sweepWhile(func() {
					go func() {
						if _, err := w.do(alice, ExtendLease{id, time.Hour}); err != nil {
							w.t.Error(err)
						}
					}()
					synctest.Wait()
				})
				w.cloud.distort(nil)
				w.store.script(nil)
				w.sweepFor(5*time.Minute, time.Minute)
				w.expect(id, Open, "")
				if n := w.cloud.count("mend", id); n > 0 {
					t.Errorf("mended %d times", n)
				}
			})
		})
	}
}

// Two sweeps at the same time, as after a start that falls on a tick: what
// both find is one orphan.
func TestTwoSweeps(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.strand("0rphan1", "main", "i-0dev", true)
		w.sweep()
		w.pass(w.timing.Sweep)
		w.store.script(slowStore)
		sweep := func() error { return w.keeper().Sweep(context.Background()) }
		for _, err := range w.atOnce(sweep, sweep, sweep) {
			if err != nil {
				t.Error(err)
			}
		}
		w.pass(time.Minute)
		w.expect("0rphan1", Closed, Lost)
		if w.orphans != 1 {
			t.Errorf("%d orphans were counted", w.orphans)
		}
	})
}
