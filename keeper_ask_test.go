package sshforward

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// Asking must not use up what closing needs of AWS, nor fill other people's
// screens.
func TestHowOftenSomebodyMayAsk(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		for range 30 {
			_, _ = w.do(alice, OpenLease{Instance: "i-0nope"})
		}
		asked := w.cloud.count("find", "")
		_, err := w.do(alice, OpenLease{Instance: "web"})
		wantCode(t, err, EQUOTA)
		if n := w.cloud.count("find", ""); n != asked {
			t.Error("AWS was asked all the same")
		}
		w.must(bob, OpenLease{Instance: "web"})
		w.pass(time.Minute)
		w.must(alice, OpenLease{Instance: "web"})
	})
}

func TestFiveRequestsMayWait(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.must(alice, ConfirmLease{ID: w.ask(alice, "db", time.Hour)}) // waits for approval
		var first string
		for range 4 { // wait for a confirmation
			first = w.ask(alice, "web", time.Hour)
		}
		_, err := w.do(alice, OpenLease{Instance: "two"})
		wantCode(t, err, EQUOTA)
		w.must(alice, CancelLease{first})
		w.ask(alice, "two", time.Hour)
		w.must(bob, OpenLease{Instance: "two"})
	})
}

// Who is let in nowhere near cannot tell what is there from what is not: not by
// the answer, nor by its code. The record is told.
func TestWhatIsThereCannotBeProbed(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(w *world)
		ref    string
	}{
		"no rule covers it":     {func(*world) {}, "i-0shut"},
		"not among its people":  {func(w *world) { w.k.policy.Rules[0].Users = []string{bob} }, "i-0prod"},
		"the same, by its name": {func(w *world) { w.k.policy.Rules[0].Users = []string{bob} }, "db"},
		"terminated": {func(w *world) {
			w.cloud.set("i-0shut", func(in *Instance) { in.Running, in.State = false, "terminated" })
		}, "i-0shut"},
		"a tag that is nearly his": {func(w *world) { w.k.policy.Rules[0].Users = []string{bob}; w.retag("i-0prod", "Env", "Prod") }, "i-0prod"},
		"a name in another case":   {func(w *world) { w.k.policy.Rules[0].Users = []string{bob} }, "DB"},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				if err := w.keeper().RefreshInstances(context.Background()); err != nil {
					t.Fatal(err)
				}
				tt.change(w)
				probe := func(trouble string) {
					for kind, asks := range map[string]func(ref string) error{
						"open": func(ref string) error {
							_, err := w.do(alice, OpenLease{Instance: ref, Because: "ticket 7"})
							return err
						},
						"open what is too long": func(ref string) error {
							_, err := w.do(alice, OpenLease{Instance: ref, Port: 23, Duration: 1000 * time.Hour})
							return err
						},
						"why": func(ref string) error {
							_, err := w.keeper().Why(context.Background(), from(alice), ref)
							return err
						},
					} {
						there, not := asks(tt.ref), asks("i-0nope")
						if ErrorCode(there) != ErrorCode(not) || strings.ReplaceAll(shown(there), tt.ref, "i-0nope") != shown(not) {
							t.Errorf("%s, %s\nwhat is there: %s %q\nwhat is not:   %s %q", trouble, kind,
								ErrorCode(there), shown(there), ErrorCode(not), shown(not))
						}
					}
				}
				probe("all is well")
				events := w.store.recorded()
				if e := events[0]; e.Instance == "i-0shut" && e.Result != EFORBIDDEN && tt.ref == "i-0shut" {
					t.Errorf("the record: %+v", e)
				}
				w.cloud.silent = Errorf(EFORBIDDEN, "Account other lets me look for nothing.")
				probe("an account does not let itself be searched")
				w.cloud.silent = nil
				w.k.policy.Rules[0].Users = append(w.k.policy.Rules[0].Users, "S0GONE")
				w.dir.set(true)
				probe("a group cannot be looked up")
			})
		})
	}
}

