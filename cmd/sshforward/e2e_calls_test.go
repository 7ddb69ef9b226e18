package main

import (
	"encoding/json"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// callsFile is what IAM is asked during a whole life: each call to AWS with the
// decisions that it needs. deploy/iam_life_test.go holds the policies against it.
const callsFile = "../../deploy/calls.json"

// iamCall is one call as it is published.
type iamCall struct {
	Call     string       `json:"call"`
	Requests []iamRequest `json:"requests"` // each has to be allowed
}

// iamRequest is one decision, with the condition keys that AWS fills in.
type iamRequest struct {
	Action   string         `json:"action"`
	Resource string         `json:"resource"`
	Context  map[string]any `json:"context,omitempty"`
}

// TestCallsOfALife records a lease from its opening to its end, with an extension, a
// rule that somebody removes, tags that somebody removes, and the dead-man switch;
// one that the next bot ends; and two that are built while a yes is missing.
func TestCallsOfALife(t *testing.T) {
	testenv.SkipRaced(t, "what it records does not depend on it")
	t.Parallel()
	c, aws, _ := fakeCloud(t, fakeaws.Options{})
	const role = "arn:aws:iam::123456789012:role/sshforward-deadman"
	aws.AddRole(role, "scheduler.amazonaws.com")
	home := aws.Home()
	for _, g := range home.Groups() {
		if g.Name != "default" {
			home.Tag(g.ID, "sshforward", "allow")
		}
	}
	recorded := &callRecorder{home: home}
	aws.SetFault(func(call fakeaws.Call) fakeaws.Fault { recorded.record(call); return fakeaws.Fault{} })
	w := newWorld(t, c, worldOptions{account: `main, deadman: {role_arn: "` + role + `"}`})
	id := w.open(ann, dev, c.instance+" 5m from 203.0.113.7")
	w.card(dev, id, "ssh -p 22")
	w.slash(ann, dev, "extend "+id+" 1m")
	for _, rule := range home.Rules() {
		if rule.Tags["sshforward:lease"] == id {
			home.RemoveRule(rule.ID)
		}
	}
	w.await("the rules again", func(*fakeslack.Snapshot) bool {
		return len(slices.DeleteFunc(home.Rules(), func(r fakeaws.Rule) bool { return r.Tags["sshforward:lease"] != id })) >= 3
	})
	// Somebody lets more in; it is taken out.
	var group string
	for _, g := range home.Groups() {
		if g.Tags["sshforward:lease"] == id {
			group = g.ID
		}
	}
	home.AddRule(fakeaws.Rule{Group: group, Protocol: "tcp", From: 22, To: 22, CIDR: "0.0.0.0/0"})
	w.await("the rule gone", func(*fakeslack.Snapshot) bool {
		return !slices.ContainsFunc(home.Rules(), func(r fakeaws.Rule) bool { return r.Group == group && r.CIDR == "0.0.0.0/0" && !r.Egress })
	})
	w.slash(ann, dev, "close "+id)
	w.card(dev, id, "Closed")
	// The next bot finds the schedule group, and a zone of a kind that it does not know.
	w.kill()
	home.AddZone(fakeaws.Zone{Name: "ap-northeast-1a", ID: "a-new-kind-of-id"})
	w.start()
	id = w.open(ann, dev, c.instance+" 3s from 203.0.113.7")
	w.card(dev, id, "Closed", "expired")
	w.nothingLeftSoon()
	builtAheadLives(w, recorded)
	aws.SetFault(nil)

	got := recorded.all()
	want := readCalls(t)
	// Which tags have to be put right is a matter of moments.
	keys := regexp.MustCompile(`"aws:TagKeys":\[[^]]*\]`)
	like := func(call string) func(string) bool {
		return func(other string) bool { return keys.ReplaceAllString(other, "") == keys.ReplaceAllString(call, "") }
	}
	for _, call := range got {
		if !slices.ContainsFunc(want, like(call)) && !*updateFiles {
			t.Errorf("%s lacks (go test ./cmd/sshforward -run TestCallsOfALife -update writes it):\n%s", callsFile, call)
		}
	}
	for _, call := range want {
		of := func(s string) string { name, _, _ := strings.Cut(s, `","requests"`); return name }
		if !slices.ContainsFunc(got, func(g string) bool { return of(g) == of(call) }) && !*updateFiles {
			t.Errorf("%s has a call that nobody makes: %s", callsFile, call)
		}
	}
	if *updateFiles {
		text := "[\n  " + strings.Join(got, ",\n  ") + "\n]\n"
		if err := os.WriteFile(callsFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// builtAheadLives are a lease that is built while its yes is missing, and one that is
// built and denied.
func builtAheadLives(w *world, recorded *callRecorder) {
	w.t.Helper()
	w.kill()
	w.opts.rules, w.opts.timing = approvedRules, strings.Replace(shortTiming, "approval: 30s", "approval: 5m", 1)
	w.start()
	begun := len(recorded.made())
	id := w.waiting(w.cloud.instance + " 5m from 203.0.113.7")
	ready := len(recorded.made())
	w.click(carol, w.card(dev, id), "lease.approve")
	w.card(dev, id, "ssh -p 22")
	open := len(recorded.made())
	w.slash(ann, dev, "close "+id)
	w.card(dev, id, "Closed")
	w.deny(carol, w.waiting(w.cloud.instance+" 5m from 203.0.113.8"), "not today")
	w.nothingLeftSoon()
	made := recorded.made()
	for _, call := range []string{"elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:RegisterInstancesWithLoadBalancer",
		"scheduler:CreateSchedule"} {
		if !slices.Contains(made[begun:ready], call) {
			w.t.Errorf("%s is not among what was done while a yes was missing: %q", call, made[begun:ready])
		}
	}
	for _, call := range []string{"ec2:AuthorizeSecurityGroupIngress", "scheduler:UpdateSchedule"} {
		if !slices.Contains(made[ready:open], call) {
			w.t.Errorf("%s is not among what was done after the yes: %q", call, made[ready:open])
		}
	}
}

func readCalls(t *testing.T) (out []string) {
	t.Helper()
	text, err := os.ReadFile(callsFile)
	if err != nil && *updateFiles {
		return nil
	}
	var all []iamCall
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all {
		out = append(out, c.text())
	}
	return out
}

func (c iamCall) text() string {
	text, _ := json.Marshal(c) // maps, strings and lists can be
	return string(text)
}
