package fakeaws_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func TestLifeOfAForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{
			MissingIsNotFound: true, DeregisterDelay: -1,
			RegisterDelay: 15 * time.Second, HealthTiming: true, InterfaceLinger: 4 * time.Minute, DNSDelay: time.Minute,
		})
		before := b.cloud.Foreign(tagKey, lease)
		group, name := b.open()

		if h := b.health(name); *h.State != "OutOfService" || *h.ReasonCode != "ELB" {
			t.Fatalf("just registered: %s by %s", *h.State, *h.ReasonCode)
		}
		time.Sleep(20 * time.Second)
		if h := b.health(name); *h.State != "OutOfService" || *h.ReasonCode != "Instance" {
			t.Fatalf("before the second health check: %s by %s", *h.State, *h.ReasonCode)
		}
		time.Sleep(5 * time.Second)
		if h := b.health(name); *h.State != "InService" || *h.Description != "N/A" {
			t.Fatalf("after two health checks: %s, %s", *h.State, *h.Description)
		}

		lb, _ := b.home.LoadBalancer(name)
		if lb.IdleTimeout != 4000*time.Second || lb.Draining {
			t.Errorf("attributes not kept: %+v", lb)
		}
		got, err := b.home.Route(name, netip.MustParseAddr("203.0.113.7"), 22)
		if err != nil || got.Address != "10.1.2.94" || got.Port != 22 || got.IdleTimeout != 4000*time.Second {
			t.Errorf("route: %+v, %v", got, err)
		}
		if _, err := b.home.Route(name, netip.MustParseAddr("203.0.113.8"), 22); !errors.Is(err, fakeaws.ErrFiltered) {
			t.Errorf("another's address: %v, want it filtered", err)
		}
		if left := b.cloud.Leftovers(tagKey, lease); len(left) != 3 {
			t.Errorf("open: %q, want group, rule and load balancer", left)
		}

		_, err = b.elb.DeregisterInstancesFromLoadBalancer(b.ctx, &elb.DeregisterInstancesFromLoadBalancerInput{
			LoadBalancerName: &name, Instances: []elbtypes.Instance{{InstanceId: &b.note.Web}},
		})
		b.ok(err)
		if _, err := b.home.Route(name, netip.MustParseAddr("203.0.113.7"), 22); !errors.Is(err, fakeaws.ErrRefused) {
			t.Errorf("after deregistering: %v, want it refused", err)
		}
		for range 2 { // deleting what is gone succeeds
			_, err = b.elb.DeleteLoadBalancer(b.ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: &name})
			b.ok(err)
		}
		b.want(b.deleteGroup(group), "DependencyViolation") // the rule and the interfaces
		_, err = b.ec2.RevokeSecurityGroupIngress(b.ctx, &ec2.RevokeSecurityGroupIngressInput{
			GroupId: &b.note.Group, IpPermissions: []ec2types.IpPermission{tcpOf(22, group)},
		})
		b.ok(err)
		time.Sleep(4*time.Minute - time.Second)
		b.want(b.deleteGroup(group), "DependencyViolation") // the interfaces alone
		time.Sleep(time.Second)
		b.ok(b.deleteGroup(group))
		b.want(b.deleteGroup(group), "InvalidGroup.NotFound")

		if left := b.cloud.Leftovers(tagKey, lease); len(left) != 0 {
			t.Errorf("left over: %q", left)
		}
		if after := b.cloud.Foreign(tagKey, lease); after != before {
			t.Errorf("somebody else's things were touched:\n%s\nwas:\n%s", after, before)
		}
	})
}
