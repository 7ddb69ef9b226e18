package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
)

// withRules is a configuration with these rules, which begin in line 9.
func withRules(rules ...string) string {
	before, _, _ := strings.Cut(goodConfig, "  sources:")
	return before + "  rules:\n    - " + strings.Join(rules, "\n    - ") + "\n"
}

func parsedRules(t *testing.T, rules ...string) []sshforward.Rule {
	t.Helper()
	c, err := parseConfig([]byte(withRules(rules...)))
	if err != nil {
		t.Fatalf("%s: %v", rules, err)
	}
	return c.Policy.policy(nil).Rules
}

// A rule that lost what narrowed it would let everybody in. It ends the start
// instead, in one line with the place.
func TestConfigCannotFailOpen(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"users commented out", withRules("{name: a, tags: {A: b}, users: []}"),
			"line 9, column 31: users is there and empty; write what it is, or leave it out; users: everyone lets in every full member"},
		{"users forgotten", withRules("name: a\n      tags: {A: b}\n      users:\n      max: 1h"), "line 11, column 7: users is there and empty"},
		{"tags deleted", withRules("{name: a, tags: {}}"),
			"line 9, column 17: tags is there and empty; write what it is, or leave it out; tags: any covers"},
		{"tags forgotten", withRules("{name: a, tags: , max: 1h}"), "tags is there and empty"},
		{"no tags", withRules("{name: a, max: 1h}"), "the rule has no tags, so it would decide about every instance; write tags: any"},
		{"no tags in the second", withRules("{name: a, tags: {A: b}}", "{name: b, max: 1h}"), "line 10, column 7: the rule has no tags"},
		{"no tags but an instance", withRules("{name: a, instances: [i-0abc]}"), "the rule has no tags"},
		{"no approvers", withRules("name: a\n      tags: {A: b}\n      approvers:\n"), "line 11, column 7: approvers is there and empty"},
		{"a null", withRules("{name: a, tags: {A: b}, approvals: ~}"), "approvals is there and empty"},
		{"no reason", withRules(`{name: a, tags: {A: b}, reason: ""}`), "reason is there and empty"},
		{"no pattern", withRules(`{name: a, tags: {A: b}, reason_pattern: ""}`), "reason_pattern is there and empty"},
		{"no length", withRules("{name: a, tags: {A: b}, max: }"), "max is there and empty"},
		{"nothing urgent", withRules("{name: a, tags: {A: b}, approvers: [U0B], urgent: {}}"), "urgent is there and empty"},
		{"nobody urgent", withRules("{name: a, tags: {A: b}, approvers: [U0B], urgent: {users: []}}"), "users is there and empty"},
		{"no such tags", withRules("{name: a, tags: {A: b}, not_tags: {}}"), "not_tags is there and empty"},
		{"no accounts", withRules("{name: a, tags: {A: b}, accounts: []}"), "accounts is there and empty"},
		{"no VPCs", withRules("{name: a, tags: {A: b}, vpcs: []}"), "vpcs is there and empty"},
		{"no instances", withRules("{name: a, tags: {A: b}, instances: }"), "instances is there and empty"},
		{"nobody among the users", withRules("{name: a, tags: {A: b}, users: [U0A, ~]}"), "users has an empty entry"},
		{"one name twice", withRules("{name: a, tags: {A: b}}", "{name: b, tags: {A: b}}", "{name: a, tags: {A: c}}"),
			`line 11, column 14: there are two rules called "a"`},
		{"one name twice, written in two ways", withRules("name: >-\n        a\n      tags: {A: b}", `{name: "a ", tags: {A: c}}`),
			`there are two rules called "a"`},
		{"any tags for none", withRules("{name: a, tags: {A: b}, not_tags: any}"),
			"line 9, column 31: not_tags wants the tags that no instance may have; a word would leave none out"},
		{"no pattern in a block", withRules("name: a\n      tags: {A: b}\n      reason_pattern: |\n      max: 1h"),
			"reason_pattern is there and empty"},
		{"no reason in a block", withRules("name: a\n      tags: {A: b}\n      reason: >-\n      max: 1h"), "reason is there and empty"},
		{"through an alias", strings.Replace(withRules("{name: a, tags: {A: b}, users: *nobody}"), "admins: [U0ADMIN, S0SRE]",
			"admins: &nobody []", 1),
			"line 9, column 31: users is there and empty"},
		{"every address", strings.Replace(goodConfig, "allow: [203.0.113.0/24]", "allow: []", 1),
			"line 8, column 13: allow is there and empty, which would allow every"},
		{"every address, again", strings.Replace(goodConfig, "{allow: [203.0.113.0/24], default: [203.0.113.7]}", "", 1),
			"line 8, column 3: sources is there and empty"},
		{"no subnet", strings.Replace(goodConfig, "name: main", "name: main, subnets: []", 1),
			"subnets is there and empty, which would allow every public one"},
		{"no dead-man switch", strings.Replace(goodConfig, "name: main", "name: main, deadman: ", 1),
			"deadman is there and empty, so nothing would end access without the bot"},
		{"a number for an account's tag", strings.Replace(goodConfig, "name: main", "name: main, tags: {CostCenter: 0123}", 1),
			`0123 is not a text in YAML, so it may not be compared as it stands here; write "0123"`},
		{"a number for a tag", withRules("{name: a, tags: {Cost: 0123}}"),
			`line 9, column 30: 0123 is not a text in YAML, so it may not be compared as it stands here; write "0123"`},
		{"a fraction", withRules("{name: a, tags: {Version: 1.10}}"),
			`1.10 is not a text in YAML, so it may not be compared as it stands here; write "1.10"`},
		{"yes or no", withRules("{name: a, tags: {Open: true}}"), `write "true"`},
		{"a number for a key", withRules("{name: a, tags: {0123: x}}"), `write "0123"`},
		{"what must not be there", withRules("{name: a, tags: {A: b}, not_tags: {Cost: 12}}"), `write "12"`},
		{"no value", withRules("{name: a, tags: {Env: }}"), `the tag Env has no value here; write "" if the empty one is meant`},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := parseConfig([]byte(test.text))
			if err == nil {
				t.Fatalf("it was taken:\n%s", test.text)
			}
			if got := oneLine(err); !strings.Contains(got, test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("it says %q, want %q in one line, of\n%s", got, test.want, test.text)
			}
		})
	}
}

