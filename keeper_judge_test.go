package sshforward

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// What policy would not let in any more ends when two looks at least ten
// seconds apart say so, and its people and whoever is on call are told.
func TestOpenLeaseIsJudgedByThePresent(t *testing.T) {
	t.Parallel()
	other := map[string]string{"Env": "prod", "sshforward": "allow"}
	retag := func(w *world, tags map[string]string) {
		w.cloud.set("i-0dev", func(in *Instance) { in.Tags = tags })
	}
	for name, tt := range map[string]struct {
		change func(w *world)
		says   string // why it ends; empty: it goes on
	}{
		"nothing":                    {func(*world) {}, ""},
		"no rule decides":            {func(w *world) { retag(w, nil) }, "No rule of the policy allows access to i-0dev any more"},
		"a rule that wants approval": {func(w *world) { retag(w, other) }, `wants the approval of 1 of its approvers`},
		"another rule without":       {func(w *world) { w.k.policy.Rules[1].Name = "renamed" }, ""},
		"not among its people":       {func(w *world) { w.k.policy.Rules[1].Users = []string{bob} }, "not among the people it lets in any more"},
		"among them by a group":      {func(w *world) { w.k.policy.Rules[1].Users = []string{"SLEAD"} }, ""},
		"a guest":                    {func(w *world) { w.dir.people[alice] = Person{Guest: true} }, "no guests"},
		"who has left":               {func(w *world) { w.dir.people[alice] = Person{Deactivated: true} }, "deactivated"},
		"another account":            {func(w *world) { w.k.policy.Rules[1].Accounts = []string{"far"} }, "No rule of the policy"},
		"another source":             {func(w *world) { w.k.policy.Sources.Allow = prefixes("198.51.100.0/24") }, "not among the networks"},
		"another port":               {func(w *world) { w.k.policy.Ports = []int{2222} }, "Port 22 is not allowed"},
		"a reason is wanted":         {func(w *world) { w.k.policy.Rules[1].ReasonPattern = regexp.MustCompile("^INC") }, ""},
		"fewer leases each":          {func(w *world) { w.k.policy.LeasesPerUser = 1 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "i-0dev", 8*time.Hour)
				w.opened(alice, "i-0far", time.Hour)
				w.sweepFor(time.Minute, 5*time.Second)
				tt.change(w)
				w.sweepFor(10*time.Second, 5*time.Second)
				w.expect(id, Open, "")
				w.sweepFor(10*time.Second, 5*time.Second)
				w.pass(time.Minute)
				if tt.says == "" {
					w.expect(id, Open, "")
					return
				}
				w.expect(id, Closed, NotAdmitted)
				if why := w.lease(id).Why.String(); !strings.Contains(why, tt.says) {
					t.Errorf("it says %q, want something with %q", why, tt.says)
				}
				if got := w.heardOf(id, NoticeEnded, NoticeRejected); !sameWords(got, "rejected", "ended") {
					t.Errorf("told %v", got)
				}
			})
		})
	}
}

// A Terraform run that takes tags away for a moment ends nothing.
func TestTagsThatAreGoneForAMomentEndNothing(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		id := w.opened(alice, "i-0dev", 8*time.Hour)
		for range 5 {
			w.cloud.set("i-0dev", func(in *Instance) { in.Tags = nil })
			w.sweepFor(8*time.Second, 4*time.Second)
			w.cloud.set("i-0dev", func(in *Instance) { in.Tags = map[string]string{"sshforward": "allow"} })
			w.sweepFor(4*time.Second, 4*time.Second)
		}
		w.expect(id, Open, "")
	})
}

// Production, tagged as something else for a minute, opened without approval and
// tagged back.
func TestRetaggingToGetAroundApproval(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		prod := map[string]string{"Env": "prod"}
		w.cloud.set("i-0prod", func(in *Instance) { in.Tags = map[string]string{"sshforward": "allow"} })
		id := w.opened(alice, "i-0prod", 8*time.Hour)
		w.cloud.set("i-0prod", func(in *Instance) { in.Tags = prod })
		_, err := w.do(alice, ExtendLease{id, time.Minute})
		wantCode(t, err, EFORBIDDEN)
		w.sweepFor(30*time.Second, 5*time.Second)
		w.pass(time.Minute)
		w.expect(id, Closed, NotAdmitted)
		w.nothingLeft()
	})
}

