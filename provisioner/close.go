package provisioner

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// denied are the codes of a missing permission: EC2's own, and everybody else's.
var denied = []string{"UnauthorizedOperation", "AccessDenied"}

const (
	minCloseWait = 2 * time.Second
	maxCloseWait = 15 * time.Second
	// disbelief is how long, from the start of closing, "not found" may mean
	// "not visible yet": a process that died in the middle of a create left a
	// call under way.
	disbelief = 10 * time.Second
)

// Close implements sshforward.Provisioner: one pass over everything the lease
// may have. The load balancer and the rule go first, at the same time; the
// group, which both refer to, after them, and also when they failed. What to
// delete is never learned from the load balancer, which may be gone.
func (p *Provisioner) Close(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	w, err := p.begin(l)
	if err != nil {
		return sshforward.StepResult{Resources: l.Resources}, err
	}
	p.consoles.Delete(l.ID)
	w.together(
		func() error { return w.removeBalancer(ctx) },
		func() error { return w.removeRule(ctx) },
	)
	w.together(
		func() error { return w.removeGroup(ctx) },
		func() error { return w.disarmDeadMan(ctx) },
	)
	if r := w.known(); !w.pending() && r.BalancerGone && r.RuleGone && r.GroupGone {
		w.verify(ctx)
	}
	return w.step()
}

func (w *pass) sinceClosing() time.Duration {
	if w.l.ClosingAt.IsZero() {
		return disbelief
	}
	return w.now.Sub(w.l.ClosingAt)
}

// closeWait grows with the time that closing has taken.
func (w *pass) closeWait() time.Duration {
	return min(max(w.sinceClosing()/10, minCloseWait), maxCloseWait)
}

// absent takes note of something that was not found, and reports whether that
// can be believed: a thing that was made a moment ago may be invisible for a
// while, so in the first seconds of closing a lease that never opened, "not
// found" proves nothing. How far it had come does not matter: a closing lease
// has no stage any more, and what was made last may not be written down.
func (w *pass) absent(fact func(*sshforward.Resources)) {
	if w.l.OpenedAt.IsZero() && w.sinceClosing() < disbelief {
		w.later(minCloseWait, "I look once more for what may have been created a moment ago.")
		return
	}
	w.learn(fact)
}

func balancerGone(r *sshforward.Resources) { r.BalancerGone = true }
func ruleGone(r *sshforward.Resources)     { r.RuleGone = true }
func groupGone(r *sshforward.Resources)    { r.GroupGone = true }

// removeBalancer ends access. Deleting goes by name alone, so the tags are
// looked at first. Deregistering comes before it: with draining off it closes
// live sessions at once, and how fast deleting alone does is not documented.
func (w *pass) removeBalancer(ctx context.Context) error {
	if w.l.Resources.BalancerGone {
		return nil
	}
	switch mine, err := w.ownsBalancer(ctx); {
	case errors.Is(err, errNoBalancer):
		w.absent(balancerGone)
		return nil
	case err != nil:
		return err
	case !mine:
		is, groups, err := w.disowned(ctx)
		if err != nil {
			return err
		}
		if is {
			return w.cutOff(ctx, groups)
		}
		w.p.log.WarnContext(ctx, "a load balancer with the lease's name is not the lease's; left alone", "lease", w.l.ID, "name", w.name)
		w.absent(balancerGone)
		return nil
	}
	var errs []error
	if w.l.Instance.ID != "" {
		_, err := w.elb.DeregisterInstancesFromLoadBalancer(ctx, &elb.DeregisterInstancesFromLoadBalancerInput{
			LoadBalancerName: aws.String(w.name),
			Instances:        []elbtypes.Instance{{InstanceId: aws.String(w.l.Instance.ID)}},
		})
		if err != nil && !hasCode(err, balancerInstance, balancerNotFound) {
			errs = append(errs, w.failed(err, "deregister the instance"))
		}
	}
	_, err := w.elb.DeleteLoadBalancer(ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: aws.String(w.name)})
	if err != nil && !hasCode(err, balancerNotFound) {
		return finalFirst(append(errs, w.failed(err, "delete the load balancer")))
	}
	// Whatever deregistering said, there is nothing to deregister from now.
	w.learn(balancerGone)
	return nil
}

// removeRule revokes the rule in the instance's group: the recorded one, or
// whatever carries the lease's tags.
func (w *pass) removeRule(ctx context.Context) error {
	r := w.l.Resources
	if r.RuleGone {
		return nil
	}
	if r.InstanceRuleID != "" && r.InstanceGroupID != "" {
		err := w.revoke(ctx, r.InstanceGroupID, r.InstanceRuleID)
		if err == nil {
			w.learn(ruleGone)
		}
		return err
	}
	rules, err := w.ownRules(ctx)
	if err != nil {
		return err
	}
	if len(rules) == 0 {
		w.absent(ruleGone)
		return nil
	}
	for _, rule := range rules {
		if err := w.revoke(ctx, aws.ToString(rule.GroupId), aws.ToString(rule.SecurityGroupRuleId)); err != nil {
			return err
		}
	}
	w.learn(ruleGone)
	return nil
}

// revoke is content if the rule, or the group it was in, is gone.
func (w *pass) revoke(ctx context.Context, group, rule string) error {
	_, err := w.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
		GroupId: aws.String(group), SecurityGroupRuleIds: []string{rule},
	})
	if hasCode(err, ruleNotFound, permissionNotFound) || hasCode(err, groupNotFound...) {
		return nil
	}
	if hasCode(err, denied...) {
		// A permission that asks for tags may be refused on what is gone and
		// has none any more; whether it is gone, a look tells.
		if rules, lookErr := w.ownRules(ctx); lookErr == nil && len(rules) == 0 {
			return nil
		}
	}
	return w.failed(err, "revoke the rule in the instance's group")
}

// removeGroup deletes the lease's group. A DependencyViolation is normal for
// minutes: the deleted load balancer's network interfaces still hold it.
func (w *pass) removeGroup(ctx context.Context) error {
	r := w.known()
	if r.GroupGone || w.held {
		return nil
	}
	ids := []string{r.GroupID}
	if r.GroupID == "" {
		var err error
		if ids, err = w.ownGroups(ctx); err != nil {
			return err
		}
		if len(ids) == 0 {
			w.absent(groupGone)
			return nil
		}
	}
	deleted, missing := 0, 0
	for _, id := range ids {
		_, err := w.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: aws.String(id)})
		switch {
		case err == nil:
			deleted++
		case hasCode(err, groupNotFound...), hasCode(err, denied...) && w.noGroups(ctx):
			missing++
		case hasCode(err, dependencyViolation, groupInUse):
			w.learn(func(r *sshforward.Resources) { r.GroupID = id })
			w.later(w.closeWait(), "AWS still removes the load balancer's network interfaces, which hold the security group.")
			return w.lookAgain(ctx)
		default:
			return w.failed(err, "delete the security group")
		}
	}
	if deleted == 0 && missing > 0 {
		w.absent(groupGone)
		return nil
	}
	w.learn(groupGone)
	return nil
}

// noGroups reports whether the lease is known to have no group any more. See
// revoke for why a refusal does not say that it has.
func (w *pass) noGroups(ctx context.Context) bool {
	ids, err := w.ownGroups(ctx)
	return err == nil && len(ids) == 0
}
