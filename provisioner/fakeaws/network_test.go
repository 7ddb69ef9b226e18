package fakeaws_test

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func filters(pairs ...string) (out []ec2types.Filter) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, ec2types.Filter{Name: &pairs[i], Values: []string{pairs[i+1]}})
	}
	return out
}

func TestFieldNoteNetwork(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	subnets, err := b.ec2.DescribeSubnets(b.ctx, &ec2.DescribeSubnetsInput{
		Filters: filters("vpc-id", b.note.VPC, "availability-zone", "ap-northeast-1a"),
	})
	b.ok(err)
	if len(subnets.Subnets) != 2 {
		t.Fatalf("%d subnets", len(subnets.Subnets))
	}
	for _, s := range subnets.Subnets {
		free := map[string]int32{b.note.Public: 250, b.note.Private: 248}[*s.SubnetId] // one interface, three
		if *s.AvailableIpAddressCount != free {
			t.Errorf("%s: %d free addresses, want %d", *s.CidrBlock, *s.AvailableIpAddressCount, free)
		}
	}
	tables, err := b.ec2.DescribeRouteTables(b.ctx, &ec2.DescribeRouteTablesInput{Filters: filters("association.subnet-id", b.note.Public)})
	b.ok(err)
	if len(tables.RouteTables) != 1 || len(tables.RouteTables[0].Routes) != 2 {
		t.Fatalf("route tables of the public subnet: %+v", tables.RouteTables)
	}
	r := tables.RouteTables[0].Routes[1]
	if *r.DestinationCidrBlock != "0.0.0.0/0" || !strings.HasPrefix(*r.GatewayId, "igw-") || r.State != ec2types.RouteStateActive {
		t.Errorf("default route: %+v", r)
	}
	mains, err := b.ec2.DescribeRouteTables(b.ctx, &ec2.DescribeRouteTablesInput{
		Filters: filters("vpc-id", b.note.VPC, "association.main", "true"),
	})
	b.ok(err)
	if len(mains.RouteTables) != 1 || !*mains.RouteTables[0].Associations[0].Main {
		t.Errorf("main route tables: %+v", mains.RouteTables)
	}
	zones, err := b.ec2.DescribeAvailabilityZones(b.ctx, &ec2.DescribeAvailabilityZonesInput{ZoneNames: []string{"ap-northeast-1a"}})
	b.ok(err)
	if len(zones.AvailabilityZones) != 1 || *zones.AvailabilityZones[0].ZoneType != "availability-zone" {
		t.Errorf("zones: %+v", zones.AvailabilityZones)
	}
	regions, err := b.ec2.DescribeRegions(b.ctx, &ec2.DescribeRegionsInput{RegionNames: []string{"ap-northeast-1"}})
	b.ok(err)
	if len(regions.Regions) != 1 {
		t.Errorf("regions: %+v", regions.Regions)
	}
	console, err := b.ec2.GetConsoleOutput(b.ctx, &ec2.GetConsoleOutputInput{InstanceId: &b.note.Web})
	b.ok(err)
	if aws.ToString(console.Output) == "" {
		t.Error("no console output")
	}
}

func TestRouteKinds(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	id := b.home.AddRouteTable(b.note.VPC, nil,
		fakeaws.Route{Destination: "0.0.0.0/0", Target: "nat-1"}, fakeaws.Route{Destination: "::/0", Target: "eigw-1"},
		fakeaws.Route{Destination: "10.0.0.0/8", Target: "vgw-1"}, fakeaws.Route{Destination: "pl-1", Target: "tgw-1", State: "blackhole"})
	out, err := b.ec2.DescribeRouteTables(b.ctx, &ec2.DescribeRouteTablesInput{RouteTableIds: []string{id}})
	b.ok(err)
	r := out.RouteTables[0].Routes
	if *r[1].NatGatewayId != "nat-1" || r[1].GatewayId != nil || *r[2].EgressOnlyInternetGatewayId != "eigw-1" ||
		*r[2].DestinationIpv6CidrBlock != "::/0" || *r[3].GatewayId != "vgw-1" ||
		*r[4].DestinationPrefixListId != "pl-1" || r[4].State != ec2types.RouteStateBlackhole {
		t.Errorf("routes: %+v", r)
	}
	b.home.DetachGateway(b.note.VPC)
	_, err = b.elb.CreateLoadBalancer(b.ctx, b.createInput(b.createGroup()))
	b.want(err, "InvalidSubnet")
}

