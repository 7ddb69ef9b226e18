package sshforward

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestMatch(t *testing.T) {
	p := Policy{Rules: []Rule{
		{Name: "both", Tags: map[string]string{"Env": "prod", "Team": "db"}},
		{Name: "prod", Tags: map[string]string{"Env": "prod"}},
		{Name: "empty value", Tags: map[string]string{"Open": ""}},
		{Name: "dev", Tags: map[string]string{"Env": "dev"}},
		{Name: "dev again", Tags: map[string]string{"Env": "dev"}},
	}}
	for _, tt := range []struct {
		tags map[string]string
		want string
	}{
		{nil, ""},
		{map[string]string{"Team": "db"}, ""},
		{map[string]string{"Env": "prod"}, "prod"},
		{map[string]string{"Env": "prod", "Team": "db"}, "both"},
		{map[string]string{"Env": "prod", "Team": "web"}, "prod"},
		{map[string]string{"Env": "Prod"}, ""},
		{map[string]string{"env": "prod"}, ""},
		{map[string]string{"Open": "yes"}, ""},
		{map[string]string{"Open": "", "Env": "dev"}, "empty value"},
		{map[string]string{"Env": "dev"}, "dev"},
	} {
		got := ""
		if r, ok := p.Match(Instance{Tags: tt.tags}); ok {
			got = r.Name
		}
		if got != tt.want {
			t.Errorf("%v: got %q, want %q", tt.tags, got, tt.want)
		}
	}
	p.Rules = append(p.Rules, Rule{Name: "all"})
	if r, ok := p.Match(Instance{}); !ok || r.Name != "all" {
		t.Error("a rule without tags does not match every instance")
	}
}

// A rule can ask for what cannot be tagged, and for tags that are not there.
func TestMatchBeyondTags(t *testing.T) {
	in := Instance{Account: "main", VPC: "vpc-1", ID: "i-1", Tags: map[string]string{"Env": "dev", "Team": "web"}}
	for _, tt := range []struct {
		name string
		rule Rule
		want bool
	}{
		{"nothing asked", Rule{}, true},
		{"its account", Rule{Accounts: []string{"other", "main"}}, true},
		{"another account", Rule{Accounts: []string{"other"}}, false},
		{"its VPC", Rule{VPCs: []string{"vpc-2", "vpc-1"}}, true},
		{"another VPC", Rule{VPCs: []string{"vpc-2"}}, false},
		{"its id", Rule{Instances: []string{"i-1"}}, true},
		{"another id", Rule{Instances: []string{"i-2"}}, false},
		{"the right tags in the wrong account", Rule{Tags: in.Tags, Accounts: []string{"other"}}, false},
		{"a tag it must not have", Rule{Tags: map[string]string{"Env": "dev"}, NotTags: map[string]string{"Team": "web"}}, false},
		{"one of two that it must not have", Rule{NotTags: map[string]string{"Team": "web", "Secret": "yes"}}, false},
		{"that tag with another value", Rule{NotTags: map[string]string{"Team": "db"}}, true},
		{"a tag that it does not have", Rule{NotTags: map[string]string{"Secret": ""}}, true},
		{"all of it", Rule{Tags: in.Tags, NotTags: map[string]string{"Env": "prod"}, Accounts: []string{"main"}, VPCs: []string{"vpc-1"},
			Instances: []string{"i-1"}}, true},
	} {
		if got := tt.rule.Covers(in); got != tt.want {
			t.Errorf("%s: got %t", tt.name, got)
		}
	}
}

