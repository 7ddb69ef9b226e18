package fakeaws_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func TestWhatTakesAnInstanceOutOfService(t *testing.T) {
	const failed = "Instance has failed at least the UnhealthyThreshold number of health checks consecutively."
	ruleOf := func(b *bench, group string, egress bool) string {
		for _, u := range b.home.Rules() {
			if u.Egress == egress && u.From == 22 && (u.Group == group || u.Source == group) {
				if egress || u.Source == group {
					return u.ID
				}
			}
		}
		b.t.Fatal("no such rule")
		return ""
	}
	for _, tt := range []struct {
		name   string
		happen func(b *bench, group string)
		reason string
	}{
		{"stopped", func(b *bench, _ string) { b.home.Stop(b.note.Web) }, "Instance is in stopped state."},
		{"nothing listens", func(b *bench, _ string) { b.home.SetPorts(b.note.Web, 80) }, failed},
		{"rule into the instance gone", func(b *bench, group string) { b.home.RemoveRule(ruleOf(b, group, false)) }, failed},
		{"rule out of the balancer gone", func(b *bench, group string) { b.home.RemoveRule(ruleOf(b, group, true)) }, failed},
		{"instance in other groups", func(b *bench, _ string) {
			b.home.SetGroups(b.note.Web, b.home.AddGroup(b.note.VPC, "other", nil))
		}, failed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t, fakeaws.Options{})
			group, name := b.open()
			if h := b.health(name); *h.State != "InService" {
				t.Fatalf("at first: %s, %s", *h.State, *h.Description)
			}
			tt.happen(b, group)
			if h := b.health(name); *h.State != "OutOfService" || *h.Description != tt.reason || *h.ReasonCode != "Instance" {
				t.Errorf("then: %s, %s", *h.State, *h.Description)
			}
		})
	}
}

func TestInstanceInAnotherZone(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	_, name := b.open()
	far := b.home.AddInstance(fakeaws.InstanceSpec{
		Subnet: b.home.AddSubnet(b.note.VPC, "10.1.20.0/24", "ap-northeast-1c", nil), Groups: []string{b.note.Group},
	})
	_, err := b.elb.RegisterInstancesWithLoadBalancer(b.ctx, &elb.RegisterInstancesWithLoadBalancerInput{
		LoadBalancerName: &name, Instances: []elbtypes.Instance{{InstanceId: &far}},
	})
	b.ok(err)
	out, err := b.elb.DescribeInstanceHealth(b.ctx, &elb.DescribeInstanceHealthInput{
		LoadBalancerName: &name, Instances: []elbtypes.Instance{{InstanceId: &far}},
	})
	b.ok(err)
	if h := out.InstanceStates[0]; *h.State != "OutOfService" || *h.ReasonCode != "ELB" {
		t.Errorf("%s by %s", *h.State, *h.ReasonCode)
	}
}

func TestTerminatedInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{StateDelay: 30 * time.Second})
		_, name := b.open()
		describe := func() (string, error) {
			out, err := b.ec2.DescribeInstances(b.ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{b.note.Web}})
			if err != nil {
				return "", err
			}
			return string(out.Reservations[0].Instances[0].State.Name), nil
		}
		b.home.Terminate(b.note.Web)
		if state, err := describe(); state != "shutting-down" {
			t.Errorf("state %q, %v", state, err)
		}
		if h := b.health(name); *h.Description != "Instance is in shutting-down state." {
			t.Errorf("health: %s", *h.Description)
		}
		time.Sleep(30 * time.Second)
		if state, err := describe(); state != "terminated" {
			t.Errorf("state %q, %v", state, err)
		}
		if lb, _ := b.home.LoadBalancer(name); len(lb.Instances) != 0 {
			t.Errorf("still registered: %+v", lb.Instances)
		}
		_, err := b.elb.RegisterInstancesWithLoadBalancer(b.ctx, &elb.RegisterInstancesWithLoadBalancerInput{
			LoadBalancerName: &name, Instances: []elbtypes.Instance{{InstanceId: &b.note.Web}},
		})
		b.want(err, "InvalidInstance")
		time.Sleep(time.Hour)
		_, err = describe()
		b.want(err, "InvalidInstanceID.NotFound")
	})
}

func TestHealthThresholds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{HealthTiming: true})
		_, name := b.open()
		expect := func(want string) {
			t.Helper()
			if h := b.health(name); string(*h.State) != want {
				t.Errorf("%s, want %s (%s)", *h.State, want, *h.Description)
			}
		}
		time.Sleep(10 * time.Second)
		expect("InService")
		b.home.SetPorts(b.note.Web)
		time.Sleep(9 * time.Second)
		expect("InService")
		time.Sleep(time.Second)
		expect("OutOfService")
		b.home.SetPorts(b.note.Web, 22)
		expect("OutOfService")
		time.Sleep(10 * time.Second)
		expect("InService")
	})
}

