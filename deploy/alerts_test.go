package deploy_test

import (
	"os/exec"
	"regexp"
	"slices"
	"testing"
)

// TestAlerts has promtool read the rules and play their tests, and wants one
// that raises and one that does not for each of them.
func TestAlerts(t *testing.T) {
	t.Parallel()
	promtool := need(t, "promtool", "promtool")
	for _, args := range [][]string{{"check", "rules", "alerts.yaml"}, {"test", "rules", "alerts.test.yaml"}} {
		if out, err := exec.Command(promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %v: %v\n%s", args, err, out)
		}
	}
	names := func(file, pattern string) (out []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(policyText(t, file), -1) {
			out = append(out, m[1])
		}
		return out
	}
	raised := names("alerts.test.yaml", `alertname: (\w+)\n *eval_time: \w+\n *exp_alerts:\n`)
	quiet := names("alerts.test.yaml", `alertname: (\w+)\n *eval_time: \w+\n *exp_alerts: \[\]\n`)
	rules := names("alerts.yaml", `- alert: (\w+)\n`)
	if len(rules) < 10 {
		t.Fatalf("found only %v", rules)
	}
	for _, rule := range rules {
		if !slices.Contains(raised, rule) || !slices.Contains(quiet, rule) {
			t.Errorf("%s has no test that raises it and one that does not", rule)
		}
	}
}
