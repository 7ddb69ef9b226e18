package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
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

// callRecorder works out what IAM is asked about each call, while what it is
// about is as it was before.
type callRecorder struct {
	home *fakeaws.Region

	mu    sync.Mutex
	calls []string
	names []string // of all calls, in the order in which they were made
}

func (r *callRecorder) made() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.names)
}

func (r *callRecorder) all() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.calls)
	return slices.Compact(slices.Clone(r.calls))
}

func (r *callRecorder) record(call fakeaws.Call) {
	r.mu.Lock()
	r.names = append(r.names, call.String())
	r.mu.Unlock()
	if call.Service == "sts" {
		return // needs no permission, or that of the bot's own account
	}
	if r.isGone(call) {
		return // the bot knows that IAM denies it then, and that EC2 would say so else
	}
	c := iamCall{Call: call.String(), Requests: r.requests(call)}
	// The deployment of the policies is prod; which of many things it is does
	// not matter to them.
	text := strings.NewReplacer("sshforward-e2e", "sshforward-prod", `"e2e"`, `"prod"`).Replace(c.text())
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Contains(r.calls, text) {
		r.calls = append(r.calls, text)
	}
}

// isGone reports whether a call is about a group or a rule that is not there.
func (r *callRecorder) isGone(call fakeaws.Call) bool {
	ids := append(values(call.Params, "ResourceId."), call.Params["GroupId"]...)
	return slices.ContainsFunc(ids, func(id string) bool {
		return strings.HasPrefix(id, "sg-") && r.groupTags(id) == nil || strings.HasPrefix(id, "sgr-") && r.rule(id) == nil
	})
}

func (r *callRecorder) requests(call fakeaws.Call) []iamRequest {
	action, p := call.String(), call.Params
	at := func(resource string, contexts ...map[string]any) []iamRequest {
		q := iamRequest{Action: action, Resource: resource}
		for _, context := range contexts {
			for k, v := range context {
				if q.Context == nil {
					q.Context = make(map[string]any)
				}
				q.Context[k] = v
			}
		}
		return []iamRequest{q}
	}
	as := func(other string, all []iamRequest) []iamRequest {
		for i := range all {
			all[i].Action = other
		}
		return all
	}
	switch asked := requested(tagsAsked(p)); call.Operation {
	case "GetConsoleOutput":
		return at(ec2Resource("instance/i-0a1b2c3d4e5f60718"))
	case "CreateSecurityGroup":
		out := append(at(ec2Resource(someGroup), asked), at(ec2Resource("vpc/vpc-0a1b2c3d4e5f60718"))...)
		return append(out, as("ec2:CreateTags", at(ec2Resource(someGroup), asked, created(call)))...)
	case "AuthorizeSecurityGroupIngress", "AuthorizeSecurityGroupEgress":
		out := at(ec2Resource(someGroup), r.group(p.Get("GroupId")))
		if len(asked) > 0 {
			out = append(out, at(ec2Resource(someRule), asked)...)
			out = append(out, as("ec2:CreateTags", at(ec2Resource(someRule), asked, created(call)))...)
		}
		return out
	case "RevokeSecurityGroupIngress", "RevokeSecurityGroupEgress", "DeleteSecurityGroup":
		return at(ec2Resource(someGroup), r.group(p.Get("GroupId")))
	case "CreateTags", "DeleteTags":
		var out []iamRequest
		for _, id := range values(p, "ResourceId.") {
			if strings.HasPrefix(id, "sgr-") {
				out = append(out, at(ec2Resource(someRule), r.rule(id), asked)...)
			} else {
				out = append(out, at(ec2Resource(someGroup), r.groupTags(id), asked)...)
			}
		}
		return out
	case "CreateLoadBalancer":
		out := at(balancerARN, asked)
		out = append(out, as("elasticloadbalancing:AddTags", at(balancerARN, asked,
			map[string]any{"elasticloadbalancing:CreateAction": call.Operation}))...)
		return append(out, onBehalf...)
	case "RegisterInstancesWithLoadBalancer":
		return append(at(balancerARN, r.balancer(p.Get("LoadBalancerName"))), onBehalfOfRegistering...)
	case "ConfigureHealthCheck", "ModifyLoadBalancerAttributes", "DeregisterInstancesFromLoadBalancer", "DeleteLoadBalancer":
		return at(balancerARN, r.balancer(p.Get("LoadBalancerName")))
	case "AddTags":
		return at(balancerARN, r.balancer(p.Get("LoadBalancerNames.member.1")), asked)
	case "GetScheduleGroup", "ListTagsForResource":
		return at(schedulerResource("schedule-group/sshforward-prod"))
	case "CreateScheduleGroup":
		out := at(schedulerResource("schedule-group/sshforward-prod"), asked)
		return append(out, as("scheduler:TagResource", at(schedulerResource("schedule-group/sshforward-prod"), asked))...)
	case "CreateSchedule", "UpdateSchedule":
		out := at(schedulerResource("schedule/sshforward-prod/sshforward-prod-k7m2pqx"))
		return append(out, as("iam:PassRole", at("arn:aws:iam::123456789012:role/sshforward-deadman",
			map[string]any{"iam:PassedToService": "scheduler.amazonaws.com"}))...)
	case "DeleteSchedule":
		return at(schedulerResource("schedule/sshforward-prod/sshforward-prod-k7m2pqx"))
	}
	return at("*")
}