func TestTags(t *testing.T) {
	b := newBench(t, fakeaws.Options{MissingIsNotFound: true})
	group, _ := b.open()
	var rule string
	for _, u := range b.home.Rules() {
		if u.Source == group {
			rule = u.ID
		}
	}
	tag := func(k, v string) []ec2types.Tag { return []ec2types.Tag{{Key: &k, Value: &v}} }
	for _, tt := range []struct{ name, id, key, want string }{
		{"a group and a rule", group, "sshforward:expires", ""},
		{"no such group", "sg-0123456789abcdef0", "k", "InvalidGroup.NotFound"},
		{"no such rule", "sgr-0123456789abcdef0", "k", "InvalidSecurityGroupRuleId.NotFound"},
		{"no such instance", "i-0123456789abcdef0", "k", "InvalidInstanceID.NotFound"},
		{"AWS's own", group, "aws:k", "InvalidParameterValue"},
		{"long key", group, strings.Repeat("k", 129), "InvalidParameterValue"},
	} {
		_, err := b.ec2.CreateTags(b.ctx, &ec2.CreateTagsInput{Resources: []string{tt.id, rule}, Tags: tag(tt.key, "v")})
		if got := code(err); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	out, err := b.ec2.DescribeTags(b.ctx, &ec2.DescribeTagsInput{
		Filters: filters("key", "sshforward:expires", "resource-type", "security-group-rule"),
	})
	b.ok(err)
	if len(out.Tags) != 1 || *out.Tags[0].ResourceId != rule || *out.Tags[0].Value != "v" {
		t.Errorf("tags: %+v", out.Tags)
	}
	_, err = b.ec2.DeleteTags(b.ctx, &ec2.DeleteTagsInput{Resources: []string{rule}, Tags: tag("sshforward:expires", "another value")})
	b.ok(err)
	_, err = b.ec2.DeleteTags(b.ctx, &ec2.DeleteTagsInput{
		Resources: []string{group}, Tags: []ec2types.Tag{{Key: aws.String("sshforward:expires")}},
	})
	b.ok(err)
	out, err = b.ec2.DescribeTags(b.ctx, &ec2.DescribeTagsInput{Filters: filters("key", "sshforward:expires")})
	b.ok(err)
	if len(out.Tags) != 1 {
		t.Errorf("%d tags after deleting one of two by key, and none by another value", len(out.Tags))
	}
	rules, err := b.ec2.DescribeSecurityGroupRules(b.ctx, &ec2.DescribeSecurityGroupRulesInput{
		Filters: filters("group-id", b.note.Group, "tag:"+tagKey, lease),
	})
	b.ok(err)
	if len(rules.SecurityGroupRules) != 1 ||
		*rules.SecurityGroupRules[0].ReferencedGroupInfo.GroupId != group || *rules.SecurityGroupRules[0].IsEgress {
		t.Errorf("rules by tag: %+v", rules.SecurityGroupRules)
	}
	many := map[string]string{}
	for i := range 50 {
		many[fmt.Sprint(i)] = ""
	}
	b.home.SetTags(b.note.Web, many)
	_, err = b.ec2.CreateTags(b.ctx, &ec2.CreateTagsInput{Resources: []string{b.note.Web}, Tags: tag("one more", "")})
	b.want(err, "TagLimitExceeded")
}

func TestPagesOfEC2(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	for range 9 {
		b.home.AddInstance(fakeaws.InstanceSpec{Subnet: b.note.Private})
	}
	seen, n := map[string]bool{}, 0
	for pages := ec2.NewDescribeInstancesPaginator(b.ec2, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(5)}); pages.HasMorePages(); n++ {
		out, err := pages.NextPage(b.ctx)
		b.ok(err)
		for _, r := range out.Reservations {
			seen[*r.Instances[0].InstanceId] = true
		}
	}
	if n != 3 || len(seen) != 12 {
		t.Errorf("%d pages with %d instances, want 3 with 12", n, len(seen))
	}
	_, err := b.ec2.DescribeInstances(b.ctx, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(4)})
	b.want(err, "InvalidParameterValue")
	_, err = b.ec2.DescribeInstances(b.ctx, &ec2.DescribeInstancesInput{NextToken: aws.String("x")})
	b.want(err, "InvalidParameterValue")
	_, err = b.ec2.DescribeInstances(b.ctx, &ec2.DescribeInstancesInput{MaxResults: aws.Int32(5), InstanceIds: []string{b.note.Web}})
	b.want(err, "InvalidParameterCombination")
}

func TestNamesResolveLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{DNSDelay: time.Minute, DNSNegativeTTL: 5 * time.Minute})
		look := func(name string) error {
			addrs, err := b.cloud.LookupHost(b.ctx, name)
			var dns *net.DNSError
			if err != nil && (!errors.As(err, &dns) || !dns.IsNotFound) {
				t.Errorf("look-up: %v", err)
			}
			if err == nil && len(addrs) != 1 {
				t.Errorf("addresses %v", addrs)
			}
			return err
		}
		_, name := b.open()
		lb, _ := b.home.LoadBalancer(name)
		time.Sleep(time.Minute)
		if err := look(lb.DNSName); err != nil {
			t.Errorf("after a minute: %v", err)
		}
		b.home.RemoveLoadBalancer(name)
		if look(lb.DNSName) == nil {
			t.Error("resolves although it is gone")
		}

		early := b.createInput("")
		early.LoadBalancerName, early.SecurityGroups = aws.String("early"), []string{b.note.Group}
		out, err := b.elb.CreateLoadBalancer(b.ctx, early)
		b.ok(err)
		for range 6 { // the first look-up came too early, and that is remembered
			if look(*out.DNSName) == nil {
				t.Error("resolves too early")
			}
			time.Sleep(50 * time.Second)
		}
		if err := look(*out.DNSName); err != nil {
			t.Errorf("after five minutes: %v", err)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	b := newBench(t, fakeaws.Options{LoadBalancerLimit: 100, MissingIsNotFound: true})
	group := b.createGroup()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			in := b.createInput(group)
			in.LoadBalancerName = aws.String(fmt.Sprintf("lb-%d", i%8)) // each name twice
			if _, err := b.elb.CreateLoadBalancer(b.ctx, in); err != nil {
				t.Error(err)
			}
			b.home.LoadBalancers()
			b.cloud.Calls()
			if _, err := b.elb.DeleteLoadBalancer(b.ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: in.LoadBalancerName}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := len(b.home.LoadBalancers()); n != 1 {
		t.Errorf("%d load balancers, want the bystander's alone", n)
	}
}

func TestForeignShowsEveryTouch(t *testing.T) {
	for name, touch := range map[string]func(b *bench){
		"rule gone": func(b *bench) {
			for _, u := range b.home.Rules() {
				if u.Group == b.note.Group && !u.Egress {
					b.home.RemoveRule(u.ID)
				}
			}
		},
		"untagged rule": func(b *bench) {
			b.home.AddRule(fakeaws.Rule{Group: b.note.Group, Protocol: "tcp", From: 22, To: 22, CIDR: "0.0.0.0/0"})
		},
		"load balancer gone": func(b *bench) { b.home.RemoveLoadBalancer(b.note.Bystander) },
		"instance stopped":   func(b *bench) { b.home.Stop(b.note.DB) },
		"instance retagged":  func(b *bench) { b.home.SetTags(b.note.DB, nil) },
		"groups replaced":    func(b *bench) { b.home.SetGroups(b.note.DB) },
		"route gone":         func(b *bench) { b.home.SetRoutes(b.note.PublicRoutes) },
		"untagged group":     func(b *bench) { b.home.AddGroup(b.note.VPC, "stray", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, fakeaws.Options{})
			before := b.cloud.Foreign(tagKey, lease)
			b.open()
			if b.cloud.Foreign(tagKey, lease) != before {
				t.Fatal("an open forward shows")
			}
			touch(b)
			if b.cloud.Foreign(tagKey, lease) == before {
				t.Error("does not show")
			}
		})
	}
}
