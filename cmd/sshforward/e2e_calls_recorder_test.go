package main

import (
	"encoding/json"
	"fmt"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"slices"
	"strings"
	"sync"
)

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
