package main

import (
	"strings"
	"testing"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// What the role may not do is said with the action, where IAM may be asked, and
// where it may not, as far as calls show that cannot have an effect.
func TestDoctorAsksIAM(t *testing.T) {
	t.Parallel()
	slack := fakeslack.New(fakeslack.Options{})
	slack.AddChannel(fakeslack.Channel{ID: ops, Name: "ops", BotMember: true})
	if err := slack.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(slack.Close)
	subnets := func(ids string) func(string) string {
		return func(config string) string {
			return strings.Replace(config, "name: main", "name: main, subnets: ["+ids+"]", 1)
		}
	}
	const simulate = "iam:SimulatePrincipalPolicy"
	for _, tt := range []struct {
		name   string
		change func(aws *fakeaws.Cloud)
		edit   func(string) string
		fails  bool
		says   []string
	}{
		{"all allowed", func(*fakeaws.Cloud) {}, strings.Clone, false,
			[]string{"ok    AWS main: IAM would allow all that the life of a lease asks for", "ok    AWS main: ELB's service-linked role is there"}},
		{"the end cannot be moved", func(aws *fakeaws.Cloud) { aws.Deny("elasticloadbalancing:AddTags") }, strings.Clone, true,
			[]string{"MEND  AWS main: IAM would not allow elasticloadbalancing:AddTags on arn:aws:elasticloadbalancing:ap-northeast-1:" +
				"123456789012:loadbalancer/sshforward-e2e-k7m2pqx: no policy allows it"}},
		{"what it can do without", func(aws *fakeaws.Cloud) { aws.Deny("ec2:GetConsoleOutput") }, strings.Clone, false,
			[]string{"ok    AWS main: IAM would not allow ec2:GetConsoleOutput; without it there are no host keys"}},
		{"IAM may not be asked", func(aws *fakeaws.Cloud) { aws.Deny("iam:*") }, strings.Clone, false,
			[]string{"ok    AWS main: IAM was not asked what the role may do", "lacks the permission " + simulate,
				"ok    AWS main: ELB would make, change and remove a load balancer",
				"service-linked role was not looked for, since the role may not"}},
		{"IAM may not be asked and ELB refuses", func(aws *fakeaws.Cloud) {
			aws.Deny(simulate, "elasticloadbalancing:DeregisterInstancesFromLoadBalancer", "elasticloadbalancing:CreateLoadBalancer")
		}, strings.Clone, true, []string{"AWS does not let me take an instance away from a load balancer " +
			"(elasticloadbalancing:DeregisterInstancesFromLoadBalancer)", "AWS does not let me make a tagged load balancer in subnet-"}},
		{"a fresh account", func(aws *fakeaws.Cloud) { aws.RemoveELBRole(fakeaws.DefaultAccount) }, strings.Clone, false,
			[]string{"ok    AWS main: ELB's service-linked role is not there yet; the first load balancer makes it"}},
		{"a fresh account where the role may not have it made", func(aws *fakeaws.Cloud) {
			aws.RemoveELBRole(fakeaws.DefaultAccount)
			aws.Deny("iam:CreateServiceLinkedRole")
		}, strings.Clone, true, []string{"MEND  AWS main: ELB's service-linked role is not there, and the bot's role may not have it made",
			"aws iam create-service-linked-role --aws-service-name elasticloadbalancing.amazonaws.com"}},
		{"a fresh account where IAM may not be asked", func(aws *fakeaws.Cloud) {
			aws.RemoveELBRole(fakeaws.DefaultAccount)
			aws.Deny(simulate)
		}, strings.Clone, true, []string{"MEND  AWS main: ELB's service-linked role is not there, and whether"}},
		{"a subnet that does not exist", func(*fakeaws.Cloud) {}, subnets("subnet-0123456789abcdef0"), true,
			[]string{"MEND  AWS main: no load balancer can stand in subnet-0123456789abcdef0, which subnets names: " +
				"it does not exist in ap-northeast-1"}},
		{"one account twice", func(*fakeaws.Cloud) {}, func(config string) string {
			return strings.Replace(config, "wait_dns: 0s}", "wait_dns: 0s}, {name: second, region: ap-northeast-1}", 1)
		}, true, []string{"MEND  AWS: the accounts main and second of the configuration are both AWS account 123456789012 in ap-northeast-1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, aws, _ := fakeCloud(t, fakeaws.Options{MissingIsNotFound: true})
			tt.change(aws)
			out, err := examined(t, c, slack, tt.edit)
			if (err != nil) != tt.fails || !containsAll(out, tt.says) {
				t.Errorf("it ended with %v and says\n%swant %q", err, out, tt.says)
			}
			if left := c.leftovers(t); len(left) > 0 {
				t.Errorf("it made %v", left)
			}
		})
	}
}
