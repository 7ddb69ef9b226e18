package provisioner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"

	"github.com/sshforward/sshforward"
)

// Close implements sshforward.Provisioner: one round over everything the lease
// may have. Sessions end first; then the load balancer and the rule go, at the
// same time; the group, which both refer to, after them, and also when they
// failed. What to delete is never learned from the load balancer, which may be
// gone, and what the store has recorded is removed also while nothing can be read.
func (p *Provisioner) Close(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	r, err := p.begin(l, forClosing)
	if err != nil {
		return sshforward.StepResult{Resources: l.Resources}, err
	}
	p.consoles.Delete(l.ID)
	look := r.endSessions(ctx)
	r.together(
		func() error { return r.removeBalancer(ctx, look) },
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

// removeBalancer deletes the load balancer, which goes by its name alone, so whose
// it is was looked at before. Where that could not be read, what the store has
// recorded is proof enough. That the sessions have ended is read back in between.
func (r *run) removeBalancer(ctx context.Context, look ownership) error {
	if r.l.Resources.BalancerGone {
		return nil
	}
	switch {
	case errors.Is(look.err, errNoBalancer):
		r.believeGone(balancerSeenGone(time.Now()), r.l.Resources.BalancerRefused)
		return nil
	case look.err != nil && !r.madeBalancer():
		return look.err
	case look.err == nil && !look.mine:
		r.p.log.WarnContext(ctx, "a load balancer with the lease's name is not the lease's; left alone", "lease", r.l.ID, "name", r.name)
		r.believeGone(markBalancerGone, r.l.Resources.BalancerRefused)
		return nil
	}
	r.readBackEnd(ctx)
	_, err := r.elb.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: aws.String(r.name)})
	switch {
	case hasCode(err, denied...):
		if _, look := r.ownBalancerTags(ctx); errors.Is(look, errNoBalancer) {
			break // an answer was lost, or somebody else was first
		}
		if r.tooSoon() {
			r.lookAgain()
			return nil
		}
		return r.revokeAllAccess(ctx, r.failed(err, "delete the load balancer"))
	case err != nil && !hasCode(err, balancerNotFound):
		return r.failed(err, "delete the load balancer")
	}
	// Whatever deregistering said, there is nothing to deregister from now.
	r.learn(func(res *sshforward.Resources) {
		res.BalancerGone = true
		if res.EndSeenAt.IsZero() {
			res.EndAcceptedAt = time.Now()
		}
	})
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
// The recorded one is revoked by what it is and not by its id, of which somebody
// could have made something else; so nothing has to be read first.
func (r *run) removeRule(ctx context.Context) error {
	res := r.l.Resources
	if res.RuleGone {
		return nil
	}
	if res.InstanceRuleID != "" && res.GroupID != "" {
		switch there, err := r.revokeRecorded(ctx); {
		case err != nil:
			return err
		case there:
			r.learn(markRuleGone)
			return nil
		}
	}
	rules, err := r.ownRules(ctx)
	if err != nil {
		return err
	}
	if len(rules) == 0 {
		r.believeGone(markRuleGone, r.l.Resources.RuleRefused)
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
			r.groupDeleted = id == r.l.Resources.GroupID
		case hasCode(err, groupNotFound...), hasCode(err, denied...) && r.hasNoGroup(ctx, id):
		case hasCode(err, denied...) && r.tooSoon():
			r.lookAgain()
			return nil
		case hasCode(err, dependencyViolation, groupInUse):
			r.learn(func(res *sshforward.Resources) { res.GroupID = id })
			r.later(r.closeWait(), "AWS still removes the load balancer's network interfaces, which hold the security group.")
			return r.recheck(ctx, id)
		default:
			return r.failed(err, "delete the security group")
		}
	}
	if deleted == 0 {
		r.believeGone(markGroupGone, false)
		return nil
	}
	r.learn(markGroupGone)
	return nil
}

// hasNoGroup reports whether a group is known to be none of the lease's any more: a
// permission that asks for tags may be refused on what is gone and has none. Another
// of its name, in another network, says nothing of it.
func (r *run) hasNoGroup(ctx context.Context, id string) bool {
	ids, err := r.ownGroups(ctx)
	return err == nil && !slices.Contains(ids, id)
}
