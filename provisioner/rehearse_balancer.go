package provisioner

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"

	"github.com/sshforward/sshforward"
)

// neverLease is as long as a lease's id and can be none: those have no letter o.
// With it a load balancer has a name that the policy covers and nobody makes.
const neverLease = "doctor0"

// neverGroup is a security group that is not there.
const neverGroup = "sg-00000000000000000"

// RehearseBalancer asks ELB, which has no DryRun, for what cannot be done: to
// change a load balancer that is not there, and to make one in the subnet with a
// group that is not there. IAM answers first, so whoever hears of the thing that is
// missing has the permission. With a dead-man switch, Scheduler is asked likewise.
// The error, for operators, has everything that is refused. A policy that goes by
// the tags of a load balancer denies everything about one that is not there, so
// what Simulate has answered is left out with justMake. Tags of what exists are for
// Simulate alone.
func (p *Provisioner) RehearseBalancer(ctx context.Context, in sshforward.Instance, subnet string, justMake bool) error {
	a, err := p.account(in.Account)
	if err != nil {
		return err
	}
	name := aws.String(sshforward.Name(p.deployment, neverLease))
	instances := []elbtypes.Instance{{InstanceId: aws.String(in.ID)}}
	tags := a.withTags(map[string]string{TagDeployment: p.deployment})
	var refused []error
	ask := func(doing string, missing []string, call func() error) {
		err := call()
		switch {
		case err == nil, hasCode(err, missing...):
		case hasCode(err, denied...), hasCode(err, "AccessDeniedException"):
			refused = append(refused, fmt.Errorf("AWS does not let me %s (%s)", doing, action(err)))
		default:
			refused = append(refused, fmt.Errorf("whether AWS lets me %s cannot be told: %w", doing, err))
		}
	}
	ask("make a tagged load balancer in "+subnet, []string{"InvalidSecurityGroup", "TooManyLoadBalancers"}, func() error {
		_, err := a.elb.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
			LoadBalancerName: name, Subnets: []string{subnet}, SecurityGroups: []string{neverGroup}, Tags: elbTags(tags),
			Listeners: []elbtypes.Listener{{
				Protocol: aws.String("TCP"), LoadBalancerPort: 22, InstanceProtocol: aws.String("TCP"), InstancePort: aws.Int32(22),
			}},
		})
		if err == nil {
			err = errors.New("it was made, with a security group that does not exist; it is being removed")
		}
		return err
	})
	if justMake {
		_, _ = a.elb.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: name}) // should it have been made
		return errors.Join(refused...)
	}
	ask("set the health check of a load balancer", []string{balancerNotFound}, func() error {
		_, err := a.elb.ConfigureHealthCheck(ctx, &elb.ConfigureHealthCheckInput{
			LoadBalancerName: name, HealthCheck: &elbtypes.HealthCheck{
				Target: aws.String("TCP:22"), Interval: aws.Int32(30), Timeout: aws.Int32(3),
				HealthyThreshold: aws.Int32(2), UnhealthyThreshold: aws.Int32(10),
			},
		})
		return err
	})
	ask("set the attributes of a load balancer", []string{balancerNotFound}, func() error {
		_, err := a.elb.ModifyLoadBalancerAttributes(ctx, &elb.ModifyLoadBalancerAttributesInput{
			LoadBalancerName: name, LoadBalancerAttributes: &elbtypes.LoadBalancerAttributes{
				ConnectionSettings: &elbtypes.ConnectionSettings{IdleTimeout: aws.Int32(4000)},
			},
		})
		return err
	})
	ask("put an instance behind a load balancer", []string{balancerNotFound}, func() error {
		_, err := a.elb.RegisterInstancesWithLoadBalancer(ctx,
			&elb.RegisterInstancesWithLoadBalancerInput{LoadBalancerName: name, Instances: instances})
		return err
	})
	ask("read the health of an instance behind a load balancer", []string{balancerNotFound}, func() error {
		_, err := a.elb.DescribeInstanceHealth(ctx, &elb.DescribeInstanceHealthInput{LoadBalancerName: name})
		return err
	})
	ask("take an instance away from a load balancer", []string{balancerNotFound}, func() error {
		_, err := a.elb.DeregisterInstancesFromLoadBalancer(ctx,
			&elb.DeregisterInstancesFromLoadBalancerInput{LoadBalancerName: name, Instances: instances})
		return err
	})
	ask("delete a load balancer", nil, func() error { // succeeds where there is none
		_, err := a.elb.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: name})
		return err
	})
	if a.DeadMan != nil {
		ask("delete a dead-man switch", []string{scheduleNotFound}, func() error {
			_, err := a.scheduler.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: name, GroupName: aws.String(scheduleGroup(p.deployment))})
			return err
		})
	}
	if len(refused) > 0 {
		refused = append(refused, errors.New("compare the role's policy with deploy/iam-policy.json, which goes by the names of load balancers: "+
			"of one that goes by their tags, this says nothing"))
	}
	return errors.Join(refused...)
}
