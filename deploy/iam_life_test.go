package deploy_test

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// recordedCall is one of calls.json: what IAM was asked during a whole life of
// the built program, see TestCallsOfALife in cmd/sshforward.
type recordedCall struct {
	Call     string
	Requests []request
}

func recordedCalls(t *testing.T, file string, least int) (calls []recordedCall) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &calls); err != nil {
		t.Fatal(err)
	}
	if len(calls) < least {
		t.Fatalf("only %d calls are recorded", len(calls))
	}
	return calls
}

// never is what no recorded life needs, and why it is allowed all the same.
var never = map[string]string{
	"iam:CreateServiceLinkedRole": "only before the first load balancer of an account",
}

// TestPoliciesAreEnoughForALifeAndNoMore holds both policies of the bot against
// the recorded calls: they are allowed; without any one action of any one
// statement something of them is denied; and so are the same calls on what is
// another deployment's, or in another region.
func TestPoliciesAreEnoughForALifeAndNoMore(t *testing.T) {
	t.Parallel()
	run := needSimulator(t)
	checkLife(t, run, recordedCalls(t, "calls.json", 30), 30, botPolicy, switchPolicy)
}

// The same of what is kept in a table, see TestCallsOfATable in cmd/sshforward.
func TestPoliciesAreEnoughForATableAndNoMore(t *testing.T) {
	t.Parallel()
	run := needSimulator(t)
	checkLife(t, run, recordedCalls(t, "calls-table.json", 10), 20, tablePolicy, makePolicy)
}

// checkLife holds policies against calls; at least so many of them can be on
// something else.
func checkLife(t *testing.T, run simulator, calls []recordedCall, least int, policies ...string) {
	whole := readRawPolicy(t, policies[0])
	for _, file := range policies[1:] {
		whole.Statement = append(whole.Statement, readRawPolicy(t, file).Statement...)
	}
	text, err := json.Marshal(whole)
	if err != nil {
		t.Fatal(err)
	}
	var allowed, foreign []decision
	for _, c := range calls {
		allowed = append(allowed, decision{c.Call, true, c.Requests})
		for where, to := range map[string]*strings.Replacer{
			" of another deployment": strings.NewReplacer(`"prod"`, `"staging"`, "sshforward-prod", "sshforward-staging"),
			" in another region":     strings.NewReplacer(region, "eu-central-1"),
		} {
			if moved, differs := elsewhereThan(t, c, to); differs {
				foreign = append(foreign, decision{c.Call + where, false, moved})
			}
		}
	}
	if len(foreign) < least {
		t.Fatalf("only %d calls can be on something else", len(foreign))
	}
	check(t, run, string(text), append(allowed, foreign...))
	checkMinimal(t, run, whole, calls)
}

// elsewhereThan is the same call on something else, and whether it is another one.
func elsewhereThan(t *testing.T, c recordedCall, to *strings.Replacer) (moved []request, differs bool) {
	t.Helper()
	before, err := json.Marshal(c.Requests)
	if err != nil {
		t.Fatal(err)
	}
	after := to.Replace(string(before))
	if err := json.Unmarshal([]byte(after), &moved); err != nil {
		t.Fatal(err)
	}
	return moved, after != string(before)
}

// rawPolicy keeps what a statement says as it is.
type rawPolicy struct {
	Version   string
	Statement []map[string]any
}

func readRawPolicy(t *testing.T, file string) (p rawPolicy) {
	t.Helper()
	if err := json.Unmarshal([]byte(policyText(t, file)), &p); err != nil {
		t.Fatal(err)
	}
	return p
}

func checkMinimal(t *testing.T, run simulator, whole rawPolicy, calls []recordedCall) {
	type removal struct{ sid, action string }
	var (
		removals []removal
		without  []json.RawMessage
		requests []request
		under    []int // without which of them
	)
	for i, s := range whole.Statement {
		for _, action := range actionsOf(s) {
			if never[action] != "" {
				continue
			}
			p := rawPolicy{Version: whole.Version, Statement: slices.Clone(whole.Statement)}
			left := slices.DeleteFunc(actionsOf(s), func(a string) bool { return a == action })
			if len(left) == 0 {
				p.Statement = slices.Delete(p.Statement, i, i+1)
			} else {
				p.Statement[i] = with(s, context{"Action": left})
			}
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			without, removals = append(without, text), append(removals, removal{s["Sid"].(string), action})
			for _, c := range calls {
				for _, r := range c.Requests {
					if r.Action == action {
						requests, under = append(requests, r), append(under, len(without)-1)
					}
				}
			}
		}
	}
	denied := make([]bool, len(removals))
	for i, result := range run(t, `{"Version":"2012-10-17","Statement":[]}`, requests, situation{policies: without, under: under}) {
		if string(result) != `"Allowed"` {
			denied[under[i]] = true
		}
	}
	for i, r := range removals {
		if !denied[i] {
			t.Errorf("without %s in %s everything of a life is still allowed: nothing needs it there", r.action, r.sid)
		}
	}
}

func actionsOf(s map[string]any) (out []string) {
	if one, ok := s["Action"].(string); ok {
		return []string{one}
	}
	for _, a := range s["Action"].([]any) {
		out = append(out, a.(string))
	}
	return out
}
