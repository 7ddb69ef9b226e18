package deploy_test

import (
	"maps"
	"slices"
	"strings"
)

// request is one decision of IAM; a call needs a yes to each that it causes.
type request struct {
	Action   string         `json:"action"`
	Resource string         `json:"resource"`
	Context  map[string]any `json:"context"`
}

type tags = map[string]string

type group struct {
	vpc  string
	tags tags
}

// context holds the condition keys that AWS fills in for a request, by the
// service authorization reference.
type context = map[string]any

func with(cs ...context) context {
	out := context{}
	for _, c := range cs {
		maps.Copy(out, c)
	}
	return out
}

func carrying(resource tags) context {
	c := context{}
	for k, v := range resource {
		c["aws:ResourceTag/"+k] = v
	}
	return c
}

func sending(request tags) context {
	c := context{}
	for k, v := range request {
		c["aws:RequestTag/"+k] = v
	}
	if len(request) > 0 {
		c["aws:TagKeys"] = slices.Sorted(maps.Keys(request))
	}
	return c
}

// context of a group that does not exist, which has no VPC, is empty.
func (g group) context() context {
	if g.vpc == "" {
		return nil
	}
	return with(carrying(g.tags), context{"ec2:Vpc": ec2ARN("vpc/" + g.vpc)})
}

func ec2ARN(what string) string {
	return "arn:aws:ec2:" + region + ":" + account + ":" + what
}

func elbARN(name string) string {
	return "arn:aws:elasticloadbalancing:" + region + ":" + account + ":loadbalancer/" + name
}

const (
	aGroup = "security-group/sg-0a1b2c3d4e5f60718"
	aRule  = "security-group-rule/sgr-0a1b2c3d4e5f60718"
	aVPC   = "vpc-0a1b2c3d4e5f60718"
)

func createGroup(t tags) []request {
	out := []request{
		{"ec2:CreateSecurityGroup", ec2ARN(aGroup), sending(t)},
		{"ec2:CreateSecurityGroup", ec2ARN("vpc/" + aVPC), nil},
	}
	return append(out, tagging(aGroup, "CreateSecurityGroup", t)...)
}

// tagging is what tags on a creating call cause.
func tagging(what, creating string, t tags) []request {
	if len(t) == 0 {
		return nil
	}
	return []request{{"ec2:CreateTags", ec2ARN(what), with(sending(t), context{"ec2:CreateAction": creating})}}
}

// authorize is adding a rule. The rule itself is looked at only if it is
// tagged.
func authorize(direction string, g group, t tags) []request {
	action := "AuthorizeSecurityGroup" + direction
	out := []request{{"ec2:" + action, ec2ARN(aGroup), g.context()}}
	if len(t) > 0 {
		out = append(out, request{"ec2:" + action, ec2ARN(aRule), sending(t)})
	}
	return append(out, tagging(aRule, action, t)...)
}

func onGroup(action string, g group) []request {
	return []request{{"ec2:" + action, ec2ARN(aGroup), g.context()}}
}

func onInstance(action string) []request {
	return []request{{"ec2:" + action, ec2ARN("instance/i-0a1b2c3d4e5f60718"), nil}}
}

func retag(what string, on, to tags) []request {
	return []request{{"ec2:CreateTags", ec2ARN(what), with(carrying(on), sending(to))}}
}

func createBalancer(name string, t tags) []request {
	out := []request{{"elasticloadbalancing:CreateLoadBalancer", elbARN(name), sending(t)}}
	if len(t) > 0 {
		out = append(out, request{"elasticloadbalancing:AddTags", elbARN(name),
			with(sending(t), context{"elasticloadbalancing:CreateAction": "CreateLoadBalancer"})})
	}
	return out
}

func onBalancer(action, name string, on tags) []request {
	return []request{{"elasticloadbalancing:" + action, elbARN(name), carrying(on)}}
}

func retagBalancer(name string, on, to tags) []request {
	return []request{{"elasticloadbalancing:AddTags", elbARN(name), with(carrying(on), sending(to))}}
}

func schedulerARN(what string) string {
	return "arn:aws:scheduler:" + region + ":" + account + ":" + what
}

func createScheduleGroup(name string, t tags) []request {
	out := []request{{"scheduler:CreateScheduleGroup", schedulerARN("schedule-group/" + name), sending(t)}}
	if len(t) > 0 {
		out = append(out, request{"scheduler:TagResource", schedulerARN("schedule-group/" + name), sending(t)})
	}
	return out
}

func onSchedule(action, group, name string) []request {
	return []request{{"scheduler:" + action, schedulerARN("schedule/" + group + "/" + name), nil}}
}

func passRole(role, to string) []request {
	return []request{{"iam:PassRole", "arn:aws:iam::" + account + ":role/" + role, context{"iam:PassedToService": to}}}
}

// elsewhere is the same in another region.
func elsewhere(rs []request) []request {
	for i := range rs {
		rs[i].Resource = strings.ReplaceAll(rs[i].Resource, region, "eu-central-1")
	}
	return rs
}

func serviceLinkedRole(service, name string) []request {
	return []request{{"iam:CreateServiceLinkedRole", "arn:aws:iam::" + account + ":role/aws-service-role/" + service + "/" + name,
		context{"iam:AWSServiceName": service}}}
}
