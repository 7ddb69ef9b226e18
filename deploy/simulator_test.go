package deploy_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

// simulator decides requests under a policy: an answer for each.
type simulator func(t *testing.T, policy string, requests []request, in ...situation) []json.RawMessage

// situation is who asks, and what stands above all policies of theirs.
type situation struct {
	principal     string // ARN; empty: the bot's role
	scp, boundary string // text; empty: none

	policies []json.RawMessage // instead of the policy
	under    []int             // which of them decides each request
}

const botRole = "arn:aws:iam::" + account + ":role/sshforward"

// needSimulator installs the simulator, once. Without node, npm or a registry
// the test is skipped, unless SSHFORWARD_REQUIRE names iam.
func needSimulator(t *testing.T) simulator {
	t.Helper()
	testenv.SkipRaced(t, "the simulator does not run under it")
	for _, tool := range []string{"node", "npm"} {
		if _, err := exec.LookPath(tool); err != nil {
			testenv.Missing(t, "iam", fmt.Errorf("the policy simulator needs %s: %w", tool, err))
		}
	}
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/iam")); err != nil {
		t.Fatal(err)
	}
	npm := exec.CommandContext(t.Context(), "npm", "ci", "--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund")
	npm.Dir = dir
	if out, err := npm.CombinedOutput(); err != nil {
		testenv.Missing(t, "iam", fmt.Errorf("npm ci: %w\n%s", err, out))
	}
	return func(t *testing.T, policy string, requests []request, s ...situation) []json.RawMessage {
		t.Helper()
		q := map[string]any{"policy": json.RawMessage(policy), "principal": botRole, "requests": requests}
		for _, s := range s {
			q["principal"] = cmp.Or(s.principal, botRole)
			if len(s.policies) > 0 {
				q["policies"], q["under"] = s.policies, s.under
			}
			if s.scp != "" {
				q["scp"] = json.RawMessage(s.scp)
			}
			if s.boundary != "" {
				q["boundary"] = json.RawMessage(s.boundary)
			}
		}
		in, err := json.Marshal(q)
		if err != nil {
			t.Fatal(err)
		}
		node := exec.CommandContext(t.Context(), "node", "simulate.mjs")
		node.Dir, node.Stdin, node.Stderr = dir, bytes.NewReader(in), t.Output()
		out, err := node.Output()
		if err != nil {
			t.Fatal(err)
		}
		var results []json.RawMessage
		if err := json.Unmarshal(out, &results); err != nil {
			t.Fatal(err)
		}
		if len(results) != len(requests) {
			t.Fatalf("%d answers to %d requests", len(results), len(requests))
		}
		return results
	}
}
