package sshforward

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// blocked is an account that lets nothing be done or seen.
func blocked(account string) func(context.Context, string, *Lease) error {
	return func(_ context.Context, op string, l *Lease) error {
		if l.Instance.Account == account || l.ID == account && op == "survey" {
			return Errorf(EFORBIDDEN, "AWS does not know my credentials.")
		}
		return nil
	}
}

// An admin gives up what can never be proved closed, after having been told what
// cannot be seen. It ends as lost, everybody concerned hears that nothing was
// proved, and what is seen of it again is closed again.
func TestAbandon(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		abandon := AbandonLease{ID: id, Because: "the account is closed"}
		refused := func(user string, cmd AbandonLease, code, says string) {
			t.Helper()
			_, err := w.do(user, cmd)
			wantCode(t, err, code)
			if !strings.Contains(told(err), says) {
				t.Errorf("it says %q, not %q", told(err), says)
			}
		}
		refused(admin, abandon, ECONFLICT, "Close it first; if that gets nowhere, it can be given up. Try: close "+id)
		w.cloud.script(blocked("main"))
		w.must(alice, CloseLease{Ref: id})
		w.pass(2 * time.Second)
		refused(admin, abandon, ECONFLICT, "Wait for it")
		w.pass(time.Minute)
		if !w.lease(id).Stuck() {
			t.Fatal("it is not stuck")
		}
		refused(alice, abandon, EFORBIDDEN, "Only an admin")
		refused(admin, AbandonLease{ID: id}, EINVALID, "Say why")
		refused(admin, AbandonLease{ID: id, Because: " ", Sure: true}, EINVALID, "Say why")

		r := w.must(admin, abandon)
		known := "AWS does not know my credentials. Access was not seen to end."
		if r.Remains == nil || !strings.Contains(r.Lease.Unproved(*r.Remains).String(), known) {
			t.Fatalf("before, it says %+v", r.Remains)
		}
		w.expect(id, Closing, ClosedByUser)
		abandon.Sure = true
		refused(alice, abandon, EFORBIDDEN, "Only an admin")
		w.must(admin, abandon)
		refused(admin, abandon, ECONFLICT, "closed already")
		w.pass(time.Minute)
		w.expect(id, Closed, Lost)
		l := w.lease(id)
		if !l.AccessEndedAt.IsZero() || l.Abandoned.By != admin || l.Abandoned.Was != ClosedByUser || l.Abandoned.Unseen.IsZero() {
			t.Errorf("its record: %+v", l.Abandoned)
		}
		if got := w.heardOf(id, NoticeStuck, NoticeFreed, NoticeAbandoned, NoticeEnded); !sameWords(got, "stuck", "abandoned", "ended") {
			t.Errorf("people heard %q", got)
		}
		acts := w.acts(id)
		if want := []string{"close ok", "stuck ok", "abandon ok"}; !slices.Equal(acts[len(acts)-3:], want) {
			t.Errorf("the record ends with %q, want %q", acts[len(acts)-3:], want)
		}

		w.cloud.script(nil) // the account is back
		w.sweepFor(10*time.Minute, 30*time.Second)
		w.expect(id, Closed, Lost)
		if l := w.lease(id); l.Abandoned.Standing() || l.AccessEndedAt.IsZero() {
			t.Errorf("it was not closed again: %+v", l.Abandoned)
		}
		w.nothingLeft()
		if got := w.heardOf(id, NoticeFound); len(got) != 1 {
			t.Errorf("operators heard %q", got)
		}
	})
}

// acts are what the audit record has of a lease, the oldest first, refusals left
// out.
func (w *world) acts(id string) (acts []string) {
	w.t.Helper()
	for e, err := range w.store.Events(context.Background(), time.Time{}) {
		if err != nil {
			w.t.Fatal(err)
		}
		if e.Lease == id && e.Result == ResultOK {
			acts = append(acts, string(e.Act)+" "+e.Result)
		}
	}
	return acts
}

