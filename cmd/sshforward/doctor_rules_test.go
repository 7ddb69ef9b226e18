package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sshforward/sshforward"
)

// Who gets in where, in a sentence that an auditor can sign.
func TestDoctorDescribesRules(t *testing.T) {
	for rule, want := range map[string]string{
		"{name: a, tags: any}": "every full member of the workspace may open every instance for up to 8h, without approval",
		"{name: a, tags: {Env: prod, App: web}, users: [S0DEV, U0A], guests: true, max: 1h}": `S0DEV, U0A, guests among them, may open ` +
			`instances with App="web" and Env="prod" for up to 1h, without approval`,
		"{name: a, tags: {Env: dev}, not_tags: {Team: db}, accounts: [main], vpcs: [vpc-0a], instances: [i-0a, i-0b]}": `may open instances ` +
			`with Env="dev" without Team="db" in account main in vpc-0a that are i-0a or i-0b for`,
		"{name: a, tags: any, approvers: [S0LEAD], approvals: 2, extend_approvals: 1}": "with 2 approvals of S0LEAD, extensions with 1",
		"{name: a, tags: any, approvers: [S0LEAD], extend_approvals: 0}":               "with 1 approval of S0LEAD, extensions without",
		"{name: a, tags: any, approvers: [S0LEAD], urgent: {users: [U0A]}}": "with 1 approval of S0LEAD; " +
			"U0A may go past that for up to 30m",
	} {
		c, err := parseConfig([]byte(withRules(rule)))
		if err != nil {
			t.Fatal(err)
		}
		found := lookAtRules(c)
		if len(found) != 1 || !found[0].OK || found[0].About != "rule a" || !strings.Contains(found[0].Says, want) {
			t.Errorf("%s: it says %+v, want %q", rule, found, want)
		}
	}
}

// A rule that an earlier one leaves nothing is a mistake: people read it and
// believe it.
func TestDoctorFindsRulesThatNeverDecide(t *testing.T) {
	for _, test := range []struct {
		first, second string
		never         bool
	}{
		{"tags: any", "tags: {Env: prod}", true},
		{"tags: {Env: prod}", "tags: {Env: prod, App: web}", true},
		{"tags: {Env: prod}", "tags: {Env: prod}", true},
		{"tags: {Env: prod, App: web}", "tags: {Env: prod}", false},
		{"tags: {Env: prod}", "tags: {Env: dev}", false},
		{"tags: {Env: prod}", "tags: any", false},
		{"tags: any, not_tags: {Env: prod}", "tags: {Env: dev}", true},
		{"tags: any, not_tags: {Env: prod}", "tags: {App: web}, not_tags: {Env: prod}", true},
		{"tags: any, not_tags: {Env: prod}", "tags: {Env: prod}", false},
		{"tags: any, not_tags: {Env: prod}", "tags: {App: web}", false},
		{"tags: any, accounts: [main]", "tags: any", true}, // there is no other account
		{"tags: any, vpcs: [vpc-0a]", "tags: any", false},
		{"tags: any, vpcs: [vpc-0a, vpc-0b]", "tags: any, vpcs: [vpc-0b]", true},
		{"tags: any, vpcs: [vpc-0a]", "tags: any, vpcs: [vpc-0a, vpc-0b]", false},
		{"tags: any, instances: [i-0a]", "tags: {Env: prod}, instances: [i-0a]", true},
		{"tags: {Env: prod}, instances: [i-0a]", "tags: any, instances: [i-0a]", false},
		{"tags: {Env: test}", "tags: {Env: prod}, not_tags: {Env: prod}", true},
	} {
		c, err := parseConfig([]byte(withRules("{name: first, "+test.first+"}", "{name: second, "+test.second+"}")))
		if err != nil {
			t.Fatal(err)
		}
		found := lookAtRules(c)
		if !found[0].OK || found[1].OK == test.never || strings.Contains(found[1].Says, "never decide") != test.never {
			t.Errorf("%s, then %s: %+v", test.first, test.second, found)
		}
		// What can be seen of the two agrees with what Match does.
		for _, in := range everyInstance() {
			policy := c.Policy.policy(nil)
			if rule, ok := policy.Match(in); test.never && ok && rule.Name == "second" {
				t.Errorf("%s, then %s: the second decides about %+v", test.first, test.second, in)
			}
		}
	}
}

// everyInstance are instances of every kind that the rules above tell apart.
func everyInstance() (all []sshforward.Instance) {
	for _, env := range []string{"", "prod", "dev", "test"} {
		for _, app := range []string{"", "web"} {
			for _, vpc := range []string{"vpc-0a", "vpc-0b"} {
				for _, id := range []string{"i-0a", "i-0b"} {
					in := sshforward.Instance{Account: "main", VPC: vpc, ID: id, Tags: map[string]string{"Env": env, "App": app}}
					for key, value := range in.Tags {
						if value == "" {
							delete(in.Tags, key)
						}
					}
					all = append(all, in)
				}
			}
		}
	}
	return all
}

func TestDoctorNamesInstancesUnderSeveralRules(t *testing.T) {
	rules := parsedRules(t, "{name: production, tags: {Env: prod}}", "{name: web, tags: {App: web}}", "{name: rest, tags: {Env: dev}}")
	instances := []sshforward.Instance{
		{ID: "i-0a", Name: "web-1", Tags: map[string]string{"Env": "prod", "App": "web"}},
		{ID: "i-0b", Tags: map[string]string{"Env": "prod"}},
		{ID: "i-0c"},
	}
	a := &about{what: "AWS main"}
	coveredTwice(a, rules, instances)
	if len(a.found) != 1 || a.found[0].Says != `i-0a ("web-1") is covered by the rules production, web; the first, production, decides` {
		t.Errorf("it says %+v", a.found)
	}
	for i := range 2 * severalNamed {
		instances = append(instances, sshforward.Instance{ID: fmt.Sprintf("i-%d", i), Tags: instances[0].Tags})
	}
	a = &about{what: "AWS main"}
	coveredTwice(a, rules, instances)
	if n := len(a.found); n != severalNamed+1 || a.found[n-1].Says != fmt.Sprintf("so are %d more", severalNamed+1) {
		t.Errorf("of many it says %+v", a.found)
	}
}
