package provisioner

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// Mend implements sshforward.Surveyor. It looks before it touches anything, so
// that a lease which is as it should be costs six calls that only read. What is
// gone altogether, the group or the load balancer, is not made again: that is
// ENOTFOUND, and the lease's end. It never asks to be waited for: what is not
// whole when it returns is an error, to be tried again at the next sweep.
func (p *Provisioner) Mend(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	l = l.Clone()
	w, err := p.beginWithEnd(l)
	if err != nil {
		return sshforward.StepResult{Resources: l.Resources}, err
	}
	var (
		group            string
		registered, mine bool
		outside          []types.SecurityGroupRule
		in               sshforward.Instance
	)
	w.together(
		func() (err error) { group, err = w.stillHasGroup(ctx); return err },
		func() (err error) { registered, mine, err = w.isRegistered(ctx); return err },
		func() (err error) { outside, err = w.taggedRules(ctx); return err },
		func() (err error) { in, err = w.lookAtInstance(ctx); return err },
	)
	if w.pending() {
		return w.step()
	}
	inside, err := w.rulesIn(ctx, []string{group})
	if err != nil {
		w.fail(err)
		return w.step()
	}
	// From here on the lease says what is so: the instance may be in other
	// groups by now.
	l.Instance, l.Resources.GroupID = in, group
	outside = slices.DeleteFunc(outside, func(r types.SecurityGroupRule) bool { return aws.ToString(r.GroupId) == group })
	kept, rule := w.keep(inside), w.keepOne(outside)
	l.Resources.InstanceGroupID, l.Resources.InstanceRuleID = aws.ToString(rule.GroupId), aws.ToString(rule.SecurityGroupRuleId)
	w.learn(func(r *sshforward.Resources) {
		r.GroupID, r.InstanceGroupID, r.InstanceRuleID = group, l.Resources.InstanceGroupID, l.Resources.InstanceRuleID
	})

	// What is too much goes first: a permission that is there already, in a
	// rule without our tags, could not be given again.
	w.together(
		func() error { return w.takeOut(ctx, group, inside, kept) },
		func() error { return w.takeBack(ctx, outside, l.Resources.InstanceRuleID) },
	)
	if w.pending() {
		return w.step()
	}
	w.together(
		func() error { return w.putBackSources(ctx, kept) },
		func() error { return w.putBackTarget(ctx, kept) },
		func() error { return w.admitBalancer(ctx) },
		func() error {
			switch {
			case registered:
				return nil
			case !mine:
				return w.errDisowned()
			}
			return w.register(ctx)
		},
		func() error { return w.moveDeadMan(ctx) },
	)
	step, err := w.step()
	if err == nil && step.Wait > 0 {
		err = &sshforward.Error{Code: sshforward.EUNAVAILABLE, Message: step.Detail}
	}
	return step, err
}

// stillHasGroup proves by its tags that the group whose rules will be changed
// is the lease's, and returns it.
func (w *pass) stillHasGroup(ctx context.Context) (string, error) {
	ids, err := w.ownGroups(ctx)
	switch known := w.l.Resources.GroupID; {
	case err != nil:
		return "", err
	case slices.Contains(ids, known):
		return known, nil
	case known == "" && len(ids) > 0:
		return ids[0], nil
	}
	return "", gone("security group")
}

// isRegistered reports whether the lease's load balancer has the instance, and
// whether it carries the lease's tags.
func (w *pass) isRegistered(ctx context.Context) (registered, mine bool, err error) {
	mine, err = w.ownsBalancer(ctx)
	var b elbtypes.LoadBalancerDescription
	if err == nil {
		b, err = w.describeBalancer(ctx)
	}
	switch {
	case errors.Is(err, errNoBalancer):
		return false, false, gone("load balancer")
	case err != nil:
		return false, false, err
	case !mine && !slices.Contains(b.SecurityGroups, w.l.Resources.GroupID):
		return false, false, gone("load balancer")
	}
	registered = slices.ContainsFunc(b.Instances, func(i elbtypes.Instance) bool {
		return aws.ToString(i.InstanceId) == w.l.Instance.ID
	})
	return registered, mine, nil
}

func gone(what string) error {
	return &sshforward.Error{Code: sshforward.ENOTFOUND, Message: sshforward.Textf("The lease's %s is gone.", sshforward.Textf(what))}
}

// lookAtInstance returns what the lease's instance is now.
func (w *pass) lookAtInstance(ctx context.Context) (sshforward.Instance, error) {
	found, err := w.describe(ctx, []string{w.l.Instance.ID})
	if err != nil {
		return sshforward.Instance{}, err
	}
	in, ok := found[w.l.Instance.ID]
	if !ok || !in.PrivateIP.Is4() || len(in.Groups) == 0 {
		return in, gone("instance")
	}
	return in, nil
}