// Who approved under one rule counts for another one if that lists them, and
// for the same one also when they have left since.
func TestRecordedApproversUnderAnotherRule(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*Policy)
		left   bool // bob has left the group
		state  State
	}{
		"the same rule":                  {func(*Policy) {}, false, Open},
		"the same rule, and he has left": {func(*Policy) {}, true, Open},
		"another rule lists him":         {func(p *Policy) { p.Rules[0].Name = "vault" }, false, Open},
		"another rule, and he has left":  {func(p *Policy) { p.Rules[0].Name = "vault" }, true, Closed},
		"another rule does not list him": {func(p *Policy) { p.Rules[0].Name, p.Rules[0].Approvers = "vault", []string{carol} },
			false, Closed},
		"another rule wants more":              {func(p *Policy) { p.Rules[0].Name, p.Rules[0].Approvals = "vault", 2 }, false, Closed},
		"another rule wants none, he has left": {func(p *Policy) { p.Rules[0].Name, p.Rules[0].Approvals = "vault", 0 }, true, Open},
	} {
		t.Run(name, func(t *testing.T) {
			guarded(t, 0, func(w *world, id string) {
				w.restart(tt.change) // a restart with a changed configuration judges alike
				if tt.left {
					w.dir.change(func(d *fakeDirectory) { d.groups["SLEAD"] = []string{carol, dave} })
				}
				w.sweepFor(30*time.Second, 5*time.Second)
				w.pass(time.Minute)
				if l := w.lease(id); l.State != tt.state {
					t.Errorf("it is %s %q", l.State, l.Why)
				}
			})
		})
	}
}

func TestUrgentLeaseIsJudgedByWhoMayGoPastNow(t *testing.T) {
	onCall(t, func(w *world) {
		id := w.must(dave, OpenLease{Instance: "db", Duration: 20 * time.Minute, Because: "it burns", Urgent: true}).Lease.ID
		w.must(dave, ConfirmLease{ID: id, Urgent: true})
		w.pass(untilInService)
		w.sweepFor(time.Minute, 5*time.Second)
		w.expect(id, Open, "")
		w.k.policy.Rules[0].Urgent = &Urgent{Users: []string{admin}, Max: time.Hour}
		w.sweepFor(30*time.Second, 5*time.Second)
		w.pass(time.Minute)
		w.expect(id, Closed, NotAdmitted)
	})
}

// Where policy allows less time than it had, the end moves: five minutes are
// left at least.
func TestLessTimeThanItHad(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		max time.Duration
		end time.Duration // from the opening
	}{
		"there is time left": {2 * time.Hour, 2 * time.Hour},
		"it is over already": {10 * time.Minute, time.Hour + 10*time.Second + lastMinutes},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				id := w.opened(alice, "i-0dev", 8*time.Hour)
				w.sweepFor(time.Hour, time.Minute)
				w.restart(func(p *Policy) { p.Rules[1].Max = tt.max })
				w.sweep()
				w.sweepFor(30*time.Second, 5*time.Second)
				l := w.lease(id)
				if got := l.ExpiresAt.Sub(l.OpenedAt); l.State != Open || got != tt.end {
					t.Errorf("%s, it ends %s after it opened, want %s", l.State, got, tt.end)
				}
				if !l.Resources.Until.Equal(l.ExpiresAt) {
					t.Error("the tags in AWS do not say so")
				}
				if n := len(w.slack.when(id, "shortened")); n != 1 {
					t.Errorf("told %d times", n)
				}
				w.sweepFor(tt.end, time.Minute)
				w.expect(id, Closed, Expired)
			})
		})
	}
}

// What cannot be told is neither yes nor no: it runs to its end, with one alarm.
// For more time it is a no.
func TestWhatCannotBeJudgedRunsToItsEnd(t *testing.T) {
	t.Parallel()
	for name, blind := range map[string]func(*world, bool){
		"Slack does not tell about people": func(w *world, on bool) { w.dir.change(func(d *fakeDirectory) { d.blind = on }) },
		"Slack does not tell about groups": func(w *world, on bool) { w.dir.set(on) },
		"AWS does not tell about tags": func(w *world, on bool) {
			w.cloud.script(func(_ context.Context, op string, _ *Lease) error {
				if on && (op == "survey" || op == "find") {
					return &Error{Code: EUNAVAILABLE, Err: errors.New("scripted fault")}
				}
				return nil
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.restart(func(p *Policy) { p.Rules[1].Users = []string{"SLEAD"} })
				id := w.opened(alice, "i-0dev", time.Hour)
				w.sweepFor(time.Minute, 10*time.Second)
				blind(w, true)
				for range 6 {
					w.pass(5 * time.Second)
					_ = w.keeper().Sweep(context.Background())
				}
				if n := len(w.slack.when(id, "unjudged")); n != 0 {
					t.Error("half a minute of silence is an alarm already")
				}
				for range 30 {
					w.pass(time.Minute)
					_ = w.keeper().Sweep(context.Background())
				}
				w.expect(id, Open, "")
				if n := len(w.slack.when(id, "unjudged")); n != 1 {
					t.Errorf("%d alarms", n)
				}
				_, err := w.do(alice, ExtendLease{id, time.Minute})
				wantCode(t, err, EUNAVAILABLE)
				blind(w, false)
				w.sweep()
				if w.lease(id).Unjudged {
					t.Error("it is still said to be unjudged")
				}
				w.must(alice, ExtendLease{id, time.Minute})
				blind(w, true)
				w.pass(time.Hour)
				w.expect(id, Closed, Expired)
			})
		})
	}
}