// shown is all of an error that a person sees.
func shown(err error) string {
	e, _ := errors.AsType[*Error](err)
	if e == nil {
		return ""
	}
	try := e.Try
	if cmd, ok := try.Command.(OpenLease); ok {
		try = Suggestion{Verb: "open", Ref: cmd.Instance, Rest: fmt.Sprint(cmd)}
	}
	return fmt.Sprint(ErrorMessage(err), " ", e.Field, try)
}

func (w *world) retag(instance, key, value string) {
	w.cloud.set(instance, func(in *Instance) { in.Tags = map[string]string{key: value} })
}

// Whom a rule lets in is told why.
func TestWhoIsLetInIsToldWhy(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(w *world)
		ref    string
		says   string
	}{
		"terminated": {func(w *world) {
			w.cloud.set("i-0dev", func(in *Instance) { in.Running, in.State = false, "terminated" })
		}, "i-0dev", "i-0dev was terminated"},
		"stopped": {func(w *world) { w.cloud.set("i-0dev", func(in *Instance) { in.Running, in.State = false, "stopped" }) },
			"i-0dev", "is stopped"},
		"a tag in another case": {func(w *world) { w.retag("i-0prod", "Env", "PROD") }, "i-0prod",
			`The tag Env of i-0prod is "PROD", and the rule "production" goes by "prod"`},
		"a tag with a blank": {func(w *world) { w.retag("i-0prod", "Env", "prod ") }, "i-0prod", `goes by "prod"`},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				tt.change(w)
				_, err := w.do(alice, OpenLease{Instance: tt.ref, Because: "ticket 7"})
				if !strings.Contains(told(err), tt.says) {
					t.Errorf("it says %q, want something with %q", told(err), tt.says)
				}
			})
		})
	}
}

// A tag that is nearly what a rule wants is not passed on to a weaker one.
func TestNearMissesOfTags(t *testing.T) {
	strict := Rule{Name: "strict", Tags: map[string]string{"Env": "prod"}}
	not := Rule{Name: "open", Tags: map[string]string{"Team": "a"}, NotTags: map[string]string{"Env": "prod"}}
	for _, tt := range []struct {
		tags map[string]string
		rule string // that decides
		near string // that nearly does
	}{
		{map[string]string{"Team": "a", "Env": "prod"}, "strict", ""},
		{map[string]string{"Team": "a", "Env": "Prod"}, "", "strict"},
		{map[string]string{"Team": "a", "Env": "prod\u00a0"}, "", "strict"},
		{map[string]string{"Team": "a", "Env": "pr od"}, "", "strict"},
		{map[string]string{"Team": "a", "Env": "production"}, "open", ""},
		{map[string]string{"Team": "a"}, "open", ""},
		{map[string]string{"Team": "A"}, "", "open"},
		{map[string]string{"Team": "b"}, "", ""},
		{nil, "", ""},
	} {
		for _, rules := range [][]Rule{{strict, not}, {not}} {
			p := Policy{Rules: rules}
			want, near := tt.rule, tt.near
			if len(rules) == 1 && (want == "strict" || near == "strict") {
				want, near = "", "open" // what it must not have is nearly there
				if tt.rule == "strict" {
					near = "" // or just so
				}
			}
			r, ok := p.Match(Instance{Tags: tt.tags})
			n, _, missed := p.NearMiss(Instance{Tags: tt.tags})
			if ok != (want != "") || ok && r.Name != want || missed != (near != "") || missed && n.Name != near {
				t.Errorf("%d rules, %q: decides %v, nearly %v; want %q, %q", len(rules), tt.tags, r, n, want, near)
			}
		}
	}
	// Nor where the weaker rule says nothing of that tag.
	p := Policy{Rules: []Rule{strict, {Name: "any"}}}
	for _, value := range []string{"Prod", "prod ", "pr od"} {
		if r, ok := p.Match(Instance{Tags: map[string]string{"Env": value}}); ok {
			t.Errorf("%q: %s decides", value, r.Name)
		}
	}
}

