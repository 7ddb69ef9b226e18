package provisioner

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

const (
	// settling is how long something that was just made may be invisible to
	// the calls that use it. EC2 and ELB are eventually consistent.
	settling = time.Minute
	// unhurried is when a wait has become long enough to ask less often.
	unhurried = 30 * time.Second
	// lookupTimeout bounds one look-up of the load balancer's name.
	lookupTimeout = 3 * time.Second
	lookupEvery   = 5 * time.Second
	// unresolved is when, before OpenBy, a name is no longer waited for: one
	// more wait and look-up have to fit in, and then the clock's calls.
	unresolved = 4 * lookupEvery
)

// Open implements sshforward.Provisioner. It does the stage l.Stage and no
// other. StepResult.Resources holds what is known also when the error is not nil:
// the calls of a stage are concurrent, and what one has made counts whatever
// became of the others.
func (p *Provisioner) Open(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	w, err := p.beginWithEnd(l)
	if err != nil {
		return sshforward.StepResult{Resources: l.Resources}, err
	}
	switch l.Stage {
	case sshforward.StageGroup:
		// The dead-man switch is set before there is anything that it would
		// have to end.
		w.together(
			func() error { return w.makeGroup(ctx) },
			func() error { return w.armDeadMan(ctx) },
		)
	case sshforward.StageBalancer:
		w.makeBalancer(ctx)
	case sshforward.StageHealth:
		w.together(
			func() error { return w.setHealthCheck(ctx) },
			func() error { return w.setAttributes(ctx) },
		)
	case sshforward.StageRegister:
		w.together(
			func() error { return w.register(ctx) },
			func() error { w.findHostKeys(ctx); return nil },
		)
	case sshforward.StageService:
		w.fail(w.inService(ctx))
	case sshforward.StageName:
		w.fail(w.resolves(ctx))
	case sshforward.StageClock:
		w.moveEnd(ctx)
	default:
		w.fail(&sshforward.Error{
			Code:    sshforward.EINTERNAL,
			Message: sshforward.Textf("I do not know the stage %q.", l.Stage),
		})
	}
	return w.step()
}

// sinceStage is how long the stage has been tried.
func (w *pass) sinceStage() time.Duration { return w.now.Sub(w.l.StageSince) }

// patience is how long to wait before asking again.
func (w *pass) patience() time.Duration {
	switch since := w.sinceStage(); {
	case since < unhurried:
		return time.Second
	case since < 4*unhurried:
		return 3 * time.Second
	}
	return 5 * time.Second
}

// settle makes a wait of an error that may only mean that what was just made
// cannot be seen yet; after a minute it is an error.
func (w *pass) settle(err error, doing string, codes ...string) error {
	if hasCode(err, codes...) && w.sinceStage() < settling {
		w.later(w.patience(), "AWS does not see yet what was just created.")
		return nil
	}
	return w.failed(err, doing)
}

// makeGroup creates the lease's security group, with its tags from the first
// moment on. Its name is unique in the VPC, so a repeat finds the first one.
func (w *pass) makeGroup(ctx context.Context) error {
	const doing = "create the security group"
	out, err := w.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName:         aws.String(w.name),
		Description:       aws.String("sshforward: access to " + w.l.Instance.ID + " for lease " + w.l.ID),
		VpcId:             aws.String(w.l.Instance.VPC),
		TagSpecifications: tagSpec(types.ResourceTypeSecurityGroup, Tags(w.p.deployment, w.l)),
	})
	if err == nil {
		w.learn(func(r *sshforward.Resources) { r.GroupID, r.Until = aws.ToString(out.GroupId), w.l.End() })
		return nil
	}
	if !hasCode(err, groupDuplicate) {
		return w.failed(err, doing)
	}
	found, err := w.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{
		filter("group-name", w.name), filter("vpc-id", w.l.Instance.VPC),
	}})
	switch {
	case err != nil:
		return w.failed(err, doing)
	case len(found.SecurityGroups) == 0 && w.sinceStage() < settling:
		w.later(w.patience(), "AWS does not see yet what was just created.")
		return nil
	case len(found.SecurityGroups) == 0:
		return &sshforward.Error{
			Code:    sshforward.EUNAVAILABLE,
			Message: sshforward.Textf("AWS says that the security group %s exists, but does not show it.", w.name),
		}
	}
	g := found.SecurityGroups[0]
	if !w.p.owns(w.l, fromEC2Tags(g.Tags)) {
		return foreign("security group", w.name)
	}
	w.learn(func(r *sshforward.Resources) { r.GroupID = aws.ToString(g.GroupId) })
	return nil
}

