package sshforward

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

func unwritable(_ context.Context, op, _ string) error {
	if op == "put" || op == "delete" {
		return unavailable("The store")
	}
	return nil
}

// Access ends on time also when the disk is full, and people are told once.
// What happened is written when that is possible again.
func TestUnwritableStoreAtExpiry(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 10*time.Minute)
		end := w.lease(id).ExpiresAt
		w.pass(time.Until(end.Add(-time.Minute)))
		w.store.script(unwritable)
		w.pass(time.Until(end))
		if w.cloud.reachable(id) {
			t.Error("access lasted beyond its end")
		}
		w.pass(30 * time.Minute)
		w.expect(id, Closed, Expired)
		w.nothingLeft()
		if got := w.stored(id).State; got != Open {
			t.Errorf("the store has %s", got)
		}
		want := []string{"new card", "ready", "command", "reminder", "ended"}
		if diff := cmp.Diff(want, w.slack.heard(id)); diff != "" {
			t.Errorf("people heard (-want +got):\n%s", diff)
		}
		if n := w.cloud.count("close", id); n > 3 {
			t.Errorf("torn down %d times", n)
		}
		if n := len(w.list(alice, false)); n != 0 {
			t.Errorf("a closed lease is still listed")
		}
		said := w.slack.tried()

		w.store.script(nil)
		w.pass(2 * time.Second)
		l := w.stored(id)
		if l.State != Closed || l.Reason != Expired || !l.AccessEndedAt.Equal(end) {
			t.Errorf("the store has %s %q, ended at %s", l.State, l.Reason, w.since(l.AccessEndedAt))
		}
		w.pass(time.Hour)
		if again := w.slack.tried() - said; again > 0 {
			t.Errorf("%d messages after the store came back", again)
		}
		if diff := cmp.Diff([]time.Duration{0}, w.overstays); diff != "" {
			t.Errorf("overstays (-want +got):\n%s", diff)
		}
	})
}

// The process dies while the store cannot be written: what is there leads to
// the same end.
func TestCrashWithUnwritableStore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 10*time.Minute)
		w.store.script(unwritable)
		w.pass(11 * time.Minute)
		w.expect(id, Closed, Expired)
		w.crash()
		w.store.script(nil)
		w.start()
		w.pass(time.Minute)
		w.expect(id, Closed, Expired)
		w.nothingLeft()
	})
}

// Both queues of a lease write at the same time, slowly and in vain. What one
// of them remembers is not what the other one forgets.
func TestSlowUnwritableStore(t *testing.T) {
	t.Parallel()
	for _, offset := range []time.Duration{-30, -15, -5, 0, 5, 15, 30} {
		inWorld(t, func(w *world) {
			id := w.opened(alice, "web", 10*time.Minute)
			end := w.lease(id).ExpiresAt
			w.pass(time.Minute)
			w.store.script(func(ctx context.Context, op, id string) error {
				if op == "put" {
					time.Sleep(20 * time.Millisecond)
				}
				return unwritable(ctx, op, id)
			})
			w.slack.script(func(_ context.Context, what string, l *Lease) error {
				if l.State == Open && what == "reminder" {
					time.Sleep(time.Until(end.Add(offset * time.Millisecond)))
				}
				return nil
			})
			w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
				if op == "close" {
					time.Sleep(10 * time.Millisecond)
				}
				return nil
			})
			w.pass(12 * time.Minute)
			w.expect(id, Closed, Expired)
			w.store.script(nil)
			w.pass(time.Minute)
			w.expect(id, Closed, Expired)
			if got := w.stored(id).State; got != Closed {
				t.Errorf("%dms: the store has %s", offset, got)
			}
			heard := w.slack.heard(id)
			if n := len(slices.DeleteFunc(heard, func(s string) bool { return s != "ended" })); n != 1 {
				t.Errorf("%dms: told %d times that it ended", offset, n)
			}
			if n := w.cloud.count("close", id); n > 2 {
				t.Errorf("%dms: torn down %d times", offset, n)
			}
		})
	}
}

