package sshforward

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// pending has alice ask for production, where n approvals are needed.
func pending(t *testing.T, n int, spec func(w *world, id string)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.policy.Rules[0].Approvals = n
		w.start()
		defer func() { w.crash() }()
		id := w.ask(alice, "db", time.Hour)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(0)
		w.expect(id, Pending, "")
		w.nothingLeft()
		spec(w, id)
	})
}

func TestApproval(t *testing.T) {
	pending(t, 2, func(w *world, id string) {
		for _, tt := range []struct {
			user string
			cmd  Command
			code string
			says string
			then State
		}{
			{alice, ApproveLease{ID: id}, EFORBIDDEN, "You asked for this yourself", Pending}, // though a member
			{alice, DenyLease{ID: id}, EFORBIDDEN, "You asked for this yourself", Pending},
			{admin, ApproveLease{ID: id}, EFORBIDDEN, `rule "production" does not name you`, Pending},
			{admin, DenyLease{ID: id}, EFORBIDDEN, "does not name you", Pending},
			{bob, ConfirmLease{ID: id}, EFORBIDDEN, "Only the person who typed", Pending},
			{bob, CancelLease{id}, EFORBIDDEN, "Only the person who typed", Pending},
			{alice, ConfirmLease{ID: id}, ECONFLICT, "waits for approval", Pending},
			{alice, ExtendLease{id, time.Minute}, ECONFLICT, "waits for approval", Pending},
			{bob, ApproveLease{ID: id}, "", "", Pending},
			{bob, ApproveLease{ID: id}, ECONFLICT, "somebody else", Pending},
			{bob, ApproveLease{ID: "zzzzzzz"}, ENOTFOUND, "no lease zzzzzzz", Pending},
			{bob, ApproveLease{ID: "what"}, EINVALID, "not a lease id", Pending},
			{carol, ApproveLease{ID: strings.ToUpper(id)}, "", "", Opening},
			{dave, ApproveLease{ID: id}, ECONFLICT, "opening already", Opening},
			{dave, DenyLease{ID: id}, ECONFLICT, "opening already", Opening},
		} {
			_, err := w.do(tt.user, tt.cmd)
			wantCode(w.t, err, tt.code)
			if !strings.Contains(ErrorMessage(err).String(), tt.says) {
				w.t.Errorf("%T by %s: %q does not say %q", tt.cmd, tt.user, ErrorMessage(err).String(), tt.says)
			}
			w.expect(id, tt.then, "")
		}
		w.pass(time.Minute)
		w.expect(id, Open, "")
		if got := w.lease(id).Approved; len(got) != 2 || got[0].User != bob || got[1].User != carol {
			w.t.Errorf("approved by %v", got)
		}
	})
}

// Two approvers press at the same instant: both count, and what one too many
// presses is told what is so.
func TestSimultaneousApprovals(t *testing.T) {
	pending(t, 2, func(w *world, id string) {
		w.store.script(slowStore)
		errs := w.atOnce(w.giving(bob, ApproveLease{ID: id}), w.giving(carol, ApproveLease{ID: id}))
		for _, err := range errs {
			wantCode(w.t, err, "")
		}
		w.pass(time.Minute)
		w.expect(id, Open, "")
	})
	pending(t, 1, func(w *world, id string) {
		w.store.script(slowStore)
		oneWins(w.t, w.atOnce(w.giving(bob, ApproveLease{ID: id}), w.giving(bob, ApproveLease{ID: id}),
			w.giving(carol, ApproveLease{ID: id})), "opening already")
		if n := len(w.lease(id).Approved); n != 1 {
			w.t.Errorf("%d approvals are recorded", n)
		}
	})
}

func TestApproveAndDeny(t *testing.T) {
	pending(t, 1, func(w *world, id string) {
		w.store.script(slowStore)
		errs := w.atOnce(w.giving(bob, ApproveLease{ID: id}), w.giving(carol, DenyLease{ID: id}))
		oneWins(w.t, errs, "already")
	})
}

func TestDeny(t *testing.T) {
	pending(t, 2, func(w *world, id string) {
		w.must(bob, ApproveLease{ID: id})
		w.must(carol, DenyLease{ID: id})
		w.pass(time.Minute)
		w.expect(id, Closed, Denied)
		if by := w.lease(id).ClosedBy; by != carol {
			w.t.Errorf("denied by %s", by)
		}
		if n := w.cloud.count("open/group", id); n > 0 {
			w.t.Error("something was made for it")
		}
		if n := len(w.slack.when(id, "ended")); n != 1 {
			w.t.Errorf("its requester was told %d times", n)
		}
	})
}