// Requests of who has left the company do not wait for anybody any more.
func TestPendingRequestsOfWhoHasLeftEnd(t *testing.T) {
	pending(t, 1, func(w *world, id string) {
		asked := w.ask(alice, "i-0dev", time.Hour)
		w.dir.change(func(d *fakeDirectory) { d.people[alice] = Person{Deactivated: true} })
		w.sweepFor(20*time.Second, 5*time.Second)
		for _, id := range []string{id, asked} {
			if l := w.stored(id); l.State != Closed || l.Reason != NotAdmitted {
				w.t.Errorf("%s is %s %q", id, l.State, l.Reason)
			}
		}
	})
}

// A yes counts as long as the one who gave it may give it.
func TestApprovalsOfWhoMayNotApproveAnyMore(t *testing.T) {
	for name, change := range map[string]func(*world){
		"left the group":   func(w *world) { w.dir.groups["SLEAD"] = []string{carol, dave} },
		"left the company": func(w *world) { w.dir.people[bob] = Person{Deactivated: true} },
	} {
		t.Run(name, func(t *testing.T) {
			pending(t, 2, func(w *world, id string) {
				w.must(bob, ApproveLease{ID: id})
				w.pass(4 * time.Hour)
				w.dir.change(func(*fakeDirectory) { change(w) })
				w.must(carol, ApproveLease{ID: id})
				w.pass(time.Minute)
				w.expect(id, Pending, "")
				w.must(dave, ApproveLease{ID: id})
				w.pass(time.Minute)
				w.expect(id, Open, "")
				if by := w.lease(id).Approved; len(by) != 2 || by[0].User != carol {
					t.Errorf("approved by %v", by)
				}
			})
			guarded(t, 2, func(w *world, id string) {
				end, by := w.lease(id).ExpiresAt, 10*time.Minute
				w.must(alice, ExtendLease{id, by})
				w.must(bob, ApproveLease{ID: id, Extend: by})
				w.dir.change(func(*fakeDirectory) { change(w) })
				w.must(carol, ApproveLease{ID: id, Extend: by})
				if !w.lease(id).ExpiresAt.Equal(end) {
					t.Error("a yes of somebody who may not say it any more has extended it")
				}
				w.must(dave, ApproveLease{ID: id, Extend: by})
				if !w.lease(id).ExpiresAt.Equal(end.Add(by)) {
					t.Error("two good ones have not")
				}
			})
		})
	}
}

// An extension is granted only to whom policy still lets in, from where it does.
func TestGrantLooksAtTheRequesterAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*world)
		code   string
	}{
		"nothing changed":      {func(*world) {}, ""},
		"not among its people": {func(w *world) { w.k.policy.Rules[0].Users = []string{bob} }, EFORBIDDEN},
		"another source":       {func(w *world) { w.k.policy.Sources.Allow = prefixes("198.51.100.0/24") }, EFORBIDDEN},
		"retagged":             {func(w *world) { w.cloud.set("i-0prod", func(in *Instance) { in.Tags = nil }) }, EFORBIDDEN},
		"a guest":              {func(w *world) { w.dir.people[alice] = Person{Guest: true} }, EFORBIDDEN},
	} {
		t.Run(name, func(t *testing.T) {
			guarded(t, 1, func(w *world, id string) {
				w.must(alice, ExtendLease{id, 10 * time.Minute})
				tt.change(w)
				_, err := w.do(bob, ApproveLease{ID: id, Extend: 10 * time.Minute})
				wantCode(t, err, tt.code)
			})
		})
	}
}

// Another rule drops what approvers of the first one have said to an extension.
func TestChangeOfRuleDropsApprovals(t *testing.T) {
	for _, meanwhile := range []func(w *world, id string){
		func(*world, string) {},
		func(w *world, id string) { w.must(alice, changeTo(id, office)) },
	} {
		guarded(t, 2, func(w *world, id string) {
			end, by := w.lease(id).ExpiresAt, 10*time.Minute
			w.must(alice, ExtendLease{id, by})
			w.must(bob, ApproveLease{ID: id, Extend: by})
			w.restart(func(p *Policy) { p.Rules[0].Name = "vault" })
			meanwhile(w, id)
			w.must(carol, ApproveLease{ID: id, Extend: by})
			if !w.lease(id).ExpiresAt.Equal(end) {
				w.t.Error("a yes that was given under another rule has extended it")
			}
			w.must(dave, ApproveLease{ID: id, Extend: by})
			if !w.lease(id).ExpiresAt.Equal(end.Add(by)) {
				w.t.Error("two that were given under this one have not")
			}
		})
	}
}

// The record says what decided: the tags that the rule goes by, the port, for
// how long it was asked, and who said yes.
func TestRecordSaysWhatDecided(t *testing.T) {
	guarded(t, 0, func(w *world, id string) {
		for _, e := range w.store.recorded() {
			if e.Act != ActOpened {
				continue
			}
			if e.Tags["Env"] != "prod" || len(e.Tags) != 1 || e.Port != 22 || e.Duration != 1200 || !slices.Equal(e.Approvers, []string{bob}) {
				w.t.Errorf("%+v", e)
			}
			return
		}
		w.t.Error("it was not recorded")
	})
}
