package sshforward

import (
	"testing"
	"time"
)

// A lease that was rebuilt is judged like any other: by today's policy and the
// instance's tags of today, with the rule and the approvals that are signed.
func TestRebuiltLeaseIsJudgedLikeAnyOther(t *testing.T) {
	t.Parallel()
	prod, dev := map[string]string{"Env": "prod"}, map[string]string{"sshforward": "allow"}
	retag := func(w *world, id string, tags map[string]string) {
		w.cloud.set(id, func(in *Instance) { in.Tags = tags })
	}
	vault := func(w *world) *Rule {
		w.policy.Rules[0].Name = "vault"
		return &w.policy.Rules[0]
	}
	for name, tt := range map[string]struct {
		instance string // i-0prod is opened with bob's yes
		change   func(w *world)
		goes     bool
	}{
		"nothing has changed":               {"i-0prod", func(*world) {}, true},
		"the rule has other approvers":      {"i-0prod", func(w *world) { w.policy.Rules[0].Approvers = []string{carol} }, true},
		"who approved has left the group":   {"i-0prod", func(w *world) { w.dir.groups["SLEAD"] = []string{carol} }, true},
		"the rule wants more approvals":     {"i-0prod", func(w *world) { w.policy.Rules[0].Approvals = 2 }, true},
		"the rule has another name":         {"i-0prod", func(w *world) { vault(w) }, true},
		"another rule, of which he is none": {"i-0prod", func(w *world) { vault(w).Approvers = []string{carol} }, false},
		"another rule, which wants more":    {"i-0prod", func(w *world) { vault(w).Approvals = 2 }, false},
		"another rule decides, without approval": {"i-0prod", func(w *world) {
			retag(w, "i-0prod", dev)
		}, true},
		"no rule decides":                        {"i-0prod", func(w *world) { w.policy.Rules = w.policy.Rules[1:] }, false},
		"the rule lets in others":                {"i-0prod", func(w *world) { w.policy.Rules[0].Users = []string{bob} }, false},
		"the source is not allowed":              {"i-0prod", func(w *world) { w.policy.Sources.Allow = prefixes("198.51.100.0/24") }, false},
		"the owner has left":                     {"i-0prod", func(w *world) { w.dir.people[alice] = Person{Deactivated: true} }, false},
		"opened without, and approval is wanted": {"i-0dev", func(w *world) { retag(w, "i-0dev", prod) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, lost := range []bool{true, false} { // like any other
				inWorld(t, func(w *world) {
					w.sweep()
					id := w.ask(alice, tt.instance, 50*time.Minute)
					w.must(alice, ConfirmLease{ID: id})
					if tt.instance == "i-0prod" {
						w.must(bob, ApproveLease{ID: id})
					}
					w.pass(untilInService + time.Second)
					w.expect(id, Open, "")
					tt.change(w)
					if lost {
						w.loseStore()
					} else {
						w.crash()
						w.start()
					}
					w.sweepFor(2*time.Minute, 20*time.Second)
					w.pass(lingering)
					if tt.goes {
						w.expect(id, Open, "")
						w.pass(time.Hour)
						w.expect(id, Closed, Expired)
						return
					}
					w.expect(id, Closed, NotAdmitted)
					w.nothingLeft()
				})
			}
		})
	}
}

// One that is rebuilt gives no more time than was agreed on, whatever the rule of
// today would give.
func TestRebuiltLeaseGetsNoMoreTimeThanWasAgreedOn(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.sweep()
		id := w.opened(alice, "i-0dev", time.Hour)
		w.policy.Rules[1].Max = 100 * time.Hour
		w.loseStore()
		w.sweep()
		_, err := w.do(alice, ExtendLease{id, 8 * time.Hour})
		wantCode(t, err, EFORBIDDEN)
		w.must(alice, ExtendLease{id, 6 * time.Hour})
	})
}

// A rule whose name does not stand in a tag as it is written is the same rule all the
// same.
func TestRebuiltLeaseOfARuleWithAnOddName(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.policy.Rules[0].Name = "production (eu), 本番"
		w.crash()
		w.start()
		w.sweep()
		id := w.ask(alice, "i-0prod", 50*time.Minute)
		w.must(alice, ConfirmLease{ID: id})
		w.must(bob, ApproveLease{ID: id})
		w.pass(untilInService + time.Second)
		w.dir.groups["SLEAD"] = []string{carol} // bob's yes counts under the rule that he gave it for
		w.loseStore()
		w.sweepFor(2*time.Minute, 20*time.Second)
		w.expect(id, Open, "")
		if l := w.lease(id); l.Rule != "production (eu), 本番" {
			t.Errorf("its rule is %q", l.Rule)
		}
	})
}
