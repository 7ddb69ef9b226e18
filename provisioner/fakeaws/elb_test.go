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
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func TestCreateLoadBalancer(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	group := b.createGroup()
	igw := fakeaws.Route{Destination: "0.0.0.0/0", Target: b.home.Gateway(b.note.VPC)}
	public := func(cidr, zone string, routes ...fakeaws.Route) string {
		s := b.home.AddSubnet(b.note.VPC, cidr, zone, nil)
		b.home.AddRouteTable(b.note.VPC, []string{s}, routes...)
		return s
	}
	b.home.AddZone(fakeaws.Zone{Name: "ap-northeast-1-tpe-1a", Type: fakeaws.LocalZone})
	b.home.AddZone(fakeaws.Zone{Name: "ap-northeast-1b", NoClassicELB: true})
	full := public("10.1.8.0/24", "ap-northeast-1c", igw)
	b.home.SetFree(full, 7)
	const c = "ap-northeast-1c"

	for i, tt := range []struct {
		name   string
		change func(*elb.CreateLoadBalancerInput)
		want   string
	}{
		{"fine", func(*elb.CreateLoadBalancerInput) {}, ""},
		{"a /27", func(in *elb.CreateLoadBalancerInput) { in.Subnets = []string{public("10.1.9.0/27", c, igw)} }, ""},
		{"a /28", func(in *elb.CreateLoadBalancerInput) { in.Subnets = []string{public("10.1.3.0/28", c, igw)} }, "InvalidSubnet"},
		{"7 free addresses", func(in *elb.CreateLoadBalancerInput) { in.Subnets = []string{full} }, "InvalidSubnet"},
		{"private subnet", func(in *elb.CreateLoadBalancerInput) { in.Subnets = []string{b.note.Private} }, "InvalidSubnet"},
		{"private subnet, internal", func(in *elb.CreateLoadBalancerInput) {
			in.Subnets, in.Scheme = []string{b.note.Private}, aws.String("internal")
		}, ""},
		{"route to a NAT", func(in *elb.CreateLoadBalancerInput) {
			in.Subnets = []string{public("10.1.4.0/24", c, fakeaws.Route{Destination: "0.0.0.0/0", Target: "nat-1"})}
		}, "InvalidSubnet"},
		{"blackhole", func(in *elb.CreateLoadBalancerInput) {
			in.Subnets = []string{public("10.1.5.0/24", c, fakeaws.Route{Destination: "0.0.0.0/0", Target: igw.Target, State: "blackhole"})}
		}, "InvalidSubnet"},
		{"IPv6 only", func(in *elb.CreateLoadBalancerInput) {
			in.Subnets = []string{public("10.1.6.0/24", c, fakeaws.Route{Destination: "::/0", Target: igw.Target})}
		}, "InvalidSubnet"},
		{"local zone", func(in *elb.CreateLoadBalancerInput) {
			in.Subnets = []string{public("10.1.7.0/24", "ap-northeast-1-tpe-1a", igw)}
		}, "InvalidSubnet"},
		{"zone without Classic Load Balancers", func(in *elb.CreateLoadBalancerInput) {
			in.Subnets = []string{public("10.1.10.0/24", "ap-northeast-1b", igw)}
		}, "InvalidConfigurationRequest"},
		{"two subnets of one zone", func(in *elb.CreateLoadBalancerInput) {
			in.Subnets = []string{b.note.Public, public("10.1.11.0/24", "ap-northeast-1a", igw)}
		}, "InvalidConfigurationRequest"},
		{"no such subnet", func(in *elb.CreateLoadBalancerInput) { in.Subnets = []string{"subnet-0123456789abcdef0"} }, "SubnetNotFound"},
		{"no subnet", func(in *elb.CreateLoadBalancerInput) { in.Subnets = nil }, "ValidationError"},
		{"no such group", func(in *elb.CreateLoadBalancerInput) { in.SecurityGroups = []string{"sg-0123456789abcdef0"} }, "InvalidSecurityGroup"},
		{"long name", func(in *elb.CreateLoadBalancerInput) { in.LoadBalancerName = aws.String(strings.Repeat("x", 33)) }, "ValidationError"},
		{"hyphen at the end", func(in *elb.CreateLoadBalancerInput) { in.LoadBalancerName = aws.String("x-") }, "ValidationError"},
		{"underscore", func(in *elb.CreateLoadBalancerInput) { in.LoadBalancerName = aws.String("x_y") }, "ValidationError"},
		{"port 0", func(in *elb.CreateLoadBalancerInput) { in.Listeners[0].LoadBalancerPort = 0 }, "ValidationError"},
		{"protocol", func(in *elb.CreateLoadBalancerInput) { in.Listeners[0].Protocol = aws.String("UDP") }, "UnsupportedProtocol"},
		{"port twice", func(in *elb.CreateLoadBalancerInput) { in.Listeners = append(in.Listeners, in.Listeners[0]) }, "DuplicateListener"},
		{"tag twice", func(in *elb.CreateLoadBalancerInput) { in.Tags = append(in.Tags, in.Tags[0]) }, "DuplicateTagKeys"},
		{"scheme", func(in *elb.CreateLoadBalancerInput) { in.Scheme = aws.String("public") }, "InvalidScheme"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := b.createInput(group)
			in.LoadBalancerName = aws.String(fmt.Sprintf("case-%d", i))
			tt.change(in)
			out, err := b.elb.CreateLoadBalancer(b.ctx, in)
			if got := code(err); got != tt.want {
				t.Fatalf("code %q, want %q (%v)", got, tt.want, err)
			}
			if err == nil && aws.ToString(out.DNSName) == "" {
				t.Error("no DNS name")
			}
		})
	}
}