// The record was kept in memory beyond its time and is then forgotten for
// good, and not again and again.
func TestForgetAfterUnwritableStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.timing.Keep = time.Second
		w.start()
		defer func() { w.crash() }()
		id := w.opened(alice, "web", 10*time.Minute)
		deletes := 0
		w.store.script(func(ctx context.Context, op, id string) error {
			if op == "delete" {
				if deletes++; deletes > 100 {
					<-ctx.Done() // or the spec would never end
				}
				return nil
			}
			return unwritable(ctx, op, id)
		})
		w.pass(12 * time.Minute)
		w.store.script(nil)
		w.pass(time.Minute)
		if deletes > 1 {
			t.Errorf("deleted %d times", deletes)
		}
		_, err := w.show(alice, id)
		wantCode(t, err, ENOTFOUND)
	})
}

// A person is told when the store cannot take what they ask for, and nothing
// happens then.
func TestCommandsOnUnwritableStore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		open := w.opened(alice, "web", time.Hour)
		asked := w.ask(alice, "two", time.Hour)
		w.store.script(unwritable)
		for _, cmd := range []Command{OpenLease{Instance: "i-0far"}, ConfirmLease{ID: asked}, CancelLease{asked},
			ExtendLease{open, time.Minute}, CloseLease{Ref: asked}} {
			_, err := w.do(alice, cmd)
			wantCode(t, err, EUNAVAILABLE)
		}
		w.pass(time.Minute)
		w.store.script(nil)
		w.pass(time.Second)
		w.expect(asked, Requested, "")
		w.expect(open, Open, "")
	})
}

// A close of what is opening or open goes on in memory, like an expiry, and
// whoever closes it is told that it is not in the records yet; later it is, with
// who it was.
func TestCloseByPersonOnUnwritableStore(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		user    string
		opening bool
		all     bool
		reason  Reason
	}{
		"by its owner":          {alice, false, false, ClosedByUser},
		"by an admin":           {admin, false, false, ClosedByAdmin},
		"by a close of all":     {alice, false, true, ClosedByUser},
		"while it opens":        {alice, true, false, ClosedByUser},
		"while it opens, admin": {admin, true, false, ClosedByAdmin},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				var id string
				if tt.opening {
					id = w.ask(alice, "web", time.Hour)
					w.must(alice, ConfirmLease{ID: id})
					w.pass(2 * time.Second)
				} else {
					id = w.opened(alice, "web", time.Hour)
				}
				w.store.script(unwritable)
				cmd := CloseLease{Ref: id}
				if tt.all {
					cmd = CloseLease{All: true}
				}
				reply, err := w.do(tt.user, cmd)
				if err != nil || !reply.Unrecorded {
					t.Fatalf("the answer: %+v, %v", reply, err)
				}
				w.pass(time.Second)
				if w.cloud.reachable(id) {
					t.Error("access goes on")
				}
				w.pass(lingering + 5*time.Second)
				w.expect(id, Closed, tt.reason)
				w.nothingLeft()
				if got := w.stored(id).State; got == Closed {
					t.Errorf("the store has %s", got)
				}

				w.store.script(nil)
				w.pass(2 * time.Second)
				if l := w.stored(id); l.State != Closed || l.Reason != tt.reason || l.ClosedBy != tt.user {
					t.Errorf("the store has %s %q by %s", l.State, l.Reason, l.ClosedBy)
				}
				var closes []string
				for _, e := range w.store.recorded() {
					if e.Act == ActClose {
						closes = append(closes, e.Actor+" "+e.Result)
					}
				}
				if diff := cmp.Diff([]string{tt.user + " ok"}, closes); diff != "" {
					t.Errorf("the audit record has (-want +got):\n%s", diff)
				}
				other := w.opened(bob, "two", time.Hour)
				if reply := w.must(bob, CloseLease{Ref: other}); reply.Unrecorded {
					t.Error("what is recorded is said not to be")
				}
			})
		})
	}
}

