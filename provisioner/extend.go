package provisioner

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"

	"github.com/sshforward/sshforward"
)

// Extend implements sshforward.Provisioner. It moves the end that stands in
// the tags of the group, the rule and the load balancer, and the dead-man
// switch, to l.End(); setting a tag to what it is already is no error.
func (p *Provisioner) Extend(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	r, err := p.beginWithEnd(l)
	if err != nil {
		return sshforward.StepResult{Resources: l.Resources}, err
	}
	// Somebody may have removed the rule, or made something else of it, and the
	// load balancer goes by its name alone.
	var rules []types.SecurityGroupRule
	r.together(
		func() (err error) { rules, err = r.ownRules(ctx); return err },
		func() error { return r.notForeign(ctx) },
	)
	if !r.pending() {
		r.moveEnd(ctx, ruleIDsOf(rules))
	}
	return r.step()
}

// notForeign fails if the load balancer of the lease's name is somebody else's.
func (r *run) notForeign(ctx context.Context) error {
	switch mine, err := r.ownsBalancer(ctx); {
	case errors.Is(err, errNoBalancer):
		return nil
	case err == nil && !mine:
		return foreign("load balancer", r.name)
	default:
		return err
	}
}

// moveEnd writes the end on all that the lease has; rules are those in groups
// that are not its own.
func (r *run) moveEnd(ctx context.Context, rules []string) {
	r.together(
		func() error { return r.tagEC2(ctx, rules) },
		func() error { return r.tagBalancer(ctx) },
		func() error { return r.moveDeadMan(ctx) },
	)
	if !r.pending() {
		r.learn(func(res *sshforward.Resources) { res.Until = r.l.End() })
	}
}

func (r *run) tagEC2(ctx context.Context, rules []string) error {
	ids := rules
	if id := r.l.Resources.GroupID; id != "" {
		ids = append([]string{id}, ids...)
	}
	if len(ids) == 0 {
		return nil
	}
	const doing = "move the end on the security group"
	// All of them, so that the proof is of what stands there.
	tags := ec2Tags(movable(r.signed(r.p, r.l)))
	_, err := r.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids, Tags: tags})
	if hasCode(err, append(denied, ruleNotFound, "InvalidID")...) && len(ids) > 1 {
		// Somebody removed the rule, and one id that is not there refuses the
		// whole call. The group's end counts all the same.
		_, err = r.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids[:1], Tags: tags})
	}
	if hasCode(err, groupUnseen...) && r.sinceStage() >= visibilityDelay && r.hasNoGroup(ctx, r.l.Resources.GroupID) {
		return gone("security group")
	}
	return r.tolerate(err, doing, groupUnseen...)
}

func (r *run) tagBalancer(ctx context.Context) error {
	_, err := r.elb.AddTags(ctx, &elb.AddTagsInput{
		LoadBalancerNames: []string{r.name},
		Tags:              elbTags(movable(balancerTags(r.signed(r.p, r.l)))),
	})
	full := hasCode(err, tooManyTags)
	if full || err == nil {
		r.learn(func(res *sshforward.Resources) { res.BalancerTagsFull = full })
	}
	if full && r.l.Resources.GroupID != "" {
		// Somebody else's tags leave no room. The group has the end too, and of
		// two ends the later one counts.
		r.p.log.WarnContext(ctx, "the load balancer has too many tags; the end stands on the security group alone",
			"lease", r.l.ID, "name", r.name, "err", err)
		return nil
	}
	const doing = "move the end on the load balancer"
	if hasCode(err, balancerUnseen...) && r.sinceStage() >= visibilityDelay {
		if _, look := r.ownBalancerTags(ctx); errors.Is(look, errNoBalancer) {
			return gone("load balancer")
		}
	}
	return r.tolerate(err, doing, balancerUnseen...)
}