// A name in another case is offered, not taken.
func TestNameInAnotherCaseIsOffered(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		if err := w.keeper().RefreshInstances(context.Background()); err != nil {
			t.Fatal(err)
		}
		r := w.must(alice, OpenLease{Instance: "WEB"})
		if !r.Choose || len(r.Instances) != 1 || r.Instances[0].ID != "i-0dev" { // i-0shut is called so too
			t.Errorf("%+v", r)
		}
	})
}

// The same once more is what there is already; from elsewhere, or to another
// port, it is a second one.
func TestTheSameOnceMore(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.k.policy.Ports = []int{22, 2222}
		w.k.policy.Rules[0].Urgent = &Urgent{Users: []string{alice}, Max: time.Hour}
		open := w.opened(alice, "i-0dev", time.Hour)
		waits := w.ask(alice, "db", time.Hour)
		w.must(alice, ConfirmLease{ID: waits})
		for name, tt := range map[string]struct {
			user string
			cmd  OpenLease
			is   string // the lease that is shown
		}{
			"open":                 {alice, OpenLease{Instance: "i-0dev"}, open},
			"for longer":           {alice, OpenLease{Instance: "i-0dev", Duration: 3 * time.Hour}, open},
			"by its name":          {alice, OpenLease{Instance: "web"}, open},
			"waiting for approval": {alice, OpenLease{Instance: "db", Because: "x"}, waits},
			"from elsewhere":       {alice, OpenLease{Instance: "i-0dev", Sources: prefixes("203.0.113.8/32")}, ""},
			"from there too":       {alice, OpenLease{Instance: "i-0dev", Sources: prefixes("203.0.113.8/32", "203.0.113.7/32")}, ""},
			"another port":         {alice, OpenLease{Instance: "i-0dev", Port: 2222}, ""},
			"somebody else":        {bob, OpenLease{Instance: "i-0dev"}, ""},
			"it became urgent":     {alice, OpenLease{Instance: "db", Because: "it burns", Urgent: true}, ""},
		} {
			l := w.must(tt.user, tt.cmd).Lease
			if tt.is != "" && l.ID != tt.is {
				t.Errorf("%s: %s %s, want %s", name, l.ID, l.State, tt.is)
			}
			if tt.is == "" {
				if l.State != Requested || slices.Contains([]string{open, waits}, l.ID) {
					t.Errorf("%s: %s %s is not a new one", name, l.ID, l.State)
				}
				w.must(tt.user, CancelLease{l.ID})
			}
		}
	})
}

// What nobody could approve is said at once.
func TestNobodyCouldApprove(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change func(w *world)
		code   string
	}{
		"enough":                {func(*world) {}, ""},
		"just enough":           {func(w *world) { w.dir.groups["SLEAD"] = []string{alice, bob}; w.k.policy.Rules[0].Approvals = 1 }, ""},
		"an empty group":        {func(w *world) { w.dir.groups["SLEAD"] = nil }, EFORBIDDEN},
		"the requester alone":   {func(w *world) { w.dir.groups["SLEAD"] = []string{alice} }, EFORBIDDEN},
		"fewer than are wanted": {func(w *world) { w.dir.groups["SLEAD"] = []string{alice, bob}; w.k.policy.Rules[0].Approvals = 2 }, EFORBIDDEN},
		"listed twice": {func(w *world) {
			w.dir.groups["SLEAD"] = []string{bob}
			w.k.policy.Rules[0].Approvers = []string{bob, "SLEAD"}
			w.k.policy.Rules[0].Approvals = 2
		}, EFORBIDDEN},
		"Slack does not tell": {func(w *world) { w.dir.down = true }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				w.dir.change(func(*fakeDirectory) { tt.change(w) })
				_, err := w.do(alice, OpenLease{Instance: "db", Because: "ticket 7"})
				wantCode(t, err, tt.code)
				if err != nil && !strings.Contains(told(err), "Ask an operator to name more approvers") {
					t.Errorf("it says %q", told(err))
				}
			})
		})
	}
	guarded(t, 1, func(w *world, id string) {
		w.dir.change(func(d *fakeDirectory) { d.groups["SLEAD"] = []string{alice} })
		_, err := w.do(alice, ExtendLease{id, time.Minute})
		wantCode(t, err, EFORBIDDEN)
	})
}
