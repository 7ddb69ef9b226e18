package sshforward

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// The tests in this file change the policy under leases, as a restart with a
// new configuration does.

func (w *world) restart(change func(*Policy)) {
	w.crash()
	w.policy.Rules = slices.Clone(w.policy.Rules)
	change(&w.policy)
	w.start()
}

func TestMoreTimeOnlyForWhomPolicyStillLetsIn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(*world, *Policy)
		code   string
	}{
		"nothing changed":        {func(*world, *Policy) {}, ""},
		"no rule any more":       {func(_ *world, p *Policy) { p.Rules = p.Rules[:1] }, EFORBIDDEN},
		"not among its people":   {func(_ *world, p *Policy) { p.Rules[1].Users = []string{bob} }, EFORBIDDEN},
		"among them by a group":  {func(_ *world, p *Policy) { p.Rules[1].Users = []string{"SLEAD"} }, ""},
		"Slack cannot say":       {func(w *world, p *Policy) { p.Rules[1].Users = []string{"SLEAD"}; w.dir.set(true) }, EUNAVAILABLE},
		"a smaller total":        {func(_ *world, p *Policy) { p.Rules[1].Max = time.Hour + 10*time.Minute }, EFORBIDDEN},
		"less than it has":       {func(_ *world, p *Policy) { p.Rules[1].Max = time.Minute }, EFORBIDDEN},
		"a total that is enough": {func(_ *world, p *Policy) { p.Rules[1].Max = 90 * time.Minute }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "i-0dev", time.Hour)
				end := w.lease(id).ExpiresAt
				w.restart(func(p *Policy) { tt.change(w, p) })
				_, err := w.do(alice, ExtendLease{id, 30 * time.Minute})
				wantCode(t, err, tt.code)
				if err == nil {
					end = end.Add(30 * time.Minute)
				}
				if is := w.lease(id).ExpiresAt; !is.Equal(end) {
					t.Errorf("it ends %s, want %s", is, end)
				}
				w.must(alice, CloseLease{Ref: id}) // that is never refused
			})
		})
	}
}

// A total that was raised since is not for leases that were agreed on before.
func TestTotalIsNotRaised(t *testing.T) {
	guarded(t, 0, func(w *world, id string) {
		w.restart(func(p *Policy) { p.Rules[0].Max = 10 * time.Hour })
		_, err := w.do(alice, ExtendLease{id, time.Hour})
		wantCode(w.t, err, EFORBIDDEN)
	})
}

func TestApprovalsAsTheRuleWantsThemNow(t *testing.T) {
	pending(t, 1, func(w *world, id string) {
		w.restart(func(p *Policy) { p.Rules[0].Approvals = 2 })
		w.must(bob, ApproveLease{ID: id})
		w.expect(id, Pending, "")
		w.must(carol, ApproveLease{ID: id})
		w.pass(time.Minute)
		w.expect(id, Open, "")
	})
	guarded(t, 1, func(w *world, id string) {
		end, by := w.lease(id).ExpiresAt, 10*time.Minute
		w.must(alice, ExtendLease{id, by})
		w.restart(func(p *Policy) { p.Rules[0].ExtendApprovals = 2 })
		w.must(bob, ApproveLease{ID: id, Extend: by})
		if is := w.lease(id).ExpiresAt; !is.Equal(end) {
			w.t.Error("one yes was enough where the rule wants two now")
		}
		w.must(carol, ApproveLease{ID: id, Extend: by})
		if is := w.lease(id).ExpiresAt; !is.Equal(end.Add(by)) {
			w.t.Error("two were not")
		}
	})
}

// slowDirectory does something while it is being asked.
type slowDirectory struct {
	Directory
	meanwhile func()
}

func (d *slowDirectory) Members(ctx context.Context, group string) ([]string, error) {
	if do := d.meanwhile; do != nil {
		d.meanwhile = nil
		do()
	}
	return d.Directory.Members(ctx, group)
}

// While bob, an admin and approver, approves what alice asked for, that is
// denied and bob himself asks for the same.
func TestNobodyGrantsTheirOwnWishByBeingQuick(t *testing.T) {
	guarded(t, 1, func(w *world, id string) {
		by := 10 * time.Minute
		w.k.policy.Admins = []string{bob}
		w.must(alice, ExtendLease{id, by})
		synctest.Wait()
		w.k.slack = people{w.slack, &slowDirectory{w.dir, func() {
			w.must(carol, DenyLease{ID: id, Extend: by})
			w.must(bob, ExtendLease{id, by})
		}}}
		_, err := w.do(bob, ApproveLease{ID: id, Extend: by})
		wantCode(w.t, err, EFORBIDDEN)
		w.must(carol, ApproveLease{ID: id, Extend: by})
	})
}

// A rebuilt lease is under the rule that decides about it, at once: its card
// says who would have to approve more time.
func TestRebuiltLeaseIsUnderItsRule(t *testing.T) {
	guarded(t, 1, func(w *world, id string) {
		w.loseStore()
		w.sweep()
		l := w.lease(id)
		if l.Rule != "production" || l.ExtendApprovals != 1 || !slices.Equal(l.Approvers, []string{"SLEAD"}) {
			w.t.Errorf("rule %q, approvers %v, %d of them", l.Rule, l.Approvers, l.ExtendApprovals)
		}
	})
}

// A page costs Slack no more than policy has rules, however much waits on it.
func TestHomeAsksOncePerRule(t *testing.T) {
	pending(t, 1, func(w *world, _ string) {
		for range 4 {
			w.must(alice, ConfirmLease{ID: w.ask(alice, "db", time.Hour)})
		}
		asked := 0
		var count func()
		dir := &slowDirectory{Directory: w.dir}
		count = func() { asked++; dir.meanwhile = count }
		dir.meanwhile = count
		synctest.Wait() // for whoever still asks the other one
		w.k.slack = people{w.slack, dir}
		if n := len(w.overview(carol).Waiting); n != 5 || asked != 1 {
			w.t.Errorf("%d wait for carol, and the directory was asked %d times", n, asked)
		}
	})
}

// What the directory says of why it cannot tell is what people are told: where
// a group is gone, trying again in a minute would not help.
func TestDirectoryExplainsItself(t *testing.T) {
	for _, tt := range []struct {
		err  error
		says string
	}{
		{&Error{Code: EUNAVAILABLE, Message: Textf("There is no such group. Ask the operator.")}, "There is no such group. Ask the operator."},
		{context.DeadlineExceeded, "I cannot check with Slack who you are"},
	} {
		ok, err := IsMember(t.Context(), brokenDirectory{tt.err}, alice, []string{"SLEAD"})
		wantCode(t, err, EUNAVAILABLE)
		if says := ErrorMessage(err).String(); ok || !strings.Contains(says, tt.says) {
			t.Errorf("%t, and it says %q, want %q", ok, says, tt.says)
		}
	}
}

type brokenDirectory struct{ err error }

func (d brokenDirectory) Members(context.Context, string) ([]string, error) { return nil, d.err }
func (d brokenDirectory) Person(context.Context, string) (Person, error)    { return Person{}, d.err }