func TestApprovalLapses(t *testing.T) {
	pending(t, 1, func(w *world, id string) {
		w.to(w.timing.Approval - time.Second)
		w.expect(id, Pending, "")
		w.to(w.timing.Approval)
		w.expect(id, Closed, Lapsed)
		_, err := w.do(bob, ApproveLease{ID: id})
		wantCode(w.t, err, ECONFLICT)
	})
}

// Whether somebody may approve cannot be told: the answer is no, it says why,
// and no approval is recorded that was not checked.
func TestUnresolvableGroup(t *testing.T) {
	pending(t, 1, func(w *world, id string) {
		before := w.stored(id).Revision
		w.dir.set(true)
		for _, cmd := range []Command{ApproveLease{ID: id}, DenyLease{ID: id}, CloseLease{Ref: id}, ExtendLease{id, time.Minute}} {
			_, err := w.do(bob, cmd)
			wantCode(w.t, err, EUNAVAILABLE)
			if !strings.Contains(ErrorMessage(err).String(), "cannot check with Slack who you are") {
				w.t.Errorf("it says %q", ErrorMessage(err).String())
			}
		}
		w.pass(0)
		if l := w.stored(id); l.Revision != before || len(l.Approved) > 0 {
			w.t.Errorf("something was recorded: %+v", l.Approved)
		}
		w.dir.set(false)
		w.must(bob, ApproveLease{ID: id})
	})
}

// What the prompt said may be hours old: it is looked at again before anything
// is made, and what is not so any more is said in plain words.
func TestRecheck(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*world)
		says   string
	}{
		{"stopped", func(w *world) {
			w.cloud.set("i-0prod", func(in *Instance) { in.Running, in.State = false, "stopped" })
		}, "i-0prod is stopped, not running"},
		{"terminated", func(w *world) {
			w.cloud.set("i-0prod", func(in *Instance) { in.ID = "i-0else" })
		}, "i-0prod is gone"},
		{"in another account", func(w *world) {
			w.cloud.set("i-0prod", func(in *Instance) { in.Account = "far" })
		}, "i-0prod is gone"},
		{"moved", func(w *world) {
			w.cloud.set("i-0prod", func(in *Instance) { in.Zone = "ap-northeast-1c" })
		}, "has moved"},
		{"retagged", func(w *world) {
			w.cloud.set("i-0prod", func(in *Instance) { in.Tags = nil })
		}, "No rule of the policy"},
		{"people narrowed", func(w *world) { w.k.policy.Rules[0].Users = []string{bob} }, "not among the people"},
		{"time narrowed", func(w *world) { w.k.policy.Rules[0].Max = time.Minute }, "longer than the 1m"},
		{"sources narrowed", func(w *world) { w.k.policy.Sources.Allow = prefixes("198.51.100.0/24") }, "not among the networks"},
		{"another rule", func(w *world) {
			w.k.policy.Rules = append(w.k.policy.Rules, w.k.policy.Rules[0])
			w.k.policy.Rules[2].Name, w.k.policy.Rules[2].Tags = "vault", map[string]string{"Env": "vault"}
			w.cloud.set("i-0prod", func(in *Instance) { in.Tags = map[string]string{"Env": "vault"} })
		}, "wants 1 approvals now"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			pending(t, 1, func(w *world, id string) {
				w.pass(time.Hour)
				tt.change(w)
				w.must(bob, ApproveLease{ID: id})
				w.pass(time.Minute)
				w.expect(id, Closed, Failed)
				l := w.lease(id)
				if !strings.Contains(l.Why.String(), tt.says) {
					t.Errorf("it says %q, want something with %q", l.Why, tt.says)
				}
				if w.cloud.count("open/group", id) > 0 {
					t.Error("something was made all the same")
				}
				if n := len(w.slack.when(id, "failed")); n != 1 {
					t.Errorf("people were told %d times", n)
				}
			})
		})
	}
}

// That it cannot be looked at again just now is no reason to refuse.
func TestRecheckLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.policy.Rules[1].Users = []string{"SLEAD"}
		w.start()
		defer func() { w.crash() }()
		id := w.ask(alice, "i-0dev", time.Hour)
		w.dir.set(true)
		w.must(alice, ConfirmLease{ID: id})
		w.pass(5 * time.Second)
		w.expect(id, Opening, "")
		w.dir.set(false)
		w.pass(30 * time.Second)
		w.expect(id, Open, "")
	})
}