// What AWS wants of whoever creates a load balancer or registers an instance.
var (
	onBehalf = alsoAsked("ec2:DescribeAccountAttributes", "ec2:DescribeInternetGateways", "ec2:DescribeVpcClassicLink",
		"ec2:DescribeVpcs")
	onBehalfOfRegistering = alsoAsked("ec2:DescribeClassicLinkInstances", "ec2:DescribeInstances")
)

func alsoAsked(actions ...string) (out []iamRequest) {
	for _, action := range actions {
		out = append(out, iamRequest{Action: action, Resource: "*"})
	}
	return out
}

const (
	someGroup   = "security-group/sg-0a1b2c3d4e5f60718"
	someRule    = "security-group-rule/sgr-0a1b2c3d4e5f60718"
	balancerARN = "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:loadbalancer/sshforward-prod-k7m2pqx"
)

func ec2Resource(what string) string { return "arn:aws:ec2:ap-northeast-1:123456789012:" + what }
func schedulerResource(what string) string {
	return "arn:aws:scheduler:ap-northeast-1:123456789012:" + what
}

func created(call fakeaws.Call) map[string]any {
	return map[string]any{"ec2:CreateAction": call.Operation}
}

// group is what IAM sees of a security group: its VPC and its tags.
func (r *callRecorder) group(id string) map[string]any {
	context := r.groupTags(id)
	if context != nil {
		context["ec2:Vpc"] = ec2Resource("vpc/vpc-0a1b2c3d4e5f60718")
	}
	return context
}

func (r *callRecorder) groupTags(id string) map[string]any {
	for _, g := range r.home.Groups() {
		if g.ID == id {
			return carried(g.Tags)
		}
	}
	return nil
}

func (r *callRecorder) rule(id string) map[string]any {
	for _, u := range r.home.Rules() {
		if u.ID == id {
			return carried(u.Tags)
		}
	}
	return nil
}

func (r *callRecorder) balancer(name string) map[string]any {
	lb, ok := r.home.LoadBalancer(name)
	if !ok {
		return nil
	}
	return carried(lb.Tags)
}

// carried has of a thing's tags those that policies ask about.
func carried(tags map[string]string) map[string]any {
	out := make(map[string]any)
	for _, key := range []string{"sshforward", "sshforward:deployment"} {
		if v, ok := tags[key]; ok {
			out["aws:ResourceTag/"+key] = v
		}
	}
	return out
}

func requested(tags map[string]string) map[string]any {
	if len(tags) == 0 {
		return nil
	}
	out := make(map[string]any)
	var keys []string
	for k, v := range tags {
		keys = append(keys, k)
		if k == "sshforward:deployment" {
			out["aws:RequestTag/"+k] = v
		}
	}
	slices.Sort(keys)
	out["aws:TagKeys"] = keys
	return out
}

// tagsAsked are the tags that a call brings, however its service writes them.
func tagsAsked(p map[string][]string) map[string]string {
	out := make(map[string]string)
	for name, v := range p {
		if key, ok := strings.CutSuffix(name, ".Key"); ok && strings.Contains(name, "Tag") {
			out[v[0]] = strings.Join(p[key+".Value"], "")
		}
	}
	var body struct{ Tags []struct{ Key, Value string } }
	if json.Unmarshal([]byte(strings.Join(p["Body"], "")), &body) == nil {
		for _, t := range body.Tags {
			out[t.Key] = t.Value
		}
	}
	return out
}

// values are those of a list: ResourceId.1, ResourceId.2 …
func values(p map[string][]string, prefix string) (out []string) {
	for i := 1; ; i++ {
		v := p[fmt.Sprint(prefix, i)]
		if len(v) == 0 {
			return out
		}
		out = append(out, v[0])
	}
}
