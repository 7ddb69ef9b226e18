package provisioner

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// setHealthCheck replaces the default (TCP:80, ten times thirty seconds).
func (r *run) setHealthCheck(ctx context.Context) error {
	_, err := r.elb.ConfigureHealthCheck(ctx, &elb.ConfigureHealthCheckInput{
		LoadBalancerName: aws.String(r.name),
		HealthCheck: &elbtypes.HealthCheck{
			Target:             aws.String(fmt.Sprintf("TCP:%d", r.l.TargetPort)),
			Interval:           aws.Int32(5),
			Timeout:            aws.Int32(3),
			HealthyThreshold:   aws.Int32(2),
			UnhealthyThreshold: aws.Int32(2),
		},
	})
	return r.tolerate(err, "set the load balancer's health check", balancerUnseen...)
}

// setAttributes lets a quiet session live as long as ELB allows (60 s is its
// default) and makes deregistering end sessions at once, which draining would
// put off.
func (r *run) setAttributes(ctx context.Context) error {
	_, err := r.elb.ModifyLoadBalancerAttributes(ctx, &elb.ModifyLoadBalancerAttributesInput{
		LoadBalancerName: aws.String(r.name),
		LoadBalancerAttributes: &elbtypes.LoadBalancerAttributes{
			ConnectionSettings: &elbtypes.ConnectionSettings{IdleTimeout: aws.Int32(4000)},
			ConnectionDraining: &elbtypes.ConnectionDraining{Enabled: false},
		},
	})
	return r.tolerate(err, "set the load balancer's time-outs", balancerUnseen...)
}

// register is the same however often it is done.
func (r *run) register(ctx context.Context) error {
	_, err := r.elb.RegisterInstancesWithLoadBalancer(ctx, &elb.RegisterInstancesWithLoadBalancerInput{
		LoadBalancerName: aws.String(r.name),
		Instances:        []elbtypes.Instance{{InstanceId: aws.String(r.l.Instance.ID)}},
	})
	return r.tolerate(err, "register the instance with the load balancer", balancerUnseen...)
}

// inService looks once. Registering returns before it is done (some 30 s), and
// two health checks have to pass after that.
func (r *run) inService(ctx context.Context) error {
	out, err := r.account.elb.DescribeInstanceHealth(ctx, &elb.DescribeInstanceHealthInput{
		LoadBalancerName: aws.String(r.name),
		Instances:        []elbtypes.Instance{{InstanceId: aws.String(r.l.Instance.ID)}},
	})
	if err != nil {
		return r.tolerate(err, "ask the load balancer for the instance's health", balancerNotFound, balancerInstance)
	}
	for _, s := range out.InstanceStates {
		if aws.ToString(s.InstanceId) != r.l.Instance.ID {
			continue
		}
		if aws.ToString(s.State) == "InService" {
			return nil
		}
		r.later(r.patience(), "%s", healthDetail(s, r.l.TargetPort))
		return nil
	}
	r.later(r.patience(), "The load balancer does not list the instance yet.")
	return nil
}

// healthDetail says what the load balancer waits for. ReasonCode is ELB while
// the load balancer itself is not ready, and Instance when it is the instance
// that does not answer.
func healthDetail(s elbtypes.InstanceState, port int) sshforward.Text {
	detail := sshforward.Textf("The load balancer has no health of the instance yet.")
	if d := strings.TrimSpace(aws.ToString(s.Description)); d != "" && d != "N/A" {
		detail = sshforward.Textf("The load balancer says: %s.", strings.TrimRight(d, "."))
	}
	if aws.ToString(s.ReasonCode) == "Instance" {
		detail = detail.And(sshforward.Textf("Does anything listen on port %d of the instance, "+
			"and do its firewall and network ACL let the subnet in?", port))
	}
	return detail
}