// While nothing can be read nothing can be decided; it is, as soon as it can.
func TestUnreadableStore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 10*time.Minute)
		w.store.script(func(context.Context, string, string) error { return unavailable("The store") })
		for _, cmd := range []Command{
			OpenLease{Instance: "web"}, CloseLease{}, CloseLease{All: true}, CloseLease{Ref: id}, ExtendLease{id, time.Minute},
			ConfirmLease{ID: id}, CancelLease{id}, ApproveLease{ID: id}, SetSource{Clear: true},
		} {
			_, err := w.do(alice, cmd)
			wantCode(t, err, EUNAVAILABLE)
		}
		ctx, k := context.Background(), w.keeper()
		for _, ask := range []func() error{
			func() error { _, err := k.Show(ctx, from(alice), id); return err },
			func() error { _, err := k.List(ctx, from(alice), false); return err },
			func() error { _, err := k.Active(ctx); return err },
			func() error { _, err := k.Source(ctx, from(alice)); return err },
			func() error { _, err := k.Overview(ctx, from(alice)); return err },
			func() error { _, err := k.History(ctx, from(alice)); return err },
		} {
			wantCode(t, ask(), EUNAVAILABLE)
		}
		if err := w.k.Tick(context.Background()); ErrorCode(err) != EUNAVAILABLE {
			t.Errorf("Tick says %v", err)
		}
		w.pass(20 * time.Minute)
		w.store.script(nil)
		w.pass(time.Second)
		w.expect(id, Closing, Expired)
	})
}

// What a step did cannot be recorded, so it is done again, a few times a
// second and not as fast as the machine can. What takes too long is rolled back
// all the same.
func TestUnwritableStoreWhileOpening(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"open/group", "extend"} {
		t.Run(op, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.cloud.script(func(ctx context.Context, o string, _ *Lease) error {
					if o == op {
						w.store.script(unwritable)
						if w.cloud.count(op, "") > 5000 {
							return hang(ctx) // or the spec would never end
						}
					}
					return nil
				})
				id := w.ask(alice, "web", 8*time.Minute)
				w.must(alice, ConfirmLease{ID: id})
				w.pass(time.Minute)
				if op == "extend" {
					w.must(alice, ExtendLease{id, time.Minute})
				}
				w.pass(5 * time.Minute)
				if n := w.cloud.count(op, id); n > 4*6*60 {
					t.Errorf("%s was done %d times in 6 minutes", op, n)
				}
				w.pass(15 * time.Minute)
				w.expect(id, Closed, w.lease(id).Reason)
				w.nothingLeft()
			})
		})
	}
}

// Nobody is let in by a clock that only memory has: after a crash people would
// get in for longer than they were told.
func TestDoorStaysShutOnUnwritableStore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.script(func(_ context.Context, o string, _ *Lease) error {
			if o == "open/service" {
				w.store.script(unwritable)
			}
			return nil
		})
		id := w.ask(alice, "web", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		for range 120 {
			w.pass(time.Second)
			if w.cloud.reachable(id) {
				t.Fatalf("it can be used after %s, and the store has %s", w.since(time.Now()), w.stored(id).Stage)
			}
		}
		w.cloud.script(nil)
		w.store.script(nil)
		w.pass(3 * time.Minute) // until it is tried again
		w.expect(id, Open, "")
		if got, want := w.stored(id).ExpiresAt, w.lease(id).ExpiresAt; got.IsZero() || !got.Equal(want) || !w.cloud.reachable(id) {
			t.Errorf("the store has %s for its end, and it is %s", got, want)
		}
	})
}

// stalledLog is a handler that takes a line only while nothing is locked: who
// reads the log may take as long as they like, and must hold up no lease.
type stalledLog struct {
	slog.Handler
	w *world
}

func (h stalledLog) Handle(_ context.Context, r slog.Record) error {
	g := &h.w.keeper().ledger
	free := make(chan struct{})
	go func() {
		for _, l := range h.w.store.all() {
			g.changing.lock(l.ID)()
		}
		close(free)
	}()
	select {
	case <-free:
	case <-time.After(time.Hour):
		h.w.t.Errorf("%q is logged under a lock", r.Message)
	}
	return nil
}

func TestNothingIsLoggedUnderALock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.handler = stalledLog{slog.NewTextHandler(io.Discard, nil), w}
		w.start()
		defer func() { w.crash() }()
		id := w.opened(alice, "web", 10*time.Minute)
		w.store.script(unwritable)
		w.pass(15 * time.Minute)
		w.expect(id, Closed, Expired)
		w.store.script(nil)
		w.pass(2 * time.Second)
		if got := w.stored(id).State; got != Closed {
			t.Errorf("the store has %s", got)
		}
	})
}
