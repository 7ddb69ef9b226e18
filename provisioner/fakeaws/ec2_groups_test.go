package fakeaws_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func TestCreateSecurityGroup(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	b.createGroup()
	for _, tt := range []struct{ name, group, desc, vpc, want string }{
		{"fine", "one", "text", b.note.VPC, ""},
		{"same name", "sshforward-" + lease, "text", b.note.VPC, "InvalidGroup.Duplicate"},
		{"same name in capitals", "ONE", "text", b.note.VPC, "InvalidGroup.Duplicate"},
		{"name like an id", "sg-mine", "text", b.note.VPC, "InvalidParameterValue"},
		{"name too long", strings.Repeat("x", 256), "text", b.note.VPC, "InvalidParameterValue"},
		{"name beyond ASCII", "転送", "text", b.note.VPC, "InvalidParameterValue"},
		{"description with a quote", "two", `a "text"`, b.note.VPC, "InvalidParameterValue"},
		{"reserved", "default", "text", b.note.VPC, "InvalidGroup.Reserved"},
		{"no such VPC", "two", "text", "vpc-0123456789abcdef0", "InvalidVpcID.NotFound"},
		{"no default VPC", "two", "text", "", "VPCIdNotSpecified"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := &ec2.CreateSecurityGroupInput{GroupName: &tt.group, Description: &tt.desc}
			if tt.vpc != "" {
				in.VpcId = &tt.vpc
			}
			_, err := b.ec2.CreateSecurityGroup(b.ctx, in)
			if got := code(err); got != tt.want {
				t.Errorf("code %q, want %q", got, tt.want)
			}
		})
	}
}

func TestNewGroupAllowsEgressAndCarriesItsTags(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	id := b.createGroup()
	out, err := b.ec2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{
		Filters: []ec2types.Filter{
			{Name: aws.String("tag:" + tagKey), Values: []string{lease}},
			{Name: aws.String("vpc-id"), Values: []string{b.note.VPC}},
		},
	})
	b.ok(err)
	if len(out.SecurityGroups) != 1 || *out.SecurityGroups[0].GroupId != id {
		t.Fatalf("found %d groups by tag, want the one", len(out.SecurityGroups))
	}
	g := out.SecurityGroups[0]
	if len(g.IpPermissions) != 0 || len(g.IpPermissionsEgress) != 1 || *g.IpPermissionsEgress[0].IpProtocol != "-1" {
		t.Errorf("rules of a new group: %+v out, %+v in", g.IpPermissionsEgress, g.IpPermissions)
	}
	if len(g.Tags) != 1 || *g.Tags[0].Value != lease {
		t.Errorf("tags: %+v", g.Tags)
	}
}

func TestAuthorize(t *testing.T) {
	b := newBench(t, fakeaws.Options{RuleLimit: 4, MissingIsNotFound: true})
	id := b.createGroup()
	many := tcp(22)
	for i := range 4 {
		many.IpRanges = append(many.IpRanges, ec2types.IpRange{CidrIp: aws.String(fmt.Sprintf("198.51.100.%d/32", i))})
	}
	noPorts := ec2types.IpPermission{IpProtocol: aws.String("tcp"), IpRanges: []ec2types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}}}
	both := tcpFrom(22, "203.0.113.0/24")
	both.IpRanges = append(both.IpRanges, ec2types.IpRange{CidrIp: aws.String("203.0.113.9/32")})
	twice := tcpFrom(23, "203.0.113.7/32")
	twice.IpRanges = append(twice.IpRanges, twice.IpRanges...)
	described := tcpFrom(24, "203.0.113.7/32")
	described.IpRanges[0].Description = aws.String("<b>")
	six := tcp(22)
	six.Ipv6Ranges = []ec2types.Ipv6Range{{CidrIpv6: aws.String("2001:db8::/32")}}

	for _, tt := range []struct {
		name, group string
		perm        ec2types.IpPermission
		want        string
	}{
		{"a CIDR", id, tcpFrom(22, "203.0.113.0/24"), ""},
		{"again", id, tcpFrom(22, "203.0.113.0/24"), "InvalidPermission.Duplicate"},
		{"again, with other host bits", id, tcpFrom(22, "203.0.113.7/24"), "InvalidPermission.Duplicate"},
		{"all or nothing", id, both, "InvalidPermission.Duplicate"},
		{"a group", id, tcpOf(22, b.note.Group), ""},
		{"IPv6", id, six, ""},
		{"over the limit", id, many, "RulesPerSecurityGroupLimitExceeded"},
		{"twice in one call", id, twice, "InvalidParameterValue"},
		{"no ports", id, noPorts, "InvalidParameterValue"},
		{"not a CIDR", id, tcpFrom(22, "203.0.113.7"), "InvalidParameterValue"},
		{"IPv6 for IPv4", id, tcpFrom(22, "2001:db8::/32"), "InvalidParameterValue"},
		{"bad description", id, described, "InvalidParameterValue"},
		{"no peer", id, tcp(22), "InvalidParameterValue"},
		{"no such group", "sg-0123456789abcdef0", tcpFrom(22, "203.0.113.7/32"), "InvalidGroup.NotFound"},
		{"no such peer", id, tcpOf(22, "sg-0123456789abcdef0"), "InvalidGroup.NotFound"},
		{"not an id", "group", tcpFrom(22, "203.0.113.7/32"), "InvalidGroupId.Malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := b.ec2.AuthorizeSecurityGroupIngress(b.ctx, &ec2.AuthorizeSecurityGroupIngressInput{
				GroupId: &tt.group, IpPermissions: []ec2types.IpPermission{tt.perm},
				TagSpecifications: ec2Tags(ec2types.ResourceTypeSecurityGroupRule),
			})
			if got := code(err); got != tt.want {
				t.Fatalf("code %q, want %q", got, tt.want)
			}
			if err == nil && (len(out.SecurityGroupRules) != 1 || len(out.SecurityGroupRules[0].Tags) != 1) {
				t.Errorf("rules returned: %+v", out.SecurityGroupRules)
			}
		})
	}
	if n := len(b.home.Leftovers(tagKey, lease)); n != 4 {
		t.Errorf("%d tagged things, want the group and three rules", n)
	}
}