// What is meant can be written.
func TestWordsForEverybodyAndEverything(t *testing.T) {
	want := []sshforward.Rule{{Name: "a", Max: 8 * time.Hour}}
	for _, rule := range []string{
		"{name: a, tags: any}",
		"{name: a, tags: any, users: everyone}",
		"{name: a, tags: any, users: everyone, extend_approvals: 0}",
		"{name: &name a, tags: &all any, users: &who everyone}",
	} {
		if diff := cmp.Diff(want, parsedRules(t, rule)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", rule, diff)
		}
	}
}

func TestRuleBeyondTags(t *testing.T) {
	got := parsedRules(t, `{name: a, tags: {Env: "0123", Open: ""}, not_tags: {Secret: "yes"}, accounts: [main], vpcs: [vpc-0abc], `+
		`instances: [i-0abc, i-0def], users: [U0A], guests: true, max: 1h}`)
	want := []sshforward.Rule{{
		Name: "a", Tags: map[string]string{"Env": "0123", "Open": ""}, NotTags: map[string]string{"Secret": "yes"}, Accounts: []string{"main"},
		VPCs: []string{"vpc-0abc"}, Instances: []string{"i-0abc", "i-0def"}, Users: []string{"U0A"}, Guests: true, Max: time.Hour,
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Anchors, aliases and merged maps say the same as if all was written out.
func TestRulesMayShare(t *testing.T) {
	got := parsedRules(t, "{name: a, tags: &tags {Env: prod}, users: &devs [U0A, S0DEV], max: 1h}",
		"{name: b, tags: *tags, users: *devs, max: 2h}", "{name: c, <<: &common {tags: *tags, users: *devs}, max: 1h}",
		"{name: d, <<: *common, max: 3h}")
	for i, want := range []struct {
		name string
		max  time.Duration
	}{{"a", time.Hour}, {"b", 2 * time.Hour}, {"c", time.Hour}, {"d", 3 * time.Hour}} {
		if r := got[i]; r.Name != want.name || r.Max != want.max || r.Tags["Env"] != "prod" || len(r.Users) != 2 {
			t.Errorf("rule %d: %+v", i, r)
		}
	}
}

// What an empty key does not open, it may go on not to say.
func TestEmptyKeysThatOpenNothing(t *testing.T) {
	for _, text := range []string{
		goodConfig + "timing:\n", goodConfig + "audit: {}\n", goodConfig + "listen:\n",
		strings.Replace(goodConfig, "[U0ADMIN, S0SRE]", "[]", 1),
		strings.Replace(goodConfig, "default: [203.0.113.7]", "default: []", 1),
		strings.Replace(goodConfig, "policy:", "policy:\n  ports: []", 1),
		strings.Replace(goodConfig, "name: main", "name: main, role_arn: ", 1),
		strings.Replace(goodConfig, "name: development", "name: 12", 1),
	} {
		if _, err := parseConfig([]byte(text)); err != nil {
			t.Errorf("%v:\n%s", err, text)
		}
	}
}

func TestLeasesPerUser(t *testing.T) {
	for text, want := range map[string]int{"": 3, "\n  leases_per_user: 7": 7, "\n  leases_per_user: 0": 0} {
		c, err := parseConfig([]byte(strings.Replace(goodConfig, "policy:", "policy:"+text, 1)))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Policy.policy(nil).LeasesPerUser; got != want {
			t.Errorf("%q: a person may have %d leases, want %d", text, got, want)
		}
	}
}

// Whoever approved five minutes did not approve the maximum: without a word on
// extensions they ask as many approvers as the lease did.
func TestExtensionsAskLikeTheLease(t *testing.T) {
	for text, want := range map[string]int{
		"approvers: [S0LEAD]":                                    1,
		"approvers: [S0LEAD], approvals: 2":                      2,
		"approvers: [S0LEAD], approvals: 2, extend_approvals: 1": 1,
		"approvers: [S0LEAD], approvals: 2, extend_approvals: 0": 0,
		"max: 1h": 0,
	} {
		if got := parsedRules(t, "{name: a, tags: any, "+text+"}")[0].ExtendApprovals; got != want {
			t.Errorf("%s: an extension needs %d approvals, want %d", text, got, want)
		}
	}
}

// All of timing may be one second, for whoever wants to watch a life go by.
func TestTimingOfOneSecond(t *testing.T) {
	c, err := parseConfig([]byte(goodConfig +
		"timing: {default: 1s, min: 1s, confirm: 1s, approval: 1s, opening: 1s, stopped: 1s, reminders: [1s], sweep: 1s, keep: 1s}\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := sshforward.Timing{
		Default: time.Second, Min: time.Second, Confirm: time.Second, Approval: time.Second, Opening: time.Second,
		Stopped: time.Second, Reminders: []time.Duration{time.Second}, Sweep: time.Second, Keep: time.Second,
	}
	if diff := cmp.Diff(want, c.Timing.timing()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What is built ahead is what the policy says, unless a rule says otherwise; while
// approval is waited for if nothing does.
func TestPrepare(t *testing.T) {
	rule := "{name: development"
	for _, tt := range []struct {
		policy, rule       string
		wantPolicy, wantOf sshforward.Prepare
	}{
		{"", "", sshforward.PrepareApproval, ""},
		{"\n  prepare: never", "", sshforward.PrepareNever, ""},
		{"\n  prepare: prompt", ", prepare: never", sshforward.PreparePrompt, sshforward.PrepareNever},
		{"\n  prepare: approval", ", prepare: prompt", sshforward.PrepareApproval, sshforward.PreparePrompt},
	} {
		text := strings.Replace(strings.Replace(goodConfig, "policy:", "policy:"+tt.policy, 1), rule, rule+tt.rule, 1)
		c, err := parseConfig([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		p := c.Policy.policy(nil)
		of := p.Rules[slices.IndexFunc(p.Rules, func(r sshforward.Rule) bool { return r.Name == "development" })].Prepare
		if p.Prepare != tt.wantPolicy || of != tt.wantOf {
			t.Errorf("%q and %q: %q and %q", tt.policy, tt.rule, p.Prepare, of)
		}
	}
	_, err := parseConfig([]byte(strings.Replace(goodConfig, "policy:", "policy:\n  prepare: always", 1)))
	if err == nil || !strings.Contains(err.Error(), `column 12: "always" is none of never, approval and prompt`) {
		t.Errorf("%v", err)
	}
}
