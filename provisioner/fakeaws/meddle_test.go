package fakeaws_test

import (
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func (b *bench) describe(name string) elbtypes.LoadBalancerDescription {
	b.t.Helper()
	out, err := b.elb.DescribeLoadBalancers(b.ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{name}})
	b.ok(err)
	return out.LoadBalancerDescriptions[0]
}

func TestSomebodyElseWidensALoadBalancer(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	group, name := b.open()
	wide := b.home.AddGroup(b.note.VPC, "wide", nil)
	b.home.AddRule(fakeaws.Rule{Group: wide, Protocol: "tcp", From: 0, To: 65535, CIDR: "0.0.0.0/0"})
	b.home.AttachGroup(name, wide)
	b.home.AddListener(name, fakeaws.Listener{Protocol: "TCP", Port: 8022, InstanceProtocol: "TCP", InstancePort: 22})
	b.home.RegisterOther(name, b.note.DB)

	lb := b.describe(name)
	if !slices.Equal(lb.SecurityGroups, []string{group, wide}) || len(lb.ListenerDescriptions) != 2 || len(lb.Instances) != 2 {
		t.Errorf("described: groups %v, %d listeners, %d instances", lb.SecurityGroups, len(lb.ListenerDescriptions), len(lb.Instances))
	}
	if _, err := b.home.Route(name, client, 8022); err != nil {
		t.Errorf("the listener that was added: %v", err)
	}
	b.want(b.deleteGroup(wide), "DependencyViolation")
	for _, ni := range b.home.Interfaces() {
		if ni.LoadBalancer == name && !slices.Equal(ni.Groups, []string{group, wide}) {
			t.Errorf("groups of its interface: %v", ni.Groups)
		}
	}
}

func TestTheSameByAPI(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	group, name := b.open()
	listener := func(port int32) []elbtypes.Listener {
		return []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 8022, InstancePort: &port}}
	}
	add := func(port int32) string {
		_, err := b.elb.CreateLoadBalancerListeners(b.ctx, &elb.CreateLoadBalancerListenersInput{
			LoadBalancerName: &name, Listeners: listener(port),
		})
		return code(err)
	}
	if got := []string{add(22), add(22), add(23)}; !slices.Equal(got, []string{"", "", "DuplicateListener"}) {
		t.Errorf("a listener, again, another: %q", got)
	}
	if n := len(b.describe(name).ListenerDescriptions); n != 2 {
		t.Errorf("%d listeners", n)
	}
	_, err := b.elb.DeleteLoadBalancerListeners(b.ctx, &elb.DeleteLoadBalancerListenersInput{
		LoadBalancerName: &name, LoadBalancerPorts: []int32{8022},
	})
	b.ok(err)
	if n := len(b.describe(name).ListenerDescriptions); n != 1 {
		t.Errorf("%d listeners left", n)
	}
	other := b.home.AddGroup(b.note.VPC, "other", nil)
	apply := func(groups ...string) string {
		_, err := b.elb.ApplySecurityGroupsToLoadBalancer(b.ctx, &elb.ApplySecurityGroupsToLoadBalancerInput{
			LoadBalancerName: &name, SecurityGroups: groups,
		})
		return code(err)
	}
	if got := apply(other, group); got != "" || !slices.Equal(b.describe(name).SecurityGroups, []string{other, group}) {
		t.Errorf("%q, groups %v", got, b.describe(name).SecurityGroups)
	}
	if got := apply("sg-0123456789abcdef0"); got != "InvalidSecurityGroup" {
		t.Errorf("a group that does not exist: %q", got)
	}
}