func TestRevoke(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	id := b.createGroup()
	authorize := func() string {
		t.Helper()
		out, err := b.ec2.AuthorizeSecurityGroupIngress(b.ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: &id, IpPermissions: []ec2types.IpPermission{tcpFrom(22, "203.0.113.7/32")},
		})
		b.ok(err)
		return *out.SecurityGroupRules[0].SecurityGroupRuleId
	}
	byID := func(rule string) error {
		_, err := b.ec2.RevokeSecurityGroupIngress(b.ctx, &ec2.RevokeSecurityGroupIngressInput{
			GroupId: &id, SecurityGroupRuleIds: []string{rule},
		})
		return err
	}
	byPermission := func() (*ec2.RevokeSecurityGroupIngressOutput, error) {
		return b.ec2.RevokeSecurityGroupIngress(b.ctx, &ec2.RevokeSecurityGroupIngressInput{
			GroupId: &id, IpPermissions: []ec2types.IpPermission{tcpFrom(22, "203.0.113.7/32")},
		})
	}
	rule := authorize()
	b.ok(byID(rule))
	b.want(byID(rule), "InvalidSecurityGroupRuleId.NotFound")
	b.want(byID("nonsense"), "InvalidSecurityGroupRuleId.Malformed")
	authorize()
	_, err := byPermission()
	b.ok(err)
	_, err = byPermission()
	b.want(err, "InvalidPermission.NotFound")

	// A default VPC takes it without an error.
	b.home.SetDefaultVPC(b.note.VPC, true)
	out, err := byPermission()
	b.ok(err)
	if len(out.UnknownIpPermissions) != 1 {
		t.Errorf("unknown permissions: %+v, want the one", out.UnknownIpPermissions)
	}
}

func TestReferencedGroupCannotBeDeleted(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	id := b.createGroup()
	self := b.home.AddRule(fakeaws.Rule{Group: id, Protocol: "tcp", From: 1, To: 2, Source: id})
	rule := b.home.AddRule(fakeaws.Rule{Group: b.note.Group, Protocol: "tcp", From: 22, To: 22, Source: id})
	b.want(b.deleteGroup(id), "DependencyViolation")
	b.home.RemoveRule(rule)
	b.ok(b.deleteGroup(id))
	for _, u := range b.home.Rules() {
		if u.ID == self {
			t.Error("a rule survived its group")
		}
	}
	b.want(b.deleteGroup(b.note.Group), "DependencyViolation") // the instances have it
	for _, g := range b.home.Groups() {
		if g.Name == "default" {
			b.want(b.deleteGroup(g.ID), "CannotDelete")
		}
	}
}

func TestNewGroupIsNotFoundForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{GroupVisibleAfter: 3 * time.Second, MissingIsNotFound: true})
		id := b.createGroup()
		in := b.createInput(id)
		calls := map[string]func() error{
			"InvalidGroup.NotFound": func() error {
				_, err := b.ec2.AuthorizeSecurityGroupIngress(b.ctx, &ec2.AuthorizeSecurityGroupIngressInput{
					GroupId: &id, IpPermissions: []ec2types.IpPermission{tcpFrom(22, "203.0.113.7/32")},
				})
				return err
			},
			"InvalidSecurityGroup": func() error {
				_, err := b.elb.CreateLoadBalancer(b.ctx, in)
				return err
			},
		}
		for want, call := range calls {
			b.want(call(), want)
		}
		// The name is taken all the same.
		_, err := b.ec2.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String("sshforward-" + lease), Description: aws.String("x"), VpcId: &b.note.VPC,
		})
		b.want(err, "InvalidGroup.Duplicate")
		if n := len(b.home.Leftovers(tagKey, lease)); n != 1 {
			t.Errorf("Leftovers shows %d things, want what is really there", n)
		}
		time.Sleep(3 * time.Second)
		for _, call := range calls {
			b.ok(call())
		}
	})
}

func TestFlakyVisibility(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{GroupVisibleAfter: time.Minute, FlakyVisibility: true})
		id := b.createGroup()
		seen := map[string]int{}
		for range 200 {
			_, err := b.ec2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
			seen[code(err)]++
		}
		for _, want := range []string{"", "InvalidGroup.NotFound", "InvalidSecurityGroupID.NotFound"} {
			if seen[want] == 0 {
				t.Errorf("never %q in %v", want, seen)
			}
		}
		time.Sleep(time.Minute)
		_, err := b.ec2.DescribeSecurityGroups(b.ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
		b.ok(err)
	})
}