func TestCreateLoadBalancerAgain(t *testing.T) {
	b := newBench(t, fakeaws.Options{LoadBalancerLimit: 2})
	in := b.createInput(b.createGroup())
	first, err := b.elb.CreateLoadBalancer(b.ctx, in)
	b.ok(err)

	in.Tags = nil // the same but for the tags: success that proves nothing
	again, err := b.elb.CreateLoadBalancer(b.ctx, in)
	b.ok(err)
	if again.DNSName != nil {
		t.Errorf("DNS name of a repeat: %q, want none", *again.DNSName)
	}
	out, err := b.elb.DescribeLoadBalancers(b.ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{*in.LoadBalancerName}})
	b.ok(err)
	lb := out.LoadBalancerDescriptions[0]
	if *lb.DNSName != *first.DNSName || *lb.VPCId != b.note.VPC || *lb.Scheme != "internet-facing" {
		t.Errorf("described: %+v", lb)
	}
	if h := lb.HealthCheck; *h.Target != "TCP:22" || *h.Interval != 30 || *h.HealthyThreshold != 10 {
		t.Errorf("default health check: %+v", h)
	}
	if len(b.home.Leftovers(tagKey, lease)) != 2 {
		t.Error("the repeat took the tags away")
	}

	in.Listeners[0].InstancePort = aws.Int32(2222)
	_, err = b.elb.CreateLoadBalancer(b.ctx, in)
	b.want(err, "DuplicateLoadBalancerName")
	in.LoadBalancerName = aws.String("third")
	_, err = b.elb.CreateLoadBalancer(b.ctx, in)
	b.want(err, "TooManyLoadBalancers")
	limits, err := b.elb.DescribeAccountLimits(b.ctx, &elb.DescribeAccountLimitsInput{})
	b.ok(err)
	if *limits.Limits[0].Name != "classic-load-balancers" || *limits.Limits[0].Max != "2" {
		t.Errorf("limits: %+v", limits.Limits)
	}
}

func TestCallsOnNoLoadBalancer(t *testing.T) {
	b := newBench(t, fakeaws.Options{MissingIsNotFound: true})
	none := aws.String("none")
	instances := []elbtypes.Instance{{InstanceId: &b.note.Web}}
	for name, call := range map[string]func() error{
		"health check": func() error {
			_, err := b.elb.ConfigureHealthCheck(b.ctx, &elb.ConfigureHealthCheckInput{LoadBalancerName: none, HealthCheck: &elbtypes.HealthCheck{
				Target: aws.String("TCP:22"), Interval: aws.Int32(5), Timeout: aws.Int32(3),
				HealthyThreshold: aws.Int32(2), UnhealthyThreshold: aws.Int32(2),
			}})
			return err
		},
		"modify attributes": func() error {
			_, err := b.elb.ModifyLoadBalancerAttributes(b.ctx, &elb.ModifyLoadBalancerAttributesInput{
				LoadBalancerName: none, LoadBalancerAttributes: &elbtypes.LoadBalancerAttributes{},
			})
			return err
		},
		"attributes": func() error {
			_, err := b.elb.DescribeLoadBalancerAttributes(b.ctx, &elb.DescribeLoadBalancerAttributesInput{LoadBalancerName: none})
			return err
		},
		"register": func() error {
			_, err := b.elb.RegisterInstancesWithLoadBalancer(b.ctx, &elb.RegisterInstancesWithLoadBalancerInput{
				LoadBalancerName: none, Instances: instances,
			})
			return err
		},
		"deregister": func() error {
			_, err := b.elb.DeregisterInstancesFromLoadBalancer(b.ctx, &elb.DeregisterInstancesFromLoadBalancerInput{
				LoadBalancerName: none, Instances: instances,
			})
			return err
		},
		"health": func() error {
			_, err := b.elb.DescribeInstanceHealth(b.ctx, &elb.DescribeInstanceHealthInput{LoadBalancerName: none})
			return err
		},
		"describe": func() error {
			_, err := b.elb.DescribeLoadBalancers(b.ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{"none"}})
			return err
		},
		"tags": func() error {
			_, err := b.elb.DescribeTags(b.ctx, &elb.DescribeTagsInput{LoadBalancerNames: []string{"none"}})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := code(call()); got != "LoadBalancerNotFound" {
				t.Errorf("code %q, want LoadBalancerNotFound", got)
			}
		})
	}
}

