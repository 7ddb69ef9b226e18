package sshforward

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward/internal/testenv"
)

// reaper ends the process at one of its calls to the outside: before it has
// its effect, or after that and before the answer is read. A dead process has
// no effects.
type reaper struct {
	mu     sync.Mutex
	calls  int
	at     int  // the call at which it strikes; 0: never
	after  bool // the effect of that call
	dead   bool
	struck string
	signal chan struct{}
}

func (r *reaper) enter(what string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.dead {
		return unavailable("A dead process's world")
	}
	r.calls++
	if r.calls == r.at && !r.after {
		return r.strike("before " + what)
	}
	return nil
}

func (r *reaper) leave(what string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.dead && r.calls >= r.at && r.at > 0 && r.after && r.struck == "" {
		return r.strike("after " + what)
	}
	return nil
}

func (r *reaper) strike(where string) error {
	r.dead, r.struck = true, where
	close(r.signal)
	return unavailable("A dead process's world")
}

func (r *reaper) revive() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.dead = false
}

// wield has the reaper stand behind every call that leaves the process.
func (r *reaper) wield(w *world) {
	w.store.before = func(_ context.Context, op, _ string) error {
		if op != "put" && op != "delete" {
			if r.isDead() {
				return unavailable("A dead process's world")
			}
			return nil // reading leaves no trace
		}
		return r.enter("store " + op)
	}
	w.store.after = func(op, _ string) error { return r.leave("store " + op) }
	w.cloud.before = func(_ context.Context, op string, _ *Lease) error { return r.enter("aws " + op) }
	w.cloud.after = func(op string, _ *Lease) error { return r.leave("aws " + op) }
	w.slack.before = func(_ context.Context, what string, _ *Lease) error { return r.enter("slack " + what) }
	w.slack.after = func(what string, _ *Lease) error { return r.leave("slack " + what) }
}

func (r *reaper) isDead() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.dead
}

// insist gives a command until it is taken, as a person does whose click got
// no answer. A conflict says that it was taken before.
func (w *world) insist(user string, cmd Command) Reply {
	w.t.Helper()
	return insist(w, func() (Reply, error) { return w.do(user, cmd) })
}

func (w *world) insistOnShowing(id string) *Lease {
	w.t.Helper()
	return insist(w, func() (*Lease, error) { return w.show(alice, id) })
}

func insist[T any](w *world, do func() (T, error)) (got T) {
	w.t.Helper()
	for range 10 {
		got, err := do()
		switch ErrorCode(err) {
		case "", ECONFLICT:
			return got
		case EUNAVAILABLE:
			w.pass(5 * time.Second)
		default:
			w.t.Fatal(err)
		}
	}
	w.t.Fatalf("no %T in ten tries", got)
	return got
}

// livedThrough plays a whole life and restarts the process 3 seconds after it
// has died. It returns how many calls left the process.
func livedThrough(t *testing.T, at int, after bool) (calls int) {
	synctest.Test(t, func(t *testing.T) {
		r := &reaper{at: at, after: after, signal: make(chan struct{})}
		w := newWorld(t)
		w.timing.Keep = 30 * time.Minute
		r.wield(w)
		w.start()
		over := make(chan struct{})
		var nurse sync.WaitGroup
		nurse.Go(func() {
			select {
			case <-over:
				return
			case <-r.signal:
			}
			w.crash()
			time.Sleep(3 * time.Second)
			r.revive()
			w.start()
		})
		defer func() {
			close(over)
			nurse.Wait()
			w.crash()
		}()

		id := w.insist(alice, OpenLease{Instance: "db", Duration: 5 * time.Minute, Because: "x"}).Lease.ID
		w.insist(alice, ConfirmLease{ID: id})
		w.insist(bob, ApproveLease{ID: id})
		w.to(2 * time.Minute)
		if s := w.lease(id).State; s != Open && r.struck == "" {
			t.Fatalf("it is %s", s)
		}
		// Who got no answer looks before extending again.
		for l := w.insistOnShowing(id); l.ExpiresAt.Sub(l.OpenedAt) < 7*time.Minute; l = w.insistOnShowing(id) {
			if _, err := w.do(alice, ExtendLease{id, 2 * time.Minute}); err != nil {
				wantCode(t, err, EUNAVAILABLE)
				w.pass(5 * time.Second)
			}
		}
		w.to(6 * time.Minute)
		w.expect(id, Open, "")
		w.to(9 * time.Minute)
		w.expect(id, Closed, Expired)
		w.nothingLeft()
		l := w.stored(id)
		if l.Overstay() > 15*time.Second {
			t.Errorf("dead %s: access lasted %s too long", r.struck, l.Overstay())
		}
		if got := l.ExpiresAt.Sub(l.OpenedAt); got != 7*time.Minute {
			t.Errorf("dead %s: it lasted %s", r.struck, got)
		}
		if len(l.Owed) > 0 || w.slack.shows(id) != "closed" {
			t.Errorf("dead %s: still owed %v, the card shows %q", r.struck, l.Owed, w.slack.shows(id))
		}
		for _, what := range []string{"new card", "ready", "reminder", "ended"} {
			// At least once; the message whose record the death took, once more.
			if n := len(w.slack.when(id, what)); n < 1 || n > 2 {
				t.Errorf("dead %s: %q was said %d times", r.struck, what, n)
			}
		}
		w.to(time.Hour)
		if n := len(filter(w.store.all(), func(l *Lease) bool { return l.ID == id })); n != 0 {
			t.Errorf("dead %s: it was not forgotten", r.struck)
		}
		calls = r.calls
	})
	return calls
}

// The crash matrix: wherever the process dies in a life, the next one brings
// it to the same end.
func TestCrashAnywhere(t *testing.T) {
	calls := livedThrough(t, 0, false)
	if calls < 40 {
		t.Fatalf("a whole life took only %d calls", calls)
	}
	for at := 1; at <= calls; at += testenv.UnlessRaced(1, 8) {
		for _, after := range []bool{false, true} {
			t.Run(fmt.Sprintf("call %d, after=%t", at, after), func(t *testing.T) {
				t.Parallel()
				livedThrough(t, at, after)
			})
		}
	}
}
