package provisioner

import (
	"context"
	"errors"

	"github.com/sshforward/sshforward"
)

// verify reads back that nothing carries the lease's tags. What it finds is
// taken up by the next round.
func (r *run) verify(ctx context.Context) {
	r.together(
		func() error { return r.balancerBack(ctx) },
		func() error { return r.ruleBack(ctx) },
		func() error { return r.groupBack(ctx) },
		func() error { return r.deadManBack(ctx) },
	)
}

// recheck reads back what is recorded as gone while something still holds the
// group. The usual interfaces go within minutes; but a load balancer or a rule
// that was not visible when it was looked for would hold the group for ever.
func (r *run) recheck(ctx context.Context) error {
	if r.sinceClosing() < visibilityDelay {
		return nil
	}
	var errs []error
	if r.l.Resources.BalancerGone {
		errs = append(errs, r.balancerBack(ctx))
	}
	if r.l.Resources.RuleGone {
		errs = append(errs, r.ruleBack(ctx))
	}
	return errors.Join(errs...)
}

func (r *run) balancerBack(ctx context.Context) error {
	mine, err := r.ownsBalancer(ctx)
	if errors.Is(err, errNoBalancer) {
		return nil
	}
	if err == nil && !mine {
		mine, _, err = r.usesLeaseGroup(ctx)
	}
	if mine {
		r.learn(func(res *sshforward.Resources) { res.BalancerGone = false })
		r.later(minCloseWait, "AWS still lists the load balancer.")
	}
	return err
}

func (r *run) ruleBack(ctx context.Context) error {
	rules, err := r.ownRules(ctx)
	if len(rules) > 0 {
		r.learn(func(res *sshforward.Resources) { res.RuleGone, res.InstanceRuleID = false, "" })
		r.later(minCloseWait, "AWS still lists the rule in the instance's group.")
	}
	return err
}

func (r *run) groupBack(ctx context.Context) error {
	ids, err := r.ownGroups(ctx)
	if len(ids) > 0 {
		r.learn(func(res *sshforward.Resources) { res.GroupGone, res.GroupID = false, "" })
		r.later(minCloseWait, "AWS still lists the security group.")
	}
	return err
}