// An account that is dropped from the configuration: what is there cannot end,
// which holds up nothing elsewhere and is known. It can be given up without
// waiting until it is stuck; or the account comes back and all of it ends.
func TestAccountIsDropped(t *testing.T) {
	t.Parallel()
	for _, back := range []bool{false, true} {
		inWorld(t, func(w *world) {
			far := w.opened(alice, "far", time.Hour)
			asked := w.ask(bob, "far", time.Hour)
			near := w.opened(alice, "web", time.Hour)
			w.crash()
			w.dropped = "far"
			w.start()
			w.must(bob, ConfirmLease{ID: asked})
			w.pass(time.Minute)
			w.expect(asked, Closed, Failed) // nothing was made of it, and nothing will be

			strays, err := w.keeper().Unconfigured(context.Background())
			if err != nil || len(strays) != 1 || strays[0].ID != far {
				t.Fatalf("in accounts that are not configured: %v %v", strays, err)
			}
			w.sweepFor(90*time.Minute, time.Minute)
			w.expect(near, Closed, Expired)
			w.expect(far, Closing, Expired)
			if l := w.lease(far); !l.Stuck() || !strings.Contains(l.LastError.String(), "not in my configuration") {
				t.Errorf("it is %s: %s", l.State, l.LastError)
			}
			if back {
				w.crash()
				w.dropped = ""
				w.start()
				w.sweepFor(5*time.Minute, time.Minute)
				w.expect(far, Closed, Expired)
				w.nothingLeft()
				return
			}
			w.must(admin, AbandonLease{ID: far, Because: "of a merger", Sure: true})
			w.pass(time.Minute)
			w.expect(far, Closed, Lost)
			if strays, err = w.keeper().Unconfigured(context.Background()); err != nil || len(strays) != 0 {
				t.Errorf("in accounts that are not configured: %v %v", strays, err)
			}
		})
	}
}

// What was built while a yes is missing is there too, and may cost money.
func TestAccountIsDroppedWhileAYesIsMissing(t *testing.T) {
	inAdvance(t, nil, func(w *world) {
		strays := func() (ids []string) {
			t.Helper()
			found, err := w.keeper().Unconfigured(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range found {
				ids = append(ids, l.ID)
			}
			return ids
		}
		id := w.ask(alice, "db", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(time.Minute)
		w.lockedButReady(id)
		w.crash()
		w.dropped = w.lease(id).Instance.Account
		w.start()
		if got := strays(); !slices.Equal(got, []string{id}) {
			t.Errorf("in accounts that are not configured: %q", got)
		}
		w.must(admin, CloseLease{Ref: id})
		w.pass(time.Minute)
		w.must(admin, AbandonLease{ID: id, Because: "of a merger", Sure: true})
		if got := strays(); len(got) != 0 {
			t.Errorf("after it was given up: %q", got)
		}
	})
}

// Without an account to look into, nothing has to fail first.
func TestAbandonInADroppedAccountAtOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "far", time.Hour)
		w.crash()
		w.dropped = "far"
		w.start()
		w.must(admin, CloseLease{Ref: id})
		l, err := w.keeper().Abandon(context.Background(), id, "the account was closed")
		if err != nil {
			t.Fatal(err)
		}
		if l.State != Closed || l.Abandoned.By != "" || !strings.Contains(l.Abandoned.Unseen.String(), "not in my configuration") {
			t.Errorf("it is %s: %+v", l.State, l.Abandoned)
		}
		if _, err := w.keeper().Abandon(context.Background(), id, "once more"); ErrorCode(err) != ECONFLICT {
			t.Errorf("the second time: %v", err)
		}
	})
}

// A look that hangs does not keep the answer: it says that nothing was seen.
func TestAbandonWhileTheAccountHangs(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "web", time.Hour)
		w.cloud.script(blocked("main"))
		w.must(alice, CloseLease{Ref: id})
		w.pass(time.Minute)
		w.cloud.script(func(ctx context.Context, op string, l *Lease) error {
			switch op {
			case "survey":
				return hang(ctx)
			case "close":
				return errors.New("no")
			}
			return nil
		})
		began := time.Now()
		w.must(admin, AbandonLease{ID: id, Because: "of a test", Sure: true})
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("the answer took %s", took)
		}
		if says := w.lease(id).Abandoned.Unseen.String(); !strings.Contains(says, "did not answer in time") {
			t.Errorf("it says %q", says)
		}
	})
}
