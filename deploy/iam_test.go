package deploy_test

import (
	"encoding/json"
	"maps"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
)

// The example policy is for this deployment, account and region.
const (
	deployment = "prod"
	region     = "ap-northeast-1"
	account    = "123456789012"
)

// What the bot may do; what it may do in addition where the dead-man switch is
// on; where leases are in a table, and where it makes that itself; and what the
// role may do that EventBridge Scheduler assumes.
const (
	botPolicy    = "iam-policy.json"
	doctorPolicy = "iam-policy-doctor.json"
	switchPolicy = "iam-policy-deadman.json"
	tablePolicy  = "iam-policy-table.json"
	makePolicy   = "iam-policy-table-create.json"
	rolePolicy   = "iam-deadman-role.json"
)

type statement struct {
	Sid, Effect string
	Action      oneOrMore
	Resource    oneOrMore
	Condition   map[string]map[string]oneOrMore
}

type policy struct {
	Version   string
	Statement []statement
}

// oneOrMore is a string or a list of them, as IAM has it.
type oneOrMore []string

func (o *oneOrMore) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*o = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(o))
}

func policyText(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func readPolicy(t *testing.T, file string) policy {
	t.Helper()
	var p policy
	d := json.NewDecoder(strings.NewReader(policyText(t, file)))
	d.DisallowUnknownFields()
	if err := d.Decode(&p); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return p
}

// A managed policy holds 6144 characters, white space not counted.
func TestPolicyFitsAManagedPolicy(t *testing.T) {
	for _, file := range []string{botPolicy, switchPolicy, tablePolicy, makePolicy, rolePolicy, tagsBoundary} {
		if n := len(strings.Join(strings.Fields(policyText(t, file)), "")); n > 6144 {
			t.Errorf("%s has %d characters, 6144 is the most", file, n)
		}
	}
}

// What AWS would decide is simulated, by somebody else's simulator.
func TestPolicyAllowsWhatTheBotDoesAndNoMore(t *testing.T) {
	t.Parallel()
	run := needSimulator(t)
	t.Run("as it is", func(t *testing.T) { checkPolicy(t, run) })
	t.Run("narrowed to a VPC", func(t *testing.T) { checkNarrowed(t, run) })
	t.Run("with tags of one's own", func(t *testing.T) { checkTags(t, run) })
	t.Run("with subnets of one's own", func(t *testing.T) { checkSubnets(t, run) })
	t.Run("for unmarked groups", func(t *testing.T) { checkUnmarked(t, run) })
	t.Run("dead-man switch", func(t *testing.T) { checkDeadMan(t, run) })
}

func checkPolicy(t *testing.T, run simulator) {
	lease := &sshforward.Lease{
		ID: "k7m2pqx", Team: "T0TEAM", Owner: "U0DEV", Channel: "C0OPS",
		Terms: sshforward.Terms{
			Instance: sshforward.Instance{Account: "main", Region: region, ID: "i-0a1b2c3d4e5f60718",
				PrivateIP: netip.MustParseAddr("10.1.2.94")},
			ListenerPort: 22, TargetPort: 22, SSHUser: "ec2-user", Duration: time.Hour, Max: time.Hour,
		},
		OpenBy: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		Outbox: sshforward.Outbox{Card: sshforward.Card{Channel: "C0OPS", TS: "1700000000.000100"}},
	}
	own := provisioner.Tags(deployment, lease)
	foreign := provisioner.Tags("prod-2", lease)
	clock := tags{provisioner.TagExpires: "2026-01-02T04:04:05Z", provisioner.TagOpened: "2026-01-02T03:04:05Z"}
	moved := tags{provisioner.TagSources: "203.0.113.20/32", provisioner.TagProof: "c2lnbmVkIGFuZXcgZm9yIGl0"}
	stray := maps.Clone(own)
	stray["Env"] = "prod"
	none := tags{}
	name := sshforward.Name(deployment, lease.ID)
	otherName := sshforward.Name("staging", lease.ID)
	ours, theirs := group{aVPC, own}, group{aVPC, foreign}
	instances := group{aVPC, tags{"Name": "private-hosts", "sshforward": "allow"}}
	unmarked := group{aVPC, tags{"Name": "private-hosts"}}

	cases := []decision{
		{"create the group", true, createGroup(own)},
		{"create the group without tags", false, createGroup(none)},
		{"create a group for another deployment", false, createGroup(foreign)},
		{"create a group with a tag that means something to others", false, createGroup(stray)},

		{"let sources into the lease's group", true, authorize("Ingress", ours, own)},
		{"let the lease's group out to the instance", true, authorize("Egress", ours, own)},
		{"revoke the default rule of the lease's group", true, onGroup("RevokeSecurityGroupEgress", ours)},
		{"shut a former source out of the lease's group", true, onGroup("RevokeSecurityGroupIngress", ours)},
		{"sign another source", true, slices.Concat(
			retag(aGroup, own, moved), retagBalancer(name, own, tags{provisioner.TagProof: moved[provisioner.TagProof]}))},
		{"sign another source for another deployment", false, retag(aGroup, foreign, moved)},
		{"delete the lease's group", true, onGroup("DeleteSecurityGroup", ours)},
		{"delete an untagged group", false, onGroup("DeleteSecurityGroup", group{aVPC, none})},
		{"delete the instance's group", false, onGroup("DeleteSecurityGroup", instances)},
		{"delete another deployment's group", false, onGroup("DeleteSecurityGroup", theirs)},

		{"let the balancer into the instance's group", true, authorize("Ingress", instances, own)},
		{"revoke that rule", true, onGroup("RevokeSecurityGroupIngress", instances)},
		{"let the balancer into a group without the mark", false, authorize("Ingress", unmarked, own)},
		{"revoke the rule in a group that lost the mark", true, onGroup("RevokeSecurityGroupIngress", unmarked)},
		{"revoke in a group that is gone", true, onGroup("RevokeSecurityGroupIngress", group{})},
		{"a rule with another deployment's tag", false, authorize("Ingress", instances, foreign)},
		{"a rule with a tag that means something to others", false, authorize("Ingress", instances, stray)},
		{"a rule in another deployment's group", false, authorize("Ingress", theirs, own)},
		{"revoke in another deployment's group", false, onGroup("RevokeSecurityGroupIngress", theirs)},
		{"let the instance's group out", false, authorize("Egress", instances, own)},
		{"revoke what the instance's group lets out", false, onGroup("RevokeSecurityGroupEgress", instances)},

		{"move the end of the group", true, retag(aGroup, own, clock)},
		{"move the end of the rule", true, retag(aRule, own, clock)},
		{"move the end of another deployment's group", false, retag(aGroup, foreign, clock)},
		{"move the end of the instance's group", false, retag(aGroup, instances.tags, clock)},
		{"hand the group to another lease", false, retag(aGroup, own, tags{provisioner.TagLease: "zzzzzzz"})},
		{"hand the group to another deployment", false, retag(aGroup, own, tags{provisioner.TagDeployment: "prod-2"})},
		{"take over the instance's group", false, retag(aGroup, instances.tags, own)},
		{"take over an instance", false, retag("instance/i-0a1b2c3d4e5f60718", none, own)},

		{"create the balancer", true, createBalancer(name, own)},
		{"create a balancer without tags", false, createBalancer(name, none)},
		{"create a balancer for another deployment", false, createBalancer(name, foreign)},
		{"create a balancer with another name", false, createBalancer(otherName, own)},
		{"create a balancer with a tag that means something to others", false, createBalancer(name, stray)},
		{"create an application load balancer", false, createBalancer("app/"+name+"/50dc6c495c0c9188", own)},
		{"set the health check", true, onBalancer("ConfigureHealthCheck", name, own)},
		{"set the attributes", true, onBalancer("ModifyLoadBalancerAttributes", name, own)},
		{"register the instance", true, onBalancer("RegisterInstancesWithLoadBalancer", name, own)},
		{"give the balancer another group", false, onBalancer("ApplySecurityGroupsToLoadBalancer", name, own)},
		{"give the balancer another listener", false, onBalancer("CreateLoadBalancerListeners", name, own)},
		{"deregister the instance, or another", true, onBalancer("DeregisterInstancesFromLoadBalancer", name, own)},
		{"delete the balancer", true, onBalancer("DeleteLoadBalancer", name, own)},
		{"delete the balancer when its tags are gone", true, onBalancer("DeleteLoadBalancer", name, none)},
		{"deregister when its tags say something else", true, onBalancer("DeregisterInstancesFromLoadBalancer", name, foreign)},
		{"delete the balancer of a deployment whose name begins alike", false,
			onBalancer("DeleteLoadBalancer", sshforward.Name("prod-2", lease.ID), foreign)},
		{"revoke who may get in when the group's tags are gone", true, onGroup("RevokeSecurityGroupIngress", group{aVPC, none})},
		{"delete a balancer with another name", false, onBalancer("DeleteLoadBalancer", "web", own)},
		{"register with another deployment's balancer", false, onBalancer("RegisterInstancesWithLoadBalancer", otherName, foreign)},
		{"move the end of the balancer", true, retagBalancer(name, own, clock)},
		{"move the end of another deployment's balancer", false, retagBalancer(name, foreign, clock)},
		{"hand the balancer to another deployment", false, retagBalancer(name, own, tags{provisioner.TagDeployment: "prod-2"})},
		{"take over a balancer", false, retagBalancer(name, foreign, own)},
		{"take over an untagged balancer", false, retagBalancer(name, none, own)},

		{"read the console", true, onInstance("GetConsoleOutput")},
		{"read the console, in another region", false, elsewhere(onInstance("GetConsoleOutput"))},
		{"a picture of the console", false, onInstance("GetConsoleScreenshot")},
		{"read what the instance was started with", false, onInstance("DescribeInstanceAttribute")},

		{"the role of the first balancer", true,
			serviceLinkedRole("elasticloadbalancing.amazonaws.com", "AWSServiceRoleForElasticLoadBalancing")},
		{"delete the lease's group, in another region", false, elsewhere(onGroup("DeleteSecurityGroup", ours))},
		{"a rule, in another region", false, elsewhere(authorize("Ingress", instances, own))},
		{"delete the balancer, in another region", false, elsewhere(onBalancer("DeleteLoadBalancer", name, own))},
		{"another service's role", false, serviceLinkedRole("ecs.amazonaws.com", "AWSServiceRoleForECS")},
		{"start an instance", false, []request{{"ec2:RunInstances", ec2ARN("instance/*"), nil}}},
	}
	for _, s := range readPolicy(t, botPolicy).Statement {
		for _, action := range s.Action {
			if strings.Contains(action, ":Describe") {
				cases = append(cases, decision{action, true, []request{{action, "*", nil}}})
			}
		}
	}

	check(t, run, policyText(t, botPolicy), cases)
}

// checkNarrowed does to the policy what deploy/README.md says.
func checkNarrowed(t *testing.T, run simulator) {
	narrow := strings.ReplaceAll(policyText(t, botPolicy), "vpc/*", "vpc/"+aVPC)
	own, marked := tags{provisioner.TagDeployment: deployment}, tags{"sshforward": "allow"}
	const elsewhere = "vpc-00000000000000000"
	check(t, run, narrow, []decision{
		{"create the group", true, createGroup(own)},
		{"create a group in another VPC", false, []request{{"ec2:CreateSecurityGroup", ec2ARN("vpc/" + elsewhere), nil}}},
		{"a rule in the VPC", true, authorize("Ingress", group{aVPC, marked}, own)},
		{"a rule in another VPC", false, authorize("Ingress", group{elsewhere, marked}, own)},
		{"revoke in the VPC", true, onGroup("RevokeSecurityGroupIngress", group{aVPC, nil})},
		{"revoke in another VPC", false, onGroup("RevokeSecurityGroupIngress", group{elsewhere, nil})},
		{"revoke in a group that is gone", true, onGroup("RevokeSecurityGroupIngress", group{})},
	})
}

// checkTags does to the policies what deploy/README.md says for aws[].tags.
func checkTags(t *testing.T, run simulator) {
	own := tags{provisioner.TagDeployment: deployment, provisioner.TagLease: "k7m2pqx", "CostCenter": "4711"}
	stray := tags{provisioner.TagDeployment: deployment, "Env": "prod"}
	name := sshforward.Name(deployment, "k7m2pqx")
	instances := group{aVPC, tags{"sshforward": "allow"}}
	wider := strings.ReplaceAll(policyText(t, botPolicy), `"aws:TagKeys": "sshforward:*"`, `"aws:TagKeys": ["sshforward:*", "CostCenter"]`)
	check(t, run, wider, []decision{
		{"create the group", true, createGroup(own)},
		{"create the group with another tag", false, createGroup(stray)},
		{"let the balancer into the instance's group", true, authorize("Ingress", instances, own)},
		{"a rule with another tag", false, authorize("Ingress", instances, stray)},
		{"create the balancer", true, createBalancer(name, own)},
		{"create the balancer with another tag", false, createBalancer(name, stray)},
		{"put such a tag on a group of the lease's", false, retag(aGroup, own, tags{"CostCenter": "1"})},
	})
	check(t, run, policyText(t, botPolicy), []decision{
		{"create the group, with the policy as it is", false, createGroup(own)},
	})
	group := tags{provisioner.TagDeployment: deployment, "CostCenter": "4711"}
	wider = strings.ReplaceAll(policyText(t, switchPolicy),
		`"aws:TagKeys": "sshforward:deployment"`, `"aws:TagKeys": ["sshforward:deployment", "CostCenter"]`)
	check(t, run, wider, []decision{
		{"create the schedule group", true, createScheduleGroup("sshforward-prod", group)},
		{"create the schedule group with another tag", false, createScheduleGroup("sshforward-prod", stray)},
	})
}

// checkSubnets does to the policy what deploy/README.md says for aws[].subnets.
func checkSubnets(t *testing.T, run simulator) {
	var p map[string]any
	if err := json.Unmarshal([]byte(policyText(t, botPolicy)), &p); err != nil {
		t.Fatal(err)
	}
	for _, s := range p["Statement"].([]any) {
		if s := s.(map[string]any); s["Sid"] == "CreateBalancer" {
			s["Condition"].(map[string]any)["ForAllValues:StringEquals"] = map[string]any{"elasticloadbalancing:Subnet": []string{"subnet-0a1b2c3d"}}
		}
	}
	narrow, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	own, name := tags{provisioner.TagDeployment: deployment}, sshforward.Name(deployment, "k7m2pqx")
	in := func(subnet string) []request {
		all := createBalancer(name, own)
		all[0].Context["elasticloadbalancing:Subnet"] = []string{subnet}
		return all
	}
	check(t, run, string(narrow), []decision{
		{"create the balancer in the subnet", true, in("subnet-0a1b2c3d")},
		{"create the balancer in another subnet", false, in("subnet-0f0f0f0f")},
	})
}

// checkUnmarked does to the policy what deploy/README.md says for those who do
// not mark groups.
func checkUnmarked(t *testing.T, run simulator) {
	const mark = `"StringEquals": {
          "aws:ResourceTag/sshforward": "allow"
        },
        "Null"`
	wide := strings.Replace(policyText(t, botPolicy), mark, `"Null"`, 1)
	own := tags{provisioner.TagDeployment: deployment}
	check(t, run, wide, []decision{
		{"let the balancer into a group without the mark", true, authorize("Ingress", group{aVPC, tags{"Name": "private-hosts"}}, own)},
		{"a rule in another deployment's group", false, authorize("Ingress", group{aVPC, tags{provisioner.TagDeployment: "prod-2"}}, own)},
	})
}

func checkDeadMan(t *testing.T, run simulator) {
	own, foreign := tags{provisioner.TagDeployment: deployment}, tags{provisioner.TagDeployment: "prod-2"}
	name := sshforward.Name(deployment, "k7m2pqx")
	const group, otherGroup = "sshforward-prod", "sshforward-staging"
	check(t, run, policyText(t, switchPolicy), []decision{
		{"create the schedule group", true, createScheduleGroup(group, own)},
		{"create the schedule group untagged", false, createScheduleGroup(group, nil)},
		{"create another schedule group", false, createScheduleGroup(otherGroup, own)},
		{"look at the group", true, []request{
			{"scheduler:GetScheduleGroup", schedulerARN("schedule-group/" + group), carrying(own)},
			{"scheduler:ListTagsForResource", schedulerARN("schedule-group/" + group), carrying(own)},
			{"scheduler:ListSchedules", "*", nil},
		}},
		{"set a switch", true, append(onSchedule("CreateSchedule", group, name), passRole("sshforward-deadman", "scheduler.amazonaws.com")...)},
		{"move a switch", true, append(onSchedule("UpdateSchedule", group, name), passRole("sshforward-deadman", "scheduler.amazonaws.com")...)},
		{"remove a switch", true, onSchedule("DeleteSchedule", group, name)},
		{"a schedule in another group", false, onSchedule("CreateSchedule", "default", name)},
		{"remove another deployment's switch", false, onSchedule("DeleteSchedule", otherGroup, "sshforward-staging-k7m2pqx")},
		{"another role", false, passRole("admin", "scheduler.amazonaws.com")},
		{"the role for another service", false, passRole("sshforward-deadman", "ec2.amazonaws.com")},
	})
	check(t, run, policyText(t, rolePolicy), []decision{
		{"the switch deletes the balancer", true, onBalancer("DeleteLoadBalancer", name, own)},
		{"the switch deletes the balancer when its tags are gone", true, onBalancer("DeleteLoadBalancer", name, nil)},
		{"the switch deletes another deployment's balancer", false,
			onBalancer("DeleteLoadBalancer", sshforward.Name("prod-2", "k7m2pqx"), foreign)},
		{"the switch deletes something else", false, onBalancer("DeleteLoadBalancer", "web", nil)},
		{"the switch deregisters an instance", false, onBalancer("DeregisterInstancesFromLoadBalancer", name, own)},
	})
}

// decision is one call and whether IAM is to allow it.
type decision struct {
	name     string
	allowed  bool
	requests []request
}

func check(t *testing.T, run simulator, policy string, cases []decision, in ...situation) {
	t.Helper()
	var all []request
	for _, c := range cases {
		all = append(all, c.requests...)
	}
	results := run(t, policy, all, in...)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			allowed := true
			for _, r := range c.requests {
				var decision string
				if err := json.Unmarshal(results[0], &decision); err != nil {
					t.Errorf("%s on %s cannot be decided: %s", r.Action, r.Resource, results[0])
				}
				if results = results[1:]; decision != "Allowed" {
					allowed = false
					if c.allowed {
						t.Errorf("%s on %s: %s", r.Action, r.Resource, decision)
					}
				}
			}
			if allowed && !c.allowed {
				t.Error("allowed")
			}
		})
	}
}
