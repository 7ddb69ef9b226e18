package provisioner

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/sshforward/sshforward"
)

// verify reads back that nothing is left which is provably the lease's. What it
// finds is taken up by the next round. That AWS has deleted the group of a lease
// that was open is proof by itself: it does so only when no interface of a load
// balancer has the group and no rule refers to it any more.
func (r *run) verify(ctx context.Context) {
	if r.groupDeleted && !r.l.OpenedAt.IsZero() {
		r.fail(r.deadManBack(ctx))
		return
	}
	r.together(
		func() error { return r.balancerBack(ctx) },
		func() error { return r.ruleBack(ctx) },
		func() error { return r.groupBack(ctx) },
		func() error { return r.deadManBack(ctx) },
	)
}

// recheck reads back what is recorded as gone while something still holds the
// group. The usual interfaces go within minutes; but a load balancer or a rule
// that was not visible when it was looked for would hold the group for ever, and
// so does a rule of somebody else's that lets it in.
func (r *run) recheck(ctx context.Context, group string) error {
	if r.sinceClosing() < visibilityDelay {
		return nil
	}
	var errs []error
	if r.l.Resources.BalancerGone {
		errs = append(errs, r.balancerBack(ctx))
	}
	if r.l.Resources.RuleGone {
		errs = append(errs, r.holderBack(ctx, group))
	}
	return errors.Join(errs...)
}

// holderBack looks for rules that let the lease's group in, whatever their tags.
func (r *run) holderBack(ctx context.Context, group string) error {
	rules, err := r.referring(ctx, group)
	if err != nil || len(rules) == 0 {
		return err
	}
	own, err := r.proven(ctx, slices.Clone(rules))
	switch {
	case err != nil:
		return err
	case len(own) > 0:
		r.recordRule(aws.ToString(own[0].GroupId), aws.ToString(own[0].SecurityGroupRuleId))
		r.learn(func(res *sshforward.Resources) { res.RuleGone = false })
		r.later(minCloseWait, "AWS still lists the rule in the instance's group.")
		return nil
	}
	r.later(r.closeWait(), "The rule %s of the group %s lets the lease's security group in and is not mine; "+
		"until somebody removes it, it holds the group.",
		aws.ToString(rules[0].SecurityGroupRuleId), aws.ToString(rules[0].GroupId))
	return nil
}

func (r *run) balancerBack(ctx context.Context) error {
	mine, err := r.ownsBalancer(ctx)
	if errors.Is(err, errNoBalancer) {
		return nil
	}
	if mine {
		r.learn(func(res *sshforward.Resources) { res.BalancerGone = false })
		r.later(minCloseWait, "AWS still lists the load balancer.")
	}
	return err
}

func (r *run) ruleBack(ctx context.Context) error {
	rules, err := r.taggedRules(ctx)
	if len(rules) > 0 {
		r.learn(func(res *sshforward.Resources) { res.RuleGone = false })
		r.later(minCloseWait, "AWS still lists the rule in the instance's group.")
	}
	return err
}

func (r *run) groupBack(ctx context.Context) error {
	ids, err := r.ownGroups(ctx)
	if len(ids) > 0 {
		r.learn(func(res *sshforward.Resources) { res.GroupGone, res.GroupID = false, ids[0] })
		r.later(minCloseWait, "AWS still lists the security group.")
	}
	return err
}
