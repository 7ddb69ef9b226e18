package sshforward

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A whole life, to the second: the clock starts when the forward is ready and
// not at the click, and everything after follows from that.
func TestLife(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.ask(alice, "web", time.Hour)
		w.expect(id, Requested, "")
		w.nothingLeft()

		w.to(time.Minute)
		w.must(alice, ConfirmLease{ID: id})
		ready := time.Minute + untilInService
		w.to(ready - time.Second)
		w.expect(id, Opening, "")
		if got := w.slack.shows(id); !strings.Contains(got, "health check") {
			t.Errorf("while opening the card shows %q, not what is waited for", got)
		}
		w.to(ready)
		w.expect(id, Open, "")
		l := w.lease(id)
		if got, want := w.since(l.OpenedAt), ready; got != want {
			t.Errorf("the clock started at %s, want %s", got, want)
		}
		if got, want := w.since(l.ExpiresAt), ready+time.Hour; got != want {
			t.Errorf("expires at %s, want %s", got, want)
		}
		command := "ssh -p 443 -o HostKeyAlias=i-0dev -o CheckHostIP=no -o ServerAliveInterval=30 ubuntu@" + id + ".elb.example"
		if l.SSHCommand() != command {
			t.Errorf("got %q, want %q", l.SSHCommand(), command)
		}

		end := ready + time.Hour
		w.to(end - time.Second)
		if !w.cloud.reachable(id) {
			t.Error("access ended before it was promised to")
		}
		w.to(end)
		if w.cloud.reachable(id) {
			t.Error("access lasted beyond its end")
		}
		w.expect(id, Closing, Expired)
		w.to(end + lingering)
		w.expect(id, Closed, Expired)
		w.nothingLeft()

		l = w.lease(id)
		if got := w.since(l.AccessEndedAt); got != end {
			t.Errorf("the receipt says that access ended at %s, want %s", got, end)
		}
		if got := w.since(l.ClosedAt); got != end+lingering {
			t.Errorf("the receipt says that the last thing was gone at %s, want %s", got, end+lingering)
		}
		want := []string{"new card", "ready", "command", "reminder", "reminder", "ended"}
		if diff := cmp.Diff(want, w.slack.heard(id)); diff != "" {
			t.Errorf("people heard (-want +got):\n%s", diff)
		}
		for i, before := range []time.Duration{15 * time.Minute, 5 * time.Minute} {
			if got := w.since(w.slack.when(id, "reminder")[i]); got != end-before {
				t.Errorf("reminder %d came at %s, want %s", i, got, end-before)
			}
		}
		if got := w.slack.shows(id); got != "closed" {
			t.Errorf("the card shows %q", got)
		}
		if diff := cmp.Diff([]time.Duration{untilInService}, w.openings); diff != "" {
			t.Errorf("opening times (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff([]time.Duration{0}, w.overstays); diff != "" {
			t.Errorf("overstays (-want +got):\n%s", diff)
		}
	})
}

func TestEightHours(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 8*time.Hour)
		w.to(8 * time.Hour)
		w.expect(id, Open, "")
		asked := w.cloud.count("", id)
		w.to(untilInService + 8*time.Hour)
		w.expect(id, Closing, Expired)
		w.pass(lingering)
		w.expect(id, Closed, Expired)
		if asked > 10 {
			t.Errorf("a quiet lease took %d calls to AWS", asked)
		}
	})
}

// The reminders an extension brings, and the end it moves.
func TestExtend(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		end := untilInService + time.Hour
		w.to(end - 10*time.Minute)
		w.must(alice, ExtendLease{"web", time.Hour})
		w.pass(0)
		end += time.Hour
		if got := w.since(w.lease(id).Resources.Until); got != end {
			t.Errorf("the tags say that it ends at %s, want %s", got, end)
		}
		if !w.cloud.reachable(id) {
			t.Error("extending dropped the session")
		}
		w.to(end - time.Second)
		w.expect(id, Open, "")
		w.to(end)
		w.expect(id, Closing, Expired)
		var got []time.Duration
		for _, at := range w.slack.when(id, "reminder") {
			got = append(got, end-w.since(at))
		}
		want := []time.Duration{75 * time.Minute, 15 * time.Minute, 5 * time.Minute}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("reminders before the end (-want +got):\n%s", diff)
		}
	})
}

func TestExtendRefused(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", 7*time.Hour)
		for _, tt := range []struct {
			user string
			cmd  ExtendLease
			code string
			says string
		}{
			{alice, ExtendLease{id, 2 * time.Hour}, EFORBIDDEN, "at most 1h"},
			{alice, ExtendLease{id, 0}, EINVALID, "extend " + id + " 30m"},
			{alice, ExtendLease{id, -time.Hour}, EINVALID, "30m"},
			{bob, ExtendLease{id, time.Minute}, EFORBIDDEN, "not yours"},
			{alice, ExtendLease{"two", time.Minute}, ENOTFOUND, "no open lease called two"},
		} {
			_, err := w.do(tt.user, tt.cmd)
			wantCode(t, err, tt.code)
			if !strings.Contains(told(err), tt.says) {
				t.Errorf("%s: %q does not say %q", tt.user, told(err), tt.says)
			}
		}
		w.must(admin, ExtendLease{id, time.Hour})
		_, err := w.do(alice, ExtendLease{id, time.Second})
		wantCode(t, err, EFORBIDDEN)
		if got := w.lease(id); got.ExpiresAt.Sub(got.OpenedAt) != 8*time.Hour {
			t.Errorf("it lasts %s in all", got.ExpiresAt.Sub(got.OpenedAt))
		}
	})
}

