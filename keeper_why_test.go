package sshforward

import (
	"context"
	"strings"
	"testing"
)

// Whoever is let in somewhere learns which rule decides and what is missing; others
// learn what they would learn by asking for it.
func TestWhy(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		why := func(user, ref string) (Why, error) {
			return w.keeper().Why(context.Background(), from(user), ref)
		}
		got, err := why(alice, "db")
		if err != nil || got.Rule.Name != "production" || got.Tags["Env"] != "prod" || !got.AbleKnown || got.Able != 3 {
			t.Fatalf("%+v, %v", got, err)
		}
		if len(got.Missing) != 1 || !strings.Contains(got.Missing[0].String(), "wants a reason") {
			t.Errorf("missing: %v", got.Missing)
		}
		// The other one that is called so is not for her.
		if got, err = why(alice, "web"); err != nil || got.Rule.Name != "development" || len(got.Missing) > 0 {
			t.Errorf("%+v, %v", got, err)
		}
		w.dir.change(func(d *fakeDirectory) { d.people[dave] = Person{Guest: true} })
		_, unseen := why(dave, "db")
		_, none := why(dave, "nothing")
		wantCode(t, unseen, ENOTFOUND)
		if strings.Replace(told(unseen), "db", "x", 1) != strings.Replace(told(none), "nothing", "x", 1) {
			t.Errorf("what is there is told apart from what is not: %q, %q", told(unseen), told(none))
		}
		w.cloud.set("i-0prod", func(in *Instance) { in.Tags = map[string]string{"Env": "PROD"} })
		_, err = why(alice, "db")
		wantCode(t, err, EFORBIDDEN)
		if !strings.Contains(told(err), "differ only in case or blanks") {
			t.Errorf("a near miss says %q", told(err))
		}
		w.cloud.set("i-0two", func(in *Instance) { in.Running, in.State = false, "stopped" })
		if got, err = why(alice, "two"); err != nil || len(got.Missing) != 1 || !strings.Contains(got.Missing[0].String(), "stopped") {
			t.Errorf("%+v, %v", got, err)
		}
		for range opensPerMinute {
			_, _ = why(bob, "web") // until it is too often
		}
		_, err = why(bob, "web")
		wantCode(t, err, EQUOTA)
	})
}

// Which rule decides can only be told where it is known of every tag that an
// earlier rule goes by.
func TestUndecidable(t *testing.T) {
	p := Policy{Rules: []Rule{
		{Name: "both", Tags: map[string]string{"Env": "prod", "Team": "blue"}, NotTags: map[string]string{"Legacy": "yes"}},
		{Name: "there", VPCs: []string{"vpc-1"}, Tags: map[string]string{"Zone": "a"}},
		{Name: "dev", Tags: map[string]string{"sshforward": "allow"}},
	}}
	for _, tt := range []struct {
		tags      map[string]string
		vpc       string
		known     []string
		key, rule string
	}{
		{map[string]string{"sshforward": "allow"}, "", nil, "Env", "both"},
		{map[string]string{"sshforward": "allow", "Env": "dev"}, "", []string{"Zone"}, "", ""}, // Env says no, and so does Zone
		{map[string]string{"sshforward": "allow"}, "", []string{"Env", "Zone"}, "", ""},
		{map[string]string{"sshforward": "allow", "Env": "prod", "Team": "blue"}, "", nil, "Legacy", "both"},
		{map[string]string{"sshforward": "allow", "Env": "prod", "Team": "blue"}, "", []string{"Legacy"}, "", ""},
		{map[string]string{"sshforward": "allow", "Zone": "a"}, "", []string{"Env"}, "vpc", "there"},
		{map[string]string{"sshforward": "allow", "Zone": "a"}, "vpc-2", []string{"Env"}, "", ""},
	} {
		if key, rule := p.Undecidable(Instance{Tags: tt.tags, VPC: tt.vpc}, tt.known); key != tt.key || rule != tt.rule {
			t.Errorf("%v, known %v: %s of %s, want %s of %s", tt.tags, tt.known, key, rule, tt.key, tt.rule)
		}
	}
}
