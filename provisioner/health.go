package provisioner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// The pauses between two health checks. Each check is a connection to sshd.
const (
	// checkEvery is ELB's shortest pause, to be in service soon.
	checkEvery = 5 * time.Second
	// checkSlower, from checkSlowerAfter on without success, gets through to a
	// host that refuses whoever connects six times in 30 s, as ufw's limit does:
	// at the shortest pause it would refuse every second check for ever.
	checkSlower      = 10 * time.Second
	checkSlowerAfter = 20 * time.Second
	// checkWhileOpen fills no log of failed logins and raises no alarm about
	// somebody who tries the door.
	checkWhileOpen = 30 * time.Second
)

// setHealthCheck replaces the default (TCP:80). Two good checks are enough to be
// in service; ten bad ones, the most that ELB takes, are needed to be out of it:
// an instance that is out of service loses its live sessions, as draining is
// off, and a restart of sshd must not end them.
func (r *run) setHealthCheck(ctx context.Context, every time.Duration) error {
	_, err := r.elb.ConfigureHealthCheck(ctx, &elb.ConfigureHealthCheckInput{
		LoadBalancerName: aws.String(r.name),
		HealthCheck: &elbtypes.HealthCheck{
			Target:             aws.String(fmt.Sprintf("TCP:%d", r.l.TargetPort)),
			Interval:           aws.Int32(int32(every.Seconds())),
			Timeout:            aws.Int32(3),
			HealthyThreshold:   aws.Int32(2),
			UnhealthyThreshold: aws.Int32(10),
		},
	})
	if err == nil {
		r.learn(func(res *sshforward.Resources) { res.CheckEvery = every })
	}
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
	if err == nil {
		// The stage's time and not this moment: a repeat says the same.
		r.learn(func(res *sshforward.Resources) { res.RegisteredAt = r.l.StageSince })
	}
	return r.tolerate(err, "register the instance with the load balancer", balancerUnseen...)
}

// bringIntoService waits until the instance is in service and then has it
// checked less often. It looks once more after that, since the change may
// count the checks anew; only then is the stage complete.
func (r *run) bringIntoService(ctx context.Context) error {
	if wait := untilLook(r.sinceRegistered(), r.budget.plenty()); wait > 0 {
		r.later(wait, "The load balancer has no health of the instance yet.")
		return nil
	}
	for {
		h, seen, err := r.health(ctx)
		switch every := r.resources().CheckEvery; {
		case err != nil || !seen:
			return err
		case h.InService && every == checkWhileOpen:
			return nil
		case h.InService:
			if err := r.setHealthCheck(ctx, checkWhileOpen); err != nil || r.pending() {
				return err
			}
			continue
		case every < checkSlower && r.sinceStage() >= checkSlowerAfter:
			if err := r.setHealthCheck(ctx, checkSlower); err != nil {
				return err
			}
		}
		r.later(r.untilNextLook(), "%s", h.Why)
		return nil
	}
}

// sinceRegistered is how long ago the instance was put behind the load balancer.
func (r *run) sinceRegistered() time.Duration {
	if at := r.l.Resources.RegisteredAt; !at.IsZero() {
		return r.now.Sub(at)
	}
	return r.sinceStage()
}

func (r *run) untilNextLook() time.Duration { return nextLook(r.sinceRegistered(), r.budget.plenty()) }

// health asks once. Registering returns before it is done (some 30 s), and two
// health checks have to pass after that. seen is false where the load balancer
// or the instance behind it cannot be seen yet, which has been noted.
func (r *run) health(ctx context.Context) (h sshforward.Health, seen bool, err error) {
	h, listed, err := r.askHealth(ctx)
	switch {
	case hasCode(err, balancerNotFound) && r.l.Prepared.Ready() && r.hasNoBalancer(ctx):
		return h, false, gone("load balancer") // it was in service once, so it is not on its way
	case err != nil:
		return h, false, r.tolerate(err, "ask the load balancer for the instance's health", balancerNotFound, balancerInstance)
	case !listed:
		r.later(r.untilNextLook(), "The load balancer does not list the instance yet.")
	}
	return h, listed, nil
}

func (r *run) hasNoBalancer(ctx context.Context) bool {
	_, err := r.ownBalancerTags(ctx)
	return errors.Is(err, errNoBalancer)
}

// askHealth returns AWS's own error. listed is false where the load balancer
// does not know the instance.
func (r *run) askHealth(ctx context.Context) (h sshforward.Health, listed bool, err error) {
	out, err := r.account.elb.DescribeInstanceHealth(ctx, &elb.DescribeInstanceHealthInput{
		LoadBalancerName: aws.String(r.name),
		Instances:        []elbtypes.Instance{{InstanceId: aws.String(r.l.Instance.ID)}},
	})
	if err != nil {
		return h, false, err
	}
	for _, s := range out.InstanceStates {
		if aws.ToString(s.InstanceId) != r.l.Instance.ID {
			continue
		}
		if h.InService = aws.ToString(s.State) == "InService"; !h.InService {
			h.Why = healthDetail(s, r.l.TargetPort)
		}
		return h, true, nil
	}
	return h, false, nil
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
