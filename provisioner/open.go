package provisioner

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

// Open implements sshforward.Provisioner. It does the stage l.Stage and no
// other. Step.Resources holds what is known also when the error is not nil:
// the calls of a stage are concurrent, and what one has made counts whatever
// became of the others.
func (p *Provisioner) Open(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	r, err := p.beginWithEnd(l)
	if err != nil {
		return sshforward.StepResult{Resources: l.Resources}, err
	}
	switch l.Stage {
	case sshforward.StageGroup:
		// The dead-man switch is set before there is anything that it would
		// have to end.
		r.together(
			func() error { return r.unlessRefused(r.makeGroup(ctx), markGroupRefused) },
			func() error { return r.armDeadMan(ctx) },
		)
	case sshforward.StageBalancer:
		r.makeBalancer(ctx)
	case sshforward.StageHealth:
		r.together(
			func() error { return r.setHealthCheck(ctx, checkEvery) },
			func() error { return r.setAttributes(ctx) },
			func() error { return r.checkShape(ctx) },
		)
	case sshforward.StageRegister:
		r.together(
			func() error { return r.register(ctx) },
			func() error { r.findHostKeys(ctx); return nil },
		)
	case sshforward.StageService:
		r.fail(r.bringIntoService(ctx))
	case sshforward.StageName:
		r.fail(r.resolves(ctx))
	case sshforward.StageClock:
		if l.Locked() {
			r.fail(r.locked())
			break
		}
		// What the stages before have made, moments ago, needs no proof.
		var rules []string
		if id := l.Resources.InstanceRuleID; id != "" {
			rules = append(rules, id)
		}
		r.moveEnd(ctx, rules)
		if !r.pending() {
			// The very last call: the door opens when all that ends access again
			// says when.
			r.fail(r.allowSources(ctx, l.Sources))
		}
	default:
		r.fail(&sshforward.Error{
			Code:    sshforward.EINTERNAL,
			Message: sshforward.Textf("I do not know the stage %q.", l.Stage),
		})
	}
	return r.step()
}

// makeBalancer does the stage that needs the group and nothing else: all at once
// the load balancer and the rules of both groups, but for the one that lets people
// in.
func (r *run) makeBalancer(ctx context.Context) {
	if r.l.Resources.GroupID == "" {
		r.fail(&sshforward.Error{Code: sshforward.EINTERNAL, Message: sshforward.Textf("The lease has no security group yet.")})
		return
	}
	r.together(
		func() error {
			return r.revokeDefault(ctx, types.IpPermission{IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}})
		},
		func() error {
			if r.l.Placement.NoIPv6 {
				return nil
			}
			return r.revokeDefault(ctx, types.IpPermission{Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}})
		},
		func() error { return r.allowTarget(ctx) },
		func() error { return r.unlessRefused(r.admitBalancer(ctx), markRuleRefused) },
		func() error { return r.unlessRefused(r.createBalancer(ctx), markBalancerRefused) },
	)
}

// unlessRefused notes what AWS refuses for good.
func (r *run) unlessRefused(err error, fact func(*sshforward.Resources)) error {
	if sshforward.Final(err) {
		r.learn(fact)
	}
	return err
}

func markBalancerRefused(res *sshforward.Resources) { res.BalancerRefused = true }
func markRuleRefused(res *sshforward.Resources)     { res.RuleRefused = true }
func markGroupRefused(res *sshforward.Resources)    { res.GroupRefused = true }
