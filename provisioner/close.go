package provisioner

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// Close implements sshforward.Provisioner: one round over everything the lease
// may have. The load balancer and the rule go first, at the same time; the
// group, which both refer to, after them, and also when they failed. What to
// delete is never learned from the load balancer, which may be gone.
func (p *Provisioner) Close(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	r, err := p.begin(l, forClosing)
	if err != nil {
		return sshforward.StepResult{Resources: l.Resources}, err
	}
	p.consoles.Delete(l.ID)
	r.together(
		func() error { return r.removeBalancer(ctx) },
		func() error { return r.removeRule(ctx) },
	)
	r.together(
		func() error { return r.removeGroup(ctx) },
		func() error { return r.disarmDeadMan(ctx) },
	)
	if res := r.resources(); !r.pending() && res.BalancerGone && res.RuleGone && res.GroupGone {
		r.verify(ctx)
	}
	return r.step()
}

// removeBalancer ends access. Deleting goes by name alone, so whose it is is
// looked at first. Deregistering comes before it: with draining off it closes
// live sessions at once, and how fast deleting alone does is not documented.
func (r *run) removeBalancer(ctx context.Context) error {
	if r.l.Resources.BalancerGone {
		return nil
	}
	switch mine, err := r.ownsBalancer(ctx); {
	case errors.Is(err, errNoBalancer):
		r.believeGone(markBalancerGone)
		return nil
	case err != nil:
		return err
	case !mine:
		r.p.log.WarnContext(ctx, "a load balancer with the lease's name is not the lease's; left alone", "lease", r.l.ID, "name", r.name)
		r.believeGone(markBalancerGone)
		return nil
	}
	var errs []error
	if r.l.Instance.ID != "" {
		_, err := r.elb.DeregisterInstancesFromLoadBalancer(ctx, &elb.DeregisterInstancesFromLoadBalancerInput{
			LoadBalancerName: aws.String(r.name),
			Instances:        []elbtypes.Instance{{InstanceId: aws.String(r.l.Instance.ID)}},
		})
		if err != nil && !hasCode(err, balancerInstance, balancerNotFound) {
			errs = append(errs, r.failed(err, "deregister the instance"))
		}
	}
	_, err := r.elb.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: aws.String(r.name)})
	switch {
	case hasCode(err, denied...):
		return r.revokeAllAccess(ctx, r.failed(err, "delete the load balancer"))
	case err != nil && !hasCode(err, balancerNotFound):
		return finalFirst(append(errs, r.failed(err, "delete the load balancer")))
	}
	// Whatever deregistering said, there is nothing to deregister from now.
	r.learn(markBalancerGone)
	return nil
}

// revokeAllAccess ends what can be ended of the access through a load balancer
// that AWS does not let the bot delete, and returns refused with how far it came:
// it revokes all rules of the lease's groups, so that nobody gets in or on; the
// rule in the instance's group is removed as ever. Sessions that are open may go
// on: rules do not end those.
func (r *run) revokeAllAccess(ctx context.Context, refused error) error {
	r.groupHeld = true
	groups, err := r.ownGroups(ctx)
	var rules []types.SecurityGroupRule
	if err == nil {
		rules, err = r.rulesIn(ctx, groups)
	}
	if err == nil {
		var tasks []func() error
		for _, g := range groups {
			in, out := ruleIDs(rules, g)
			tasks = append(tasks, func() error { return r.revokeAll(ctx, g, in, out, "revoke the rules of the lease's security group") })
		}
		err = together(tasks...)
	}
	so := sshforward.Textf("No new connection gets through the lease's security group, but open sessions may go on.")
	if err != nil || len(groups) == 0 {
		so = sshforward.Textf("It may still let people in.")
	}
	return &sshforward.Error{
		Code:    sshforward.EFORBIDDEN,
		Message: sshforward.ErrorMessage(refused).And(so),
		Err:     errors.Join(refused, err),
	}
}

// removeRule revokes what is provably the lease's in groups that are not its own.
func (r *run) removeRule(ctx context.Context) error {
	if r.l.Resources.RuleGone {
		return nil
	}
	rules, err := r.recordedRules(ctx)
	if err == nil && len(rules) == 0 {
		rules, err = r.taggedRules(ctx)
	}
	if err != nil {
		return err
	}
	if len(rules) == 0 {
		r.believeGone(markRuleGone)
		return nil
	}
	for _, rule := range rules {
		if err := r.revoke(ctx, aws.ToString(rule.GroupId), aws.ToString(rule.SecurityGroupRuleId)); err != nil {
			return err
		}
	}
	r.learn(markRuleGone)
	return nil
}

// removeGroup deletes the lease's group. A DependencyViolation is normal for
// minutes: the deleted load balancer's network interfaces still hold it.
func (r *run) removeGroup(ctx context.Context) error {
	if r.l.Resources.GroupGone || r.groupHeld {
		return nil
	}
	ids := []string{r.resources().GroupID} // it may be there and not be listed yet
	if ids[0] == "" {
		var err error
		if ids, err = r.ownGroups(ctx); err != nil {
			return err
		}
	}
	deleted := 0
	for _, id := range ids {
		_, err := r.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: aws.String(id)})
		switch {
		case err == nil:
			deleted++
		case hasCode(err, groupNotFound...), hasCode(err, denied...) && r.noGroups(ctx):
		case hasCode(err, dependencyViolation, groupInUse):
			r.learn(func(res *sshforward.Resources) { res.GroupID = id })
			r.later(r.closeWait(), "AWS still removes the load balancer's network interfaces, which hold the security group.")
			return r.recheck(ctx, id)
		default:
			return r.failed(err, "delete the security group")
		}
	}
	if deleted == 0 {
		r.believeGone(markGroupGone)
		return nil
	}
	r.learn(markGroupGone)
	return nil
}

// noGroups reports whether the lease is known to have no group any more: a
// permission that asks for tags may be refused on what is gone and has none.
func (r *run) noGroups(ctx context.Context) bool {
	ids, err := r.ownGroups(ctx)
	return err == nil && len(ids) == 0
}