func TestLoadBalancerTagsAndPages(t *testing.T) {
	b := newBench(t, fakeaws.Options{LoadBalancerLimit: 100})
	group := b.createGroup()
	var names []string
	for i := range 24 {
		in := b.createInput(group)
		in.LoadBalancerName = aws.String(fmt.Sprintf("lb-%02d", i))
		_, err := b.elb.CreateLoadBalancer(b.ctx, in)
		b.ok(err)
		names = append(names, *in.LoadBalancerName)
	}
	seen := map[string]bool{}
	pages := elb.NewDescribeLoadBalancersPaginator(b.elb, &elb.DescribeLoadBalancersInput{PageSize: aws.Int32(7)})
	n := 0
	for ; pages.HasMorePages(); n++ {
		out, err := pages.NextPage(b.ctx)
		b.ok(err)
		for _, lb := range out.LoadBalancerDescriptions {
			seen[*lb.LoadBalancerName] = true
		}
		if n == 0 { // what goes between two pages does not make another be skipped
			b.home.RemoveLoadBalancer("lb-00")
		}
	}
	if n != 4 || len(seen) != 25 {
		t.Errorf("%d pages with %d load balancers, want 4 with 25", n, len(seen))
	}
	_, err := b.elb.DescribeTags(b.ctx, &elb.DescribeTagsInput{LoadBalancerNames: names[1:22]})
	b.want(err, "ValidationError")
	tags, err := b.elb.DescribeTags(b.ctx, &elb.DescribeTagsInput{LoadBalancerNames: names[1:21]})
	b.ok(err)
	if len(tags.TagDescriptions) != 20 || *tags.TagDescriptions[3].Tags[0].Value != lease {
		t.Errorf("tags: %+v", tags.TagDescriptions)
	}

	_, err = b.elb.AddTags(b.ctx, &elb.AddTagsInput{
		LoadBalancerNames: names[1:2], Tags: []elbtypes.Tag{{Key: aws.String("sshforward:expires"), Value: aws.String("then")}},
	})
	b.ok(err)
	_, err = b.elb.RemoveTags(b.ctx, &elb.RemoveTagsInput{
		LoadBalancerNames: names[1:2], Tags: []elbtypes.TagKeyOnly{{Key: aws.String(tagKey)}},
	})
	b.ok(err)
	if lb, _ := b.home.LoadBalancer(names[1]); len(lb.Tags) != 1 || lb.Tags["sshforward:expires"] != "then" {
		t.Errorf("tags after changing them: %v", lb.Tags)
	}
}

func TestInterfacesOfALoadBalancer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{InterfaceLinger: time.Minute})
		group, name := b.open()
		find := func() []ec2types.NetworkInterface {
			t.Helper()
			out, err := b.ec2.DescribeNetworkInterfaces(b.ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []ec2types.Filter{
				{Name: aws.String("group-id"), Values: []string{group}},
				{Name: aws.String("description"), Values: []string{"ELB " + name}},
				{Name: aws.String("attachment.instance-owner-id"), Values: []string{"amazon-elb"}},
				{Name: aws.String("requester-id"), Values: []string{"amazon-elb"}},
			}})
			b.ok(err)
			return out.NetworkInterfaces
		}
		if got := find(); len(got) != 1 || *got[0].SubnetId != b.note.Public || got[0].Association == nil {
			t.Fatalf("while it lives: %+v", got)
		}
		b.home.RemoveLoadBalancer(name)
		time.Sleep(59 * time.Second)
		if got := find(); len(got) != 1 {
			t.Error("the interface went too early")
		}
		time.Sleep(time.Second)
		if got := find(); len(got) != 0 {
			t.Error("the interface is still there")
		}
	})
}
