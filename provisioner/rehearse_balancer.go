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
// The error, for operators, has everything that is refused.
func (p *Provisioner) RehearseBalancer(ctx context.Context, in sshforward.Instance, subnet string) error {
	r, err := p.rehearse(in)
	if err != nil {
		return err
	}
	r.make(ctx, subnet)
	r.change(ctx)
	r.switchOff(ctx)
	if len(r.refused) > 0 {
		r.refused = append(r.refused, errors.New("compare the role's policy with deploy/iam-policy.json, "+
			"which goes by the names of load balancers: of one that goes by their tags, this says nothing"))
	}
	return errors.Join(r.refused...)
}

// RehearseMakingBalancer is the part of RehearseBalancer that is true under any
// policy: one that goes by the tags of a load balancer denies everything about one
// that is not there. The rest is for Simulate to ask, and so are tags of what exists.
func (p *Provisioner) RehearseMakingBalancer(ctx context.Context, in sshforward.Instance, subnet string) error {
	r, err := p.rehearse(in)
	if err != nil {
		return err
	}
	r.make(ctx, subnet)
	_, _ = r.elb.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: r.name}) // should it have been made
	return errors.Join(r.refused...)
}

// rehearsal is what AWS is asked about a load balancer that cannot be there.
type rehearsal struct {
	*account
	deployment string
	name       *string // of the load balancer, and of its dead-man switch
	instances  []elbtypes.Instance
	refused    []error
}

func (p *Provisioner) rehearse(in sshforward.Instance) (*rehearsal, error) {
	a, err := p.account(in.Account)
	if err != nil {
		return nil, err
	}
	return &rehearsal{
		account: a, deployment: p.deployment, name: aws.String(sshforward.Name(p.deployment, neverLease)),
		instances: []elbtypes.Instance{{InstanceId: aws.String(in.ID)}},
	}, nil
}

// ask makes a call, and notes if AWS answers anything else than that something is
// missing.
func (r *rehearsal) ask(doing string, missing []string, call func() error) {
	err := call()
	switch {
	case err == nil, hasCode(err, missing...):
	case hasCode(err, denied...), hasCode(err, "AccessDeniedException"):
		r.refused = append(r.refused, fmt.Errorf("AWS does not let me %s (%s)", doing, action(err)))
	default:
		r.refused = append(r.refused, fmt.Errorf("whether AWS lets me %s cannot be told: %w", doing, err))
	}
}

// make asks for a load balancer with a security group that does not exist.
func (r *rehearsal) make(ctx context.Context, subnet string) {
	tags := r.withTags(map[string]string{TagDeployment: r.deployment})
	r.ask("make a tagged load balancer in "+subnet, []string{"InvalidSecurityGroup", "TooManyLoadBalancers"}, func() error {
		_, err := r.elb.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
			LoadBalancerName: r.name, Subnets: []string{subnet}, SecurityGroups: []string{neverGroup}, Tags: elbTags(tags),
			Listeners: []elbtypes.Listener{{
				Protocol: aws.String("TCP"), LoadBalancerPort: 22, InstanceProtocol: aws.String("TCP"), InstancePort: aws.Int32(22),
			}},
		})
		if err == nil {
			err = errors.New("it was made, with a security group that does not exist; it is being removed")
		}
		return err
	})
}

// change asks for all that is done to a load balancer once it is there.
func (r *rehearsal) change(ctx context.Context) {
	r.ask("set the health check of a load balancer", []string{balancerNotFound}, func() error {
		_, err := r.elb.ConfigureHealthCheck(ctx, &elb.ConfigureHealthCheckInput{
			LoadBalancerName: r.name, HealthCheck: &elbtypes.HealthCheck{
				Target: aws.String("TCP:22"), Interval: aws.Int32(30), Timeout: aws.Int32(3),
				HealthyThreshold: aws.Int32(2), UnhealthyThreshold: aws.Int32(10),
			},
		})
		return err
	})
	r.ask("set the attributes of a load balancer", []string{balancerNotFound}, func() error {
		_, err := r.elb.ModifyLoadBalancerAttributes(ctx, &elb.ModifyLoadBalancerAttributesInput{
			LoadBalancerName: r.name, LoadBalancerAttributes: &elbtypes.LoadBalancerAttributes{
				ConnectionSettings: &elbtypes.ConnectionSettings{IdleTimeout: aws.Int32(4000)},
			},
		})
		return err
	})
	r.ask("put an instance behind a load balancer", []string{balancerNotFound}, func() error {
		_, err := r.elb.RegisterInstancesWithLoadBalancer(ctx,
			&elb.RegisterInstancesWithLoadBalancerInput{LoadBalancerName: r.name, Instances: r.instances})
		return err
	})
	r.ask("read the health of an instance behind a load balancer", []string{balancerNotFound}, func() error {
		_, err := r.elb.DescribeInstanceHealth(ctx, &elb.DescribeInstanceHealthInput{LoadBalancerName: r.name})
		return err
	})
	r.ask("take an instance away from a load balancer", []string{balancerNotFound}, func() error {
		_, err := r.elb.DeregisterInstancesFromLoadBalancer(ctx,
			&elb.DeregisterInstancesFromLoadBalancerInput{LoadBalancerName: r.name, Instances: r.instances})
		return err
	})
	r.ask("delete a load balancer", nil, func() error { // succeeds where there is none
		_, err := r.elb.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: r.name})
		return err
	})
}

// switchOff asks for a dead-man switch to be deleted, if there are any.
func (r *rehearsal) switchOff(ctx context.Context) {
	if r.DeadMan == nil {
		return
	}
	r.ask("delete a dead-man switch", []string{scheduleNotFound}, func() error {
		group := aws.String(scheduleGroup(r.deployment))
		_, err := r.scheduler.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: r.name, GroupName: group})
		return err
	})
}
