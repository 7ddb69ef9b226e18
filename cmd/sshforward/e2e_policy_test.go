package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// program runs the built program without a bot around it.
func program(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(binary, args...)
	var out, errs strings.Builder
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &errs
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String(), errs.String()
}

func writeText(t *testing.T, name, text string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const exampleConfig = "../../deploy/sshforward.example.yaml"

// The table in deploy is right, and a table that is not says where, with exit 1.
func TestPolicyTable(t *testing.T) {
	testenv.SkipRaced(t, "it looks at single calls, one after the other")
	t.Parallel()
	code, stdout, stderr := program(t, "", "policy", "test", "../../deploy/policy-table.example.yaml", "--config", exampleConfig)
	if code != exitOK || strings.Contains(stdout, "WRONG") || strings.Count(stdout, "\n") != 11 {
		t.Errorf("%d\n%s%s", code, stdout, stderr)
	}
	wrong := writeText(t, "table.yaml", `
- {who: U0ANN, tags: {sshforward: allow}, want: approve 1}
- {who: U0ANN, tags: {sshforward: allow}, want: deny because of the weather}
- {who: U0ANN, tags: {sshforward: allow}, for: 9h, want: "deny because of the weather"}
- {who: U0ANN, tags: {Env: prod}, want: allow} # nobody says who is in S0DEV
- {who: U0ANN, tags: {sshforward: allow}, want: allow}
`)
	code, stdout, stderr = program(t, "", "policy", "test", wrong, "--config", exampleConfig, "--json")
	var results []caseResult
	for dec := json.NewDecoder(strings.NewReader(stdout)); dec.More(); {
		var r caseResult
		if err := dec.Decode(&r); err != nil {
			t.Fatal(err)
		}
		results = append(results, r)
	}
	if code != exitError || !strings.Contains(stderr, "4 of 5 cases end otherwise") || len(results) != 5 || !results[4].OK ||
		results[0].Got != "allow" || results[0].Rule != "development" || !strings.HasPrefix(results[3].Got, "cannot tell because") {
		t.Errorf("%d\n%s%s", code, stdout, stderr)
	}
	for text, says := range map[string]string{
		"cases: []": "there is no case",
		"cases: [{who: U0ANN, tags: {Env: prod}, want: maybe}]":            `case 1: want: "maybe" is none of`,
		"cases: [{who: S0DEV, want: allow}]":                               "case 1: who:",
		"cases: [{who: U0ANN, account: nowhere, want: allow}]":             "case 1: account:",
		"cases: [{who: U0ANN, tag: {Env: prod}, want: allow}]":             "unknown field",
		"cases: [{who: U0ANN, tags: {Env: prod}, from: home, want: deny}]": "line 1",
		"cases: [": "line 1",
	} {
		if code, _, stderr := program(t, "", "policy", "test", writeText(t, "t.yaml", text), "--config", exampleConfig); code != exitError ||
			!strings.Contains(stderr, says) {
			t.Errorf("%s: %d %s", text, code, stderr)
		}
	}
	for _, args := range [][]string{{"policy"}, {"policy", "check"}, {"policy", "test", "--config", exampleConfig}, {"policy", "replay"}} {
		if code, _, stderr := program(t, "", args...); code != exitUsage {
			t.Errorf("%q: %d %s", args, code, stderr)
		}
	}
}

// What was asked for would end otherwise under another configuration: read from
// the store of a bot that runs, of one that does not, and from an export.
func TestPolicyReplay(t *testing.T) {
	testenv.SkipRaced(t, "it looks at single calls, one after the other")
	t.Parallel()
	c, aws, note := fakeCloud(t, fakeaws.Options{})
	aws.Home().Tag(note.App, "Env", "prod")
	w := newWorld(t, c, worldOptions{rules: `
    - {name: production, tags: {Env: prod}, max: 1h, approvers: [U0CAROL, U0BOB], approvals: 1}
    - {name: development, tags: {sshforward: allow}, max: 8h}`})
	w.slash(ann, dev, "open web-1 9h from 203.0.113.7") // refused
	short := w.open(ann, dev, "web-1 10m from 203.0.113.7")
	long := w.open(ann, dev, "web-1 2h from 203.0.113.8")
	prod := w.open(ann, dev, note.App+" 30m from 203.0.113.7")
	w.card(dev, short, "*Open*")
	w.card(dev, long, "*Open*")
	w.click(bob, w.card(dev, prod, "Needs approval"), "lease.approve", prod)
	w.card(dev, prod, "*Open*")
	_, export := w.at("audit")

	stricter := writeText(t, "new.yaml", strings.NewReplacer("max: 8h", "max: 1h", "approvals: 1", "approvals: 2").Replace(w.config()))
	differ := func(what string, code int, stdout, stderr string) {
		t.Helper()
		if code != exitOK || !containsAll(stderr, []string{"4 requests since", "2 would end differently, 1 cannot be judged"}) ||
			strings.Contains(stdout, short) || !containsAll(stdout, []string{
			long + " U0ANN web-1 ", "was allow, would be deny because 2h is longer than the 1h", prod,
			"was approve 1, would be approve 2 (rule production)", "cannot be judged: it was refused",
		}) {
			t.Errorf("%s: %d\n%s%s", what, code, stdout, stderr)
		}
	}
	replay := []string{"policy", "replay", "--since", "30d", "--config", stricter}
	code, stdout, stderr := program(t, "", replay...)
	differ("a bot that runs", code, stdout, stderr)
	w.terminate()
	code, stdout, stderr = program(t, "", replay...)
	differ("a bot that is stopped", code, stdout, stderr)
	code, stdout, stderr = program(t, export, append(replay, "--audit", "-")...)
	differ("an export", code, stdout, stderr)

	same := writeText(t, "same.yaml", w.config())
	if code, stdout, stderr = program(t, "", "policy", "replay", "--config", same, "--json"); code != exitOK ||
		!strings.Contains(stderr, "0 would end differently") || strings.Contains(stdout, `"judged":true`) {
		t.Errorf("the same configuration: %d\n%s%s", code, stdout, stderr)
	}
	if _, stdout, stderr = program(t, "", "policy", "replay", "--config", stricter, "--since", "2099-01-01"); stdout != "" {
		t.Errorf("nothing was asked for since: %s%s", stdout, stderr)
	}
	// A rule that goes by what the record does not say.
	other := writeText(t, "other.yaml", strings.Replace(w.config(), "tags: {Env: prod}", "tags: {Team: blue}", 1))
	if _, stdout, _ = program(t, "", "policy", "replay", "--config", other); strings.Count(stdout, "what the instance has as Team") != 3 {
		t.Errorf("a tag that nobody recorded:\n%s", stdout)
	}
	// Groups are asked of a table.
	groups := writeText(t, "groups.yaml", strings.Replace(w.config(), "max: 8h", "max: 8h, users: [S0DEV]", 1))
	_, stdout, _ = program(t, "", "policy", "replay", "--config", groups)
	if !strings.Contains(stdout, "cannot be judged: It is not said who is in the user group S0DEV") {
		t.Errorf("a group of which nobody says who is in it:\n%s", stdout)
	}
	people := writeText(t, "people.yaml", "{groups: {S0DEV: [U0BOB]}, cases: [{who: U0BOB, tags: {sshforward: allow}, want: allow}]}")
	_, stdout, _ = program(t, "", "policy", "replay", "--config", groups, "--people", people)
	if strings.Count(stdout, "would be deny because The rule \"development\" decides here, and you are not among the people") != 2 {
		t.Errorf("who is not in the group:\n%s", stdout)
	}
}

// Somebody asks why: which rule, who may approve, what is missing. Whom no rule
// lets in there learns nothing.
func TestWhy(t *testing.T) {
	testenv.SkipRaced(t, "it looks at single calls, one after the other")
	t.Parallel()
	c, aws, note := fakeCloud(t, fakeaws.Options{})
	aws.Home().Tag(note.App, "Env", "prod")
	w := newWorld(t, c, worldOptions{rules: `
    - {name: production, tags: {Env: prod}, users: [U0ANN], max: 1h, approvers: [U0CAROL, U0BOB], approvals: 2, reason: required}
    - {name: development, tags: {sshforward: allow}, max: 8h}`})
	asks := func(user, ref string, says ...string) {
		t.Helper()
		answer := w.slash(user, dev, "why "+ref)
		for _, s := range says {
			if !strings.Contains(answer.Visible(), s) {
				t.Errorf("why %s by %s does not say %q:\n%s", ref, user, s, answer.Visible())
			}
		}
	}
	asks(ann, note.App, "The rule `production` decides, because of `Env=prod`", "up to 1h", "It takes 2 approvals: <@U0CAROL> or <@U0BOB>",
		"Besides you, 2 people", "What is missing", "wants a reason", "I do not know which address you come from")
	asks(bob, note.App, "There is no instance")
	asks(bob, "i-0aaaaaaaaaaaaaaaa", "There is no instance")
	w.slash(bob, dev, "ip 203.0.113.9")
	asks(bob, "web-1", "The rule `development` decides, because of `sshforward=allow`", "No approval is needed",
		"You come from 203.0.113.9", "Nothing is missing")
	aws.Home().Stop(note.Web)
	asks(bob, "web-1", "What is missing", "stopp")
	asks(bob, "", "Say which instance", "/sshforward open")
	if _, said := w.at("audit"); !strings.Contains(said, `"act":"look","result":"not_found"`) {
		t.Errorf("that somebody looked where they may not is not recorded:\n%s", said)
	}
}