// Tags in AWS have whole seconds. What stands there then is not the promised
// end to the nanosecond, and that must not be mended for ever.
func TestExtendWithCoarseTags(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.truncate = true
		w.pass(300 * time.Millisecond)
		id := w.ask(alice, "web", time.Hour)
		w.pass(333 * time.Millisecond)
		w.must(alice, ConfirmLease{ID: id})
		var steps int
		w.cloud.script(func(ctx context.Context, op string, l *Lease) error {
			if op == "extend" {
				if steps++; steps > 100 {
					return hang(ctx) // or the spec would never end
				}
			}
			return nil
		})
		w.pass(777 * time.Millisecond)
		w.pass(time.Minute)
		w.must(alice, ExtendLease{id, time.Minute + time.Millisecond})
		w.pass(10 * time.Minute)
		if steps > 2 {
			t.Errorf("the end was moved %d times for one extension", steps)
		}
		w.expect(id, Open, "")
	})
}

func TestLapse(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.ask(alice, "web", time.Hour)
		w.to(w.timing.Confirm - time.Second)
		w.expect(id, Requested, "")
		w.to(w.timing.Confirm)
		w.expect(id, Closed, Lapsed)
		_, err := w.do(alice, ConfirmLease{ID: id})
		wantCode(t, err, ECONFLICT)
		if got := w.slack.shows(id); got != "closed" {
			t.Errorf("the card shows %q", got)
		}
		if w.cloud.count("close", id) > 0 {
			t.Error("something was torn down that never was")
		}
	})
}

// An opening that takes too long is rolled back, and says what it waited for.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "open/service" {
				return &Error{Code: EUNAVAILABLE, Message: Textf("AWS is throttling.")}
			}
			return nil
		})
		id := w.ask(alice, "web", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.to(w.timing.Opening - time.Second)
		l := w.lease(id)
		if l.State != Opening || l.Stuck() {
			t.Errorf("got %s after %d failures, stuck: %t; no operator need look, it is rolled back soon", l.State, l.Attempts, l.Stuck())
		}
		w.to(w.timing.Opening)
		w.expect(id, Closing, Failed)
		if why := w.lease(id).Why; !strings.Contains(why.String(), "not ready within 10m") || !strings.Contains(why.String(), "throttling") {
			t.Errorf("it says %q", why)
		}
		w.pass(lingering)
		w.expect(id, Closed, Failed)
		w.nothingLeft()
		if diff := cmp.Diff([]string{"new card", "failed"}, w.slack.heard(id)); diff != "" {
			t.Errorf("people heard (-want +got):\n%s", diff)
		}
	})
}

// What cannot work is not tried again, and leaves nothing behind.
func TestFinalFailure(t *testing.T) {
	t.Parallel()
	for _, stage := range Stages[1:] {
		t.Run(string(stage), func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
					if op == "open/"+string(stage) {
						return &Error{Code: EQUOTA, Message: Textf("There is no room.")}
					}
					return nil
				})
				id := w.ask(alice, "web", time.Hour)
				w.must(alice, ConfirmLease{ID: id})
				w.pass(time.Minute)
				w.expect(id, Closed, Failed)
				w.nothingLeft()
				if l := w.lease(id); l.Why.String() != "There is no room." {
					t.Errorf("it says %q", l.Why)
				}
				if n := w.cloud.count("open/"+string(stage), id); n != 1 {
					t.Errorf("tried %d times", n)
				}
			})
		})
	}
}

func TestRetention(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.timing.Keep = time.Minute
		w.start()
		defer func() { w.crash() }()
		id := w.ask(alice, "web", time.Hour)
		w.must(alice, CancelLease{id})
		w.to(w.timing.Keep - time.Second)
		w.expect(id, Closed, Cancelled)
		w.to(w.timing.Keep)
		_, err := w.show(alice, id)
		wantCode(t, err, ENOTFOUND)
		if !strings.Contains(told(err), id) {
			t.Errorf("%q does not say which", told(err))
		}
	})
}

// Stop lets the running step finish and be recorded, and begins nothing new.
func TestStop(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
			if op == "open/group" {
				time.Sleep(3 * time.Second)
			}
			return nil
		})
		id := w.ask(alice, "web", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(time.Second)
		w.k.Stop(context.Background())
		if got := time.Since(w.t0); got != 3*time.Second {
			t.Errorf("stopped after %s, want 3s", got)
		}
		l := w.stored(id)
		if l.Resources.GroupID == "" || l.Stage != StageBalancer {
			t.Errorf("the step that ran was not recorded: %s %+v", l.Stage, l.Resources)
		}
		calls := w.cloud.count("", id)
		w.pass(time.Minute)
		if got := w.cloud.count("", id); got != calls {
			t.Errorf("%d calls after Stop", got-calls)
		}
		w.pause()
		w.start()
		w.pass(time.Minute)
		w.expect(id, Open, "")
		if cards := slices.DeleteFunc(w.slack.heard(id), func(s string) bool { return s != "new card" }); len(cards) != 1 {
			t.Errorf("got %d cards", len(cards))
		}
	})
}