// foreign is the error for something of ours by name but not by tags. It is
// final: whose it is does not change by asking again.
func foreign(what, name string) error {
	return invalid("There is a %s named %s already that is not mine; I leave it alone. The operator should look at it.", sshforward.Textf(what), name)
}

// setHealthCheck replaces the default (TCP:80, ten times thirty seconds).
func (w *pass) setHealthCheck(ctx context.Context) error {
	_, err := w.elb.ConfigureHealthCheck(ctx, &elb.ConfigureHealthCheckInput{
		LoadBalancerName: aws.String(w.name),
		HealthCheck: &elbtypes.HealthCheck{
			Target:             aws.String(fmt.Sprintf("TCP:%d", w.l.TargetPort)),
			Interval:           aws.Int32(5),
			Timeout:            aws.Int32(3),
			HealthyThreshold:   aws.Int32(2),
			UnhealthyThreshold: aws.Int32(2),
		},
	})
	return w.settle(err, "set the load balancer's health check", balancerNotFound)
}

// setAttributes lets a quiet session live as long as ELB allows (60 s is its
// default) and makes deregistering end sessions at once, which draining would
// put off.
func (w *pass) setAttributes(ctx context.Context) error {
	_, err := w.elb.ModifyLoadBalancerAttributes(ctx, &elb.ModifyLoadBalancerAttributesInput{
		LoadBalancerName: aws.String(w.name),
		LoadBalancerAttributes: &elbtypes.LoadBalancerAttributes{
			ConnectionSettings: &elbtypes.ConnectionSettings{IdleTimeout: aws.Int32(4000)},
			ConnectionDraining: &elbtypes.ConnectionDraining{Enabled: false},
		},
	})
	return w.settle(err, "set the load balancer's time-outs", balancerNotFound)
}

// register is the same however often it is done.
func (w *pass) register(ctx context.Context) error {
	_, err := w.elb.RegisterInstancesWithLoadBalancer(ctx, &elb.RegisterInstancesWithLoadBalancerInput{
		LoadBalancerName: aws.String(w.name),
		Instances:        []elbtypes.Instance{{InstanceId: aws.String(w.l.Instance.ID)}},
	})
	return w.settle(err, "register the instance with the load balancer", balancerNotFound)
}

// inService looks once. Registering returns before it is done (some 30 s), and
// two health checks have to pass after that.
func (w *pass) inService(ctx context.Context) error {
	out, err := w.elb.DescribeInstanceHealth(ctx, &elb.DescribeInstanceHealthInput{
		LoadBalancerName: aws.String(w.name),
		Instances:        []elbtypes.Instance{{InstanceId: aws.String(w.l.Instance.ID)}},
	})
	if err != nil {
		return w.settle(err, "ask the load balancer for the instance's health", balancerNotFound, balancerInstance)
	}
	for _, s := range out.InstanceStates {
		if aws.ToString(s.InstanceId) != w.l.Instance.ID {
			continue
		}
		if aws.ToString(s.State) == "InService" {
			return nil
		}
		w.later(w.patience(), "%s", healthDetail(s, w.l.TargetPort))
		return nil
	}
	w.later(w.patience(), "The load balancer does not list the instance yet.")
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
		detail = detail.And(sshforward.Textf("Does anything listen on port %d of the instance, and do its firewall and network ACL let the subnet in?", port))
	}
	return detail
}

// resolves looks the load balancer's name up, once. It is asked for only after
// the instance is in service: a name asked for too early is remembered as
// absent for minutes. That it does not resolve here does not mean that it does
// not resolve for the user, so it stops no one for longer than WaitDNS, nor
// until there is no time left to become open.
func (w *pass) resolves(ctx context.Context) error {
	if w.WaitDNS <= 0 {
		return nil
	}
	host := w.res.DNSName
	left := w.l.OpenBy.Sub(w.now)
	lookup, cancel := context.WithTimeout(ctx, min(lookupTimeout, left/2))
	defer cancel()
	_, err := w.p.lookup(lookup, host)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return w.failed(ctx.Err(), "look up the load balancer's name")
	case w.sinceStage() < w.WaitDNS && left > unresolved:
		w.later(lookupEvery, "The name %s does not resolve yet.", host)
	default:
		w.note("The name %s may need another moment until it resolves.", host)
	}
	return nil
}