func TestAdmit(t *testing.T) {
	ok := func() *Lease {
		return &Lease{Owner: alice, Terms: Terms{Instance: Instance{ID: "i-0", Tags: map[string]string{"Env": "dev"}}, TargetPort: 22,
			Sources: prefixes("203.0.113.7/32"), Duration: time.Hour, Because: "OPS-1"}}
	}
	policy := Policy{Rules: []Rule{{
		Name: "dev", Tags: map[string]string{"Env": "dev"}, Users: []string{alice,
			"SDEV"}, Max: time.Hour, Reason: true, ReasonPattern: regexp.MustCompile(`^OPS-`),
	}}}
	for _, tt := range []struct {
		name   string
		change func(*Lease, *Policy, *fakeDirectory)
		code   string
		says   string
	}{
		{"as it should be", func(*Lease, *Policy, *fakeDirectory) {}, "", ""},
		{"through a group", func(l *Lease, _ *Policy, _ *fakeDirectory) { l.Owner = bob }, "", ""},
		{"no member", func(l *Lease, _ *Policy, _ *fakeDirectory) { l.Owner = carol }, EFORBIDDEN, "not among the people"},
		{"cannot tell", func(l *Lease, _ *Policy, d *fakeDirectory) { l.Owner, d.down = bob, true }, EUNAVAILABLE, "no for the moment"},
		{"listed, no need to ask", func(_ *Lease, _ *Policy, d *fakeDirectory) { d.down = true }, "", ""},
		{"everybody", func(l *Lease, p *Policy, _ *fakeDirectory) { l.Owner, p.Rules[0].Users = carol, nil }, "", ""},
		{"no rule", func(l *Lease, _ *Policy, _ *fakeDirectory) { l.Instance.Tags = nil }, EFORBIDDEN, "No rule"},
		{"no rules", func(_ *Lease, p *Policy, _ *fakeDirectory) { p.Rules = nil }, EFORBIDDEN, "No rule"},
		{"too long", func(l *Lease, _ *Policy, _ *fakeDirectory) { l.Duration++ }, EFORBIDDEN, "longer than the 1h"},
		{"no reason", func(l *Lease, _ *Policy, _ *fakeDirectory) { l.Because = "" }, EINVALID, "because"},
		{"another reason", func(l *Lease, _ *Policy, _ *fakeDirectory) { l.Because = "fun" }, EINVALID, "^OPS-"},
		{"no reason wanted", func(l *Lease, p *Policy, _ *fakeDirectory) { l.Because, p.Rules[0].Reason = "", false }, "", ""},
		{"port", func(l *Lease, _ *Policy, _ *fakeDirectory) { l.TargetPort = 23 }, EFORBIDDEN, "policy allows 22"},
		{"listed port", func(l *Lease, p *Policy, _ *fakeDirectory) { l.TargetPort, p.Ports = 2222, []int{22, 2222} }, "", ""},
		{"unlisted port", func(_ *Lease, p *Policy, _ *fakeDirectory) { p.Ports = []int{2222, 2022} }, EFORBIDDEN, "2222, 2022"},
		{"no source", func(l *Lease, _ *Policy, _ *fakeDirectory) { l.Sources = nil }, EINVALID, "from 203.0.113.7"},
		{"one bad source", func(l *Lease, _ *Policy, _ *fakeDirectory) { l.Sources = prefixes("203.0.113.7/32", "10.0.0.1/32") },
			EFORBIDDEN, "10.0.0.1"},
	} {
		l, p := ok(), policy
		p.Rules = append([]Rule(nil), policy.Rules...)
		dir := &fakeDirectory{groups: map[string][]string{"SDEV": {bob}}}
		tt.change(l, &p, dir)
		rule, err := p.Admit(context.Background(), dir, l)
		if ErrorCode(err) != tt.code || !strings.Contains(told(err), tt.says) || (rule != nil) != (err == nil) {
			t.Errorf("%s: got %v and %q (%s), want %q with %q", tt.name, rule, ErrorCode(err), told(err), tt.code, tt.says)
		}
	}
}

func TestMember(t *testing.T) {
	groups := map[string][]string{"SONE": {alice}, "STWO": {bob}}
	for _, tt := range []struct {
		user string
		who  []string
		down bool
		want bool
		code string
	}{
		{alice, nil, false, false, ""},
		{alice, []string{bob}, false, false, ""},
		{alice, []string{bob, alice}, true, true, ""},
		{alice, []string{bob}, true, false, ""}, // no group to ask about
		{bob, []string{"SONE", "STWO"}, false, true, ""},
		{carol, []string{"SONE", "STWO"}, false, false, ""},
		{bob, []string{"SONE", "STWO"}, true, false, EUNAVAILABLE},
	} {
		got, err := IsMember(context.Background(), &fakeDirectory{groups: groups, down: tt.down}, tt.user, tt.who)
		if got != tt.want || ErrorCode(err) != tt.code {
			t.Errorf("%s in %v: got %t and %v", tt.user, tt.who, got, err)
		}
	}
}
