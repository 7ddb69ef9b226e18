package sshforward

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// guarded has alice's lease for production open for 20 minutes, where n
// approvers have to agree to an extension.
func guarded(t *testing.T, n int, spec func(w *world, id string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.policy.Rules[0].ExtendApprovals = n
		w.start()
		defer func() { w.crash() }()
		id := w.ask(alice, "db", 20*time.Minute)
		w.must(alice, ConfirmLease{ID: id})
		w.must(bob, ApproveLease{ID: id})
		w.pass(untilInService)
		w.expect(id, Open, "")
		spec(w, id)
	})
}

func TestExtensionNeedsApprovalWhereTheRuleSaysSo(t *testing.T) {
	guarded(t, 2, func(w *world, id string) {
		end := w.lease(id).ExpiresAt
		by := 30 * time.Minute
		for _, tt := range []struct {
			user  string
			cmd   Command
			code  string
			says  string
			moved time.Duration
		}{
			{bob, ApproveLease{ID: id, Extend: by}, ECONFLICT, "No extension", 0},
			{alice, ExtendLease{id, 2 * time.Hour}, EFORBIDDEN, "at most 40m", 0},
			{alice, ExtendLease{id, by}, "", "", 0},
			{alice, ExtendLease{id, by}, ECONFLICT, "asked for already", 0},
			{alice, ApproveLease{ID: id, Extend: by}, EFORBIDDEN, "You asked for this yourself", 0},
			{admin, ApproveLease{ID: id, Extend: by}, EFORBIDDEN, "does not name you", 0},
			{bob, ApproveLease{ID: id}, ECONFLICT, "open already", 0}, // that was for the lease
			{bob, ApproveLease{ID: id, Extend: time.Hour}, ECONFLICT, "No extension", 0},
			{bob, ApproveLease{ID: id, Extend: by}, "", "", 0},
			{bob, ApproveLease{ID: id, Extend: by}, ECONFLICT, "somebody else", 0},
			{carol, ApproveLease{ID: id, Extend: by}, "", "", by},
			{dave, ApproveLease{ID: id, Extend: by}, ECONFLICT, "No extension", by},
			{dave, DenyLease{ID: id, Extend: by}, ECONFLICT, "No extension", by},
		} {
			_, err := w.do(tt.user, tt.cmd)
			wantCode(w.t, err, tt.code)
			if says := ErrorMessage(err).String(); !strings.Contains(says, tt.says) {
				w.t.Errorf("%T by %s: %q does not say %q", tt.cmd, tt.user, says, tt.says)
			}
			if moved := w.lease(id).ExpiresAt.Sub(end); moved != tt.moved {
				w.t.Errorf("after %+v by %s the end has moved by %s, want %s", tt.cmd, tt.user, moved, tt.moved)
			}
			w.pass(2 * time.Second)
		}
		if n := len(w.slack.when(id, "asked")); n != 1 {
			w.t.Errorf("the approvers were asked %d times", n)
		}
		if l := w.lease(id); l.Extended.User != alice || !l.Resources.Until.Equal(l.ExpiresAt) {
			w.t.Errorf("extended by %s, and AWS has %s", l.Extended.User, l.Resources.Until)
		}
	})
}

func TestExtensionDenied(t *testing.T) {
	guarded(t, 1, func(w *world, id string) {
		end := w.lease(id).ExpiresAt
		w.must(alice, ExtendLease{id, 30 * time.Minute})
		w.must(carol, DenyLease{ID: id, Extend: 30 * time.Minute, Because: "go home"})
		w.pass(2 * time.Second)
		l := w.lease(id)
		if l.State != Open || !l.ExpiresAt.Equal(end) || l.Asked.DeniedBy != carol || l.Asked.DeniedFor != "go home" {
			w.t.Errorf("it is %s until %s, %+v", l.State, l.ExpiresAt, l.Asked)
		}
		if n := len(w.slack.when(id, "refused")); n != 1 {
			w.t.Errorf("the requester was told %d times", n)
		}
		w.must(alice, ExtendLease{id, 30 * time.Minute}) // asking again is allowed
		w.pass(time.Until(w.lease(id).ExpiresAt) + 2*time.Minute)
		w.expect(id, Closed, Expired) // nobody said yes
	})
}