func TestAnythingCanBeTaggedByAnybody(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	rule := b.home.Rules()[0].ID
	for _, id := range []string{b.note.VPC, b.note.Web, b.note.Group, rule, b.note.Bystander} {
		b.home.Tag(id, tagKey, lease)
	}
	if n := len(b.cloud.Leftovers(tagKey, lease)); n != 5 {
		t.Errorf("%d things carry the tag", n)
	}
	b.home.Untag(rule, tagKey)
	b.home.Untag(b.note.Bystander)
	if n := len(b.cloud.Leftovers(tagKey, lease)); n != 3 {
		t.Errorf("%d things carry the tag still", n)
	}
	if lb, _ := b.home.LoadBalancer(b.note.Bystander); len(lb.Tags) != 0 {
		t.Errorf("tags left: %v", lb.Tags)
	}
}

func TestAGroupOfELBsOwnInADefaultVPC(t *testing.T) {
	for _, tt := range []struct {
		option, isDefault bool
		groups            int
	}{{true, true, 2}, {true, false, 1}, {false, true, 1}} {
		b := newBench(t, fakeaws.Options{DefaultVPCGroup: tt.option})
		b.home.SetDefaultVPC(b.note.VPC, tt.isDefault)
		in := b.createInput(b.createGroup())
		for range 2 { // the same request again still succeeds
			_, err := b.elb.CreateLoadBalancer(b.ctx, in)
			b.ok(err)
		}
		if got := b.describe(*in.LoadBalancerName).SecurityGroups; len(got) != tt.groups || got[0] != in.SecurityGroups[0] {
			t.Errorf("%+v: groups %v", tt, got)
		}
	}
}

// nodes is what DescribeNetworkInterfaces says of a load balancer's nodes.
func (b *bench) nodes(name string) []ec2types.NetworkInterface {
	b.t.Helper()
	out, err := b.ec2.DescribeNetworkInterfaces(b.ctx, &ec2.DescribeNetworkInterfacesInput{
		Filters: []ec2types.Filter{{Name: aws.String("description"), Values: []string{"ELB " + name}}},
	})
	b.ok(err)
	return out.NetworkInterfaces
}

func TestNodesHaveAddresses(t *testing.T) {
	inBubble(t, fakeaws.Options{InterfaceDelay: 2 * time.Second}, func(b *bench) {
		group, name := b.open()
		if n := len(b.nodes(name)); n != 0 {
			t.Errorf("%d interfaces at once", n)
		}
		b.want(b.deleteGroup(group), "DependencyViolation") // in use all the same
		time.Sleep(2 * time.Second)
		b.home.AddNode(name)
		nodes := b.nodes(name)
		if len(nodes) != 2 {
			t.Fatalf("%d interfaces, want two nodes", len(nodes))
		}
		resolved, err := b.cloud.LookupHost(b.ctx, *b.describe(name).DNSName)
		b.ok(err)
		var addresses []string
		for _, ni := range nodes {
			if *ni.RequesterId != "amazon-elb" || *ni.Association.IpOwnerId != "amazon-elb" || *ni.Groups[0].GroupId != group {
				t.Errorf("interface of %s, address of %s, groups %v", *ni.RequesterId, *ni.Association.IpOwnerId, ni.Groups)
			}
			addresses = append(addresses, *ni.Association.PublicIp)
		}
		if !slices.Equal(addresses, resolved) || addresses[0] == addresses[1] {
			t.Errorf("addresses %v, the name says %v", addresses, resolved)
		}
	})
}

func TestDryRunHasNoEffect(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	dry := func() string {
		_, err := b.ec2.AuthorizeSecurityGroupIngress(b.ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: &b.note.Group, IpPermissions: []ec2types.IpPermission{tcpFrom(22, "203.0.113.7/32")}, DryRun: aws.Bool(true),
		})
		return code(err)
	}
	before := len(b.home.Rules())
	if got := dry(); got != "DryRunOperation" {
		t.Errorf("allowed: %q", got)
	}
	b.cloud.Deny("ec2:Authorize*")
	if got := dry(); got != "UnauthorizedOperation" {
		t.Errorf("denied: %q", got)
	}
	if n := len(b.home.Rules()); n != before {
		t.Errorf("%d rules made", n-before)
	}
}
