package main

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/provisioner/mototest"
)

// Somebody with rights to ELB puts another instance behind a lease's load balancer,
// which is taken away again and said; and then gives it a listener of their own,
// which ends the lease with an alarm.
func TestShapeEndToEnd(t *testing.T) {
	t.Parallel()
	clouds(t, func(t *testing.T, c cloud) {
		before := c.foreign(t)
		w := newWorld(t, c, worldOptions{})
		id := w.open(ann, dev, c.instance+" 1h from 203.0.113.7")
		w.card(dev, id, "ssh -p 22")
		balancers, machines := elb.NewFromConfig(mototest.Config(c.url)), ec2.NewFromConfig(mototest.Config(c.url))
		name := aws.String("sshforward-e2e-" + id)
		behind := func() (ids []string) {
			out, err := balancers.DescribeLoadBalancers(t.Context(), &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{*name}})
			for _, i := range must(t, out, err).LoadBalancerDescriptions[0].Instances {
				ids = append(ids, *i.InstanceId)
			}
			return ids
		}
		all, err := machines.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{})
		other := ""
		for _, r := range must(t, all, err).Reservations {
			if found := *r.Instances[0].InstanceId; found != c.instance {
				other = found
			}
		}
		if _, err := balancers.RegisterInstancesWithLoadBalancer(t.Context(), &elb.RegisterInstancesWithLoadBalancerInput{
			LoadBalancerName: name, Instances: []elbtypes.Instance{{InstanceId: &other}},
		}); err != nil {
			t.Fatal(err)
		}
		told := func(says string) {
			t.Helper()
			w.await("the operators to hear that it "+says, func(s *fakeslack.Snapshot) bool { return said(s, ops, id, says) == 1 })
		}
		told("led to other instances too")
		if ids := behind(); len(ids) != 1 || ids[0] != c.instance {
			t.Errorf("behind the load balancer are %v", ids)
		}
		w.card(dev, id, "*Open*")

		if _, err := balancers.CreateLoadBalancerListeners(t.Context(), &elb.CreateLoadBalancerListenersInput{
			LoadBalancerName: name, Listeners: []elbtypes.Listener{
				{Protocol: aws.String("TCP"), LoadBalancerPort: 443, InstanceProtocol: aws.String("TCP"), InstancePort: aws.Int32(22)},
			},
		}); err != nil {
			t.Fatal(err)
		}
		told("other security groups or listeners")
		w.card(dev, id, "*Closed*", "other groups or listeners")
		w.nothingLeftSoon()
		if after := c.foreign(t); after != before {
			t.Errorf("what is not ours has changed:\n%s\nwas:\n%s", after, before)
		}
	})
}