func TestNewerWishTakesTheOldersPlace(t *testing.T) {
	guarded(t, 2, func(w *world, id string) {
		w.must(alice, ExtendLease{id, 30 * time.Minute})
		w.must(bob, ApproveLease{ID: id, Extend: 30 * time.Minute})
		w.must(alice, ExtendLease{id, 40 * time.Minute})
		_, err := w.do(carol, ApproveLease{ID: id, Extend: 30 * time.Minute})
		wantCode(w.t, err, ECONFLICT)
		w.must(carol, ApproveLease{ID: id, Extend: 40 * time.Minute})
		if l := w.lease(id); l.Extended.By != 0 {
			w.t.Error("bob's yes to the one counted for the other")
		}
		w.must(bob, ApproveLease{ID: id, Extend: 40 * time.Minute})
		if l := w.lease(id); l.Extended.By != 40*time.Minute {
			w.t.Errorf("extended by %s", l.Extended.By)
		}
	})
}

// However many press at once, the end moves once.
func TestSimultaneousGrants(t *testing.T) {
	guarded(t, 1, func(w *world, id string) {
		end, by := w.lease(id).ExpiresAt, 10*time.Minute
		w.must(alice, ExtendLease{id, by})
		w.store.script(slowStore)
		cmd := ApproveLease{ID: id, Extend: by}
		oneWins(w.t, w.atOnce(w.giving(bob, cmd), w.giving(carol, cmd), w.giving(dave, cmd), w.giving(bob, cmd)), "No extension")
		if moved := w.lease(id).ExpiresAt.Sub(end); moved != by {
			w.t.Errorf("the end moved by %s", moved)
		}
	})
}

// Lost records must not be a way past the approvers.
func TestExtensionOfARebuiltLeaseNeedsApprovalToo(t *testing.T) {
	guarded(t, 1, func(w *world, id string) {
		w.crash()
		l := w.stored(id)
		l.Approvers, l.ExtendApprovals = nil, 0 // as tags know nothing of them
		if err := w.store.Put(context.Background(), l); err != nil {
			w.t.Fatal(err)
		}
		w.start()
		end := l.ExpiresAt
		w.must(alice, ExtendLease{id, 10 * time.Minute})
		if !w.lease(id).ExpiresAt.Equal(end) {
			w.t.Error("it was extended at once")
		}
		w.must(bob, ApproveLease{ID: id, Extend: 10 * time.Minute})
		if !w.lease(id).ExpiresAt.Equal(end.Add(10 * time.Minute)) {
			w.t.Error("it was not extended")
		}
	})
}

func TestApproversAreRemindedWithGrowingPauses(t *testing.T) {
	pending(t, 1, func(w *world, id string) {
		w.to(8*time.Hour + time.Minute)
		w.expect(id, Closed, Lapsed)
		want := []time.Duration{15 * time.Minute, 45 * time.Minute, 105 * time.Minute, 225 * time.Minute, 465 * time.Minute}
		got := w.slack.when(id, "nudge")
		if len(got) != len(want) {
			w.t.Fatalf("reminded at %v", got)
		}
		for i := range want {
			if d := w.since(got[i]); d < want[i] || d > want[i]+2*time.Second {
				w.t.Errorf("reminder %d came after %s, want %s", i+1, d, want[i])
			}
		}
	})
}

func TestMissedRemindersToApproversAreNotMadeUpFor(t *testing.T) {
	pending(t, 1, func(w *world, id string) {
		w.crash()
		w.to(2 * time.Hour)
		w.start()
		w.to(3 * time.Hour)
		if n := len(w.slack.when(id, "nudge")); n != 1 {
			w.t.Errorf("reminded %d times of three that were missed", n)
		}
		w.must(bob, ApproveLease{ID: id})
		w.to(4 * time.Hour)
		if n := len(w.slack.when(id, "nudge")); n != 1 {
			w.t.Errorf("reminded %d times, though it was decided", n)
		}
	})
}

func TestDeniedWithAReason(t *testing.T) {
	pending(t, 1, func(w *world, id string) {
		w.must(bob, DenyLease{ID: id, Because: "use the replica"})
		w.pass(0)
		if l := w.lease(id); l.State != Closed || l.Reason != Denied || l.ClosedBy != bob || l.DeniedFor != "use the replica" {
			w.t.Errorf("it is %s %s by %s: %s", l.State, l.Reason, l.ClosedBy, l.DeniedFor)
		}
	})
}

// Who may approve is asked of the policy as it is at the click.
func TestApproversChangedSinceTheRequest(t *testing.T) {
	pending(t, 1, func(w *world, id string) {
		w.k.policy.Rules[0].Approvers = []string{carol}
		_, err := w.do(bob, ApproveLease{ID: id})
		wantCode(w.t, err, EFORBIDDEN)
		w.k.policy.Rules[0].Tags = map[string]string{"Env": "other"}
		_, err = w.do(carol, ApproveLease{ID: id})
		wantCode(w.t, err, EFORBIDDEN)
	})
}