func TestDeregisterWhatIsNotRegistered(t *testing.T) {
	for strict, want := range map[bool]string{false: "", true: "InvalidInstance"} {
		b := newBench(t, fakeaws.Options{StrictDeregister: strict})
		_, name := b.open()
		_, err := b.elb.DeregisterInstancesFromLoadBalancer(b.ctx, &elb.DeregisterInstancesFromLoadBalancerInput{
			LoadBalancerName: &name, Instances: []elbtypes.Instance{{InstanceId: &b.note.App}},
		})
		b.want(err, want)
	}
}

func TestEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{RegisterDelay: 10 * time.Second, InterfaceLinger: time.Minute})
		events, cancel := b.cloud.Subscribe(100)
		_, name := b.open()
		time.Sleep(10 * time.Second)
		b.cloud.Refresh()
		b.home.RemoveLoadBalancer(name)
		time.Sleep(time.Minute)
		b.cloud.Refresh()
		cancel()
		cancel() // once is enough, twice does no harm

		type change struct{ kind, change, cause string }
		want := map[change]bool{
			{"security-group", fakeaws.Created, "CreateSecurityGroup"}:            false,
			{"load-balancer", fakeaws.Created, "CreateLoadBalancer"}:              false,
			{"health", fakeaws.Created, "RegisterInstancesWithLoadBalancer"}:      false,
			{"health", fakeaws.Changed, "time"}:                                   false,
			{"load-balancer", fakeaws.Deleted, "RemoveLoadBalancer"}:              false,
			{"network-interface", fakeaws.Deleted, "time"}:                        false,
			{"security-group-rule", fakeaws.Deleted, "RevokeSecurityGroupEgress"}: false,
		}
		last := 0
		for e := range events {
			if last != 0 && e.Seq != last+1 {
				t.Errorf("event %d after %d", e.Seq, last)
			}
			last = e.Seq
			want[change{e.Kind, e.Change, e.Cause}] = true
		}
		for c, seen := range want {
			if !seen {
				t.Errorf("no event %+v", c)
			}
		}
	})
}

func TestDescribeInstances(t *testing.T) {
	b := newBench(t, fakeaws.Options{})
	b.home.Stop(b.note.DB)
	filter := func(name string, values ...string) []ec2types.Filter {
		return []ec2types.Filter{{Name: &name, Values: values}}
	}
	for _, tt := range []struct {
		name string
		in   ec2.DescribeInstancesInput
		want int
		code string
	}{
		{"all", ec2.DescribeInstancesInput{}, 3, ""},
		{"by id", ec2.DescribeInstancesInput{InstanceIds: []string{b.note.Web}}, 1, ""},
		{"by tag", ec2.DescribeInstancesInput{Filters: filter("tag:sshforward", "allow")}, 2, ""},
		{"by Name", ec2.DescribeInstancesInput{Filters: filter("tag:Name", "web-*", "db-?")}, 2, ""},
		{"by tag key", ec2.DescribeInstancesInput{Filters: filter("tag-key", "Env")}, 3, ""},
		{"by state", ec2.DescribeInstancesInput{Filters: filter("instance-state-name", "running", "pending")}, 2, ""},
		{"by address", ec2.DescribeInstancesInput{Filters: filter("private-ip-address", "10.1.2.94")}, 1, ""},
		{"by two filters", ec2.DescribeInstancesInput{
			Filters: append(filter("tag:Env", "dev"), filter("private-ip-address", "10.1.2.96")...),
		}, 0, ""},
		{"unknown filter", ec2.DescribeInstancesInput{Filters: filter("colour", "red")}, 0, "InvalidParameterValue"},
		{"unknown id", ec2.DescribeInstancesInput{InstanceIds: []string{"i-0123456789abcdef0"}}, 0, "InvalidInstanceID.NotFound"},
		{"bad id", ec2.DescribeInstancesInput{InstanceIds: []string{"web-1"}}, 0, "InvalidInstanceID.Malformed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := b.ec2.DescribeInstances(b.ctx, &tt.in)
			if got := code(err); got != tt.code {
				t.Fatalf("code %q, want %q", got, tt.code)
			}
			if err == nil && len(out.Reservations) != tt.want {
				t.Errorf("%d instances, want %d", len(out.Reservations), tt.want)
			}
		})
	}
	out, err := b.ec2.DescribeInstances(b.ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{b.note.Web}})
	b.ok(err)
	i := out.Reservations[0].Instances[0]
	if *i.PrivateIpAddress != "10.1.2.94" || *i.VpcId != b.note.VPC || *i.SubnetId != b.note.Private ||
		i.State.Name != ec2types.InstanceStateNameRunning ||
		*i.Placement.AvailabilityZone != "ap-northeast-1a" || *i.NetworkInterfaces[0].Attachment.DeviceIndex != 0 ||
		*i.NetworkInterfaces[0].Groups[0].GroupId != b.note.Group || *i.SecurityGroups[0].GroupId != b.note.Group {
		t.Errorf("instance: %+v", i)
	}
}
