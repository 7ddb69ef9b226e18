package provisioner

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sshforward/sshforward"
)

// ownGroups lists the lease's groups, by tag. There is one at most, unless
// something went wrong that nobody has thought of.
func (w *pass) ownGroups(ctx context.Context) ([]string, error) {
	var ids []string
	pages := ec2.NewDescribeSecurityGroupsPaginator(w.ec2, &ec2.DescribeSecurityGroupsInput{
		Filters: w.p.ownFilters(w.l),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, w.failed(err, "list the security groups of the lease")
		}
		for _, g := range page.SecurityGroups {
			if w.p.owns(w.l, fromEC2Tags(g.Tags)) {
				ids = append(ids, aws.ToString(g.GroupId))
			}
		}
	}
	return ids, nil
}

// verify reads back that nothing carries the lease's tags. What it finds is
// taken up by the next pass.
func (w *pass) verify(ctx context.Context) {
	w.together(
		func() error { return w.balancerBack(ctx) },
		func() error { return w.ruleBack(ctx) },
		func() error { return w.groupBack(ctx) },
		func() error { return w.deadManBack(ctx) },
	)
}

// lookAgain doubts what is recorded as gone while something still holds the
// group. The usual interfaces go within minutes; but a load balancer or a rule
// that was not visible when it was looked for would hold the group for ever.
func (w *pass) lookAgain(ctx context.Context) error {
	if w.sinceClosing() < settling {
		return nil
	}
	var errs []error
	if w.l.Resources.BalancerGone {
		errs = append(errs, w.balancerBack(ctx))
	}
	if w.l.Resources.RuleGone {
		errs = append(errs, w.ruleBack(ctx))
	}
	return errors.Join(errs...)
}

func (w *pass) balancerBack(ctx context.Context) error {
	mine, err := w.ownsBalancer(ctx)
	if errors.Is(err, errNoBalancer) {
		return nil
	}
	if err == nil && !mine {
		mine, _, err = w.disowned(ctx)
	}
	if mine {
		w.learn(func(r *sshforward.Resources) { r.BalancerGone = false })
		w.later(minCloseWait, "AWS still lists the load balancer.")
	}
	return err
}

func (w *pass) ruleBack(ctx context.Context) error {
	rules, err := w.ownRules(ctx)
	if len(rules) > 0 {
		w.learn(func(r *sshforward.Resources) { r.RuleGone, r.InstanceRuleID = false, "" })
		w.later(minCloseWait, "AWS still lists the rule in the instance's group.")
	}
	return err
}

func (w *pass) groupBack(ctx context.Context) error {
	ids, err := w.ownGroups(ctx)
	if len(ids) > 0 {
		w.learn(func(r *sshforward.Resources) { r.GroupGone, r.GroupID = false, "" })
		w.later(minCloseWait, "AWS still lists the security group.")
	}
	return err
}
