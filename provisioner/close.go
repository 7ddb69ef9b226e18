package provisioner

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// Close implements sshforward.Provisioner: one round over everything the lease
// may have. The load balancer and the rule go first, at the same time; the
// group, which both refer to, after them, and also when they failed. What to
// delete is never learned from the load balancer, which may be gone.
func (p *Provisioner) Close(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	r, err := p.begin(l)
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

// removeBalancer ends access. Deleting goes by name alone, so the tags are
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
		is, groups, err := r.usesLeaseGroup(ctx)
		if err != nil {
			return err
		}
		if is {
			return r.revokeAllAccess(ctx, groups)
		}
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
	if err != nil && !hasCode(err, balancerNotFound) {
		return finalFirst(append(errs, r.failed(err, "delete the load balancer")))
	}
	// Whatever deregistering said, there is nothing to deregister from now.
	r.learn(markBalancerGone)
	return nil
}

// revokeAllAccess ends what can be ended of the access through a load balancer that may
// not be deleted: it revokes all rules of the lease's groups, so that nobody
// gets in or on; the rule in the instance's group is removed as ever. It always
// fails, since sessions that are open may go on: rules do not end those.
func (r *run) revokeAllAccess(ctx context.Context, groups []string) error {
	r.groupHeld = true
	rules, err := r.rulesIn(ctx, groups)
	if err == nil {
		var tasks []func() error
		for _, g := range groups {
			in, out := ruleIDs(rules, g)
			tasks = append(tasks, func() error { return r.revokeAll(ctx, g, in, out, "revoke the rules of the lease's security group") })
		}
		err = together(tasks...)
	}
	so := sshforward.Textf("No new connection gets through the lease's security group, but open sessions may go on")
	if err != nil || len(groups) == 0 {
		so = sshforward.Textf("It may still let people in")
	}
	return &sshforward.Error{
		Code:    sshforward.EFORBIDDEN,
		Message: sshforward.Textf("Load balancer %s lost its tags, so I may not delete it. %s: delete it by hand.", r.name, so),
		Err:     err,
	}
}

// removeRule revokes the rule in the instance's group: the recorded one, or
// whatever carries the lease's tags.
func (r *run) removeRule(ctx context.Context) error {
	res := r.l.Resources
	if res.RuleGone {
		return nil
	}
	if res.InstanceRuleID != "" && res.InstanceGroupID != "" {
		err := r.revoke(ctx, res.InstanceGroupID, res.InstanceRuleID)
		if err == nil {
			r.learn(markRuleGone)
		}
		return err
	}
	rules, err := r.ownRules(ctx)
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
	res := r.resources()
	if res.GroupGone || r.groupHeld {
		return nil
	}
	ids := []string{res.GroupID}
	if res.GroupID == "" {
		var err error
		if ids, err = r.ownGroups(ctx); err != nil {
			return err
		}
		if len(ids) == 0 {
			r.believeGone(markGroupGone)
			return nil
		}
	}
	deleted, missing := 0, 0
	for _, id := range ids {
		_, err := r.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: aws.String(id)})
		switch {
		case err == nil:
			deleted++
		case hasCode(err, groupNotFound...), hasCode(err, denied...) && r.noGroups(ctx):
			missing++
		case hasCode(err, dependencyViolation, groupInUse):
			r.learn(func(res *sshforward.Resources) { res.GroupID = id })
			r.later(r.closeWait(), "AWS still removes the load balancer's network interfaces, which hold the security group.")
			return r.recheck(ctx)
		default:
			return r.failed(err, "delete the security group")
		}
	}
	if deleted == 0 && missing > 0 {
		r.believeGone(markGroupGone)
		return nil
	}
	r.learn(markGroupGone)
	return nil
}

// noGroups reports whether the lease is known to have no group any more. See
// revoke for why a refusal does not say that it has.
func (r *run) noGroups(ctx context.Context) bool {
	ids, err := r.ownGroups(ctx)
	return err == nil && len(ids) == 0
}
