package provisioner

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// Mend implements sshforward.Provisioner. It looks before it touches anything, so
// that a lease which is as it should be costs six calls that only read. What is
// gone altogether, the group or the load balancer, is not made again: that is
// ENOTFOUND, and the lease's end. Of a lease that is locked it takes out whatever
// lets anybody in, and cuts who came in; of one that is not ready, or that
// opens, it does nothing else. It asks to be waited for only in line: what is not whole
// when it returns is else an error, to be tried again.
func (p *Provisioner) Mend(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	l = l.Clone()
	if l.Locked() && l.Drift.Widened && l.State == sshforward.Opening || l.Waiting() && !l.Prepared.Ready() {
		r, err := p.begin(l, forOpening)
		if err != nil {
			return sshforward.StepResult{Resources: l.Resources}, err
		}
		r.fail(r.lock(ctx))
		if !r.pending() {
			r.fail(r.cutWhileBuilding(ctx))
		}
		return r.step()
	}
	r, err := p.beginWithEnd(l)
	if err != nil {
		return sshforward.StepResult{Resources: l.Resources}, err
	}
	var (
		group      string
		registered bool
		others     []elbtypes.Instance // behind the load balancer
		outside    []types.SecurityGroupRule
		in         sshforward.Instance
	)
	r.together(
		func() (err error) { group, err = r.stillHasGroup(ctx); return err },
		func() (err error) { registered, others, err = r.registrations(ctx); return err },
		func() (err error) { outside, err = r.ownRules(ctx); return err },
		func() (err error) { in, err = r.readInstance(ctx); return err },
	)
	if r.pending() {
		return r.step()
	}
	inside, err := r.rulesIn(ctx, []string{group})
	if err != nil {
		r.fail(err)
		return r.step()
	}
	// From here on the lease says what is so: the instance may be in other
	// groups by now.
	l.Instance, l.Resources.GroupID = in, group
	kept, rule := r.keep(inside), r.keepOne(outside)
	l.Resources.InstanceGroupID, l.Resources.InstanceRuleID = aws.ToString(rule.GroupId), aws.ToString(rule.SecurityGroupRuleId)
	r.learn(func(res *sshforward.Resources) {
		res.GroupID, res.InstanceGroupID, res.InstanceRuleID = group, l.Resources.InstanceGroupID, l.Resources.InstanceRuleID
	})

	// What is too much goes first: a permission that is there already, in a
	// rule without our tags, could not be given again.
	r.together(
		func() error { return r.takeOut(ctx, group, inside, kept) },
		func() error { return r.takeBack(ctx, outside, l.Resources.InstanceRuleID) },
		func() error { return r.deregisterOthers(ctx, others) },
	)
	if r.pending() {
		return r.step()
	}
	r.together(
		func() error { return r.putBackSources(ctx, kept) },
		func() error { return r.putBackTarget(ctx, kept) },
		func() error { return r.admitBalancer(ctx) },
		func() error {
			if registered && !l.Locked() {
				return nil
			}
			return r.cutIntruders(ctx)
		},
		func() error { return r.moveDeadMan(ctx) },
		func() error { return r.putBackTags(ctx) },
	)
	step, err := r.step()
	if err == nil && step.Wait > 0 && !step.InLine {
		err = &sshforward.Error{Code: sshforward.EUNAVAILABLE, Message: step.Detail}
	}
	return step, err
}

// cutIntruders cuts the sessions of a locked lease that somebody else has let people
// in at, once the rule they came by is out: security groups track connections, so that
// taking it out ends none. Deregistering does, with draining off; the instance is put
// back when AWS says that it is done, and its health is looked at after the last yes.
// Of a lease that is open, and whose registration somebody has taken away, there is
// nothing to cut.
func (r *run) cutIntruders(ctx context.Context) error {
	if r.l.Locked() && r.l.Drift.Widened {
		_, err := r.elb.DeregisterInstancesFromLoadBalancer(ctx, r.deregistration())
		if err != nil && !hasCode(err, balancerInstance, balancerNotFound) {
			return r.failed(err, "cut the sessions of those whom somebody else let in")
		}
		if !r.awaitDeregistered(ctx) {
			return &sshforward.Error{Code: sshforward.EUNAVAILABLE,
				Message: sshforward.Textf("Sessions that were begun while the door was open are not seen to have ended yet.")}
		}
	}
	return r.register(ctx)
}

// cutWhileBuilding is cutIntruders of a lease that may have no load balancer yet, or
// none with the instance behind it. It asks first: what does not exist has no tags, and
// a role that goes by them is refused.
func (r *run) cutWhileBuilding(ctx context.Context) error {
	registered, _, err := r.registrations(ctx)
	switch {
	case sshforward.ErrorCode(err) == sshforward.ENOTFOUND:
		return nil
	case err != nil:
		return err
	case !registered && r.l.Resources.RegisteredAt.IsZero():
		return nil
	}
	return r.cutIntruders(ctx)
}

// putBackTags writes the tags as the store has them, where a survey has found
// that they are not.
func (r *run) putBackTags(ctx context.Context) error {
	if !r.l.Drift.Retagged && !r.l.Drift.Unsigned {
		return nil
	}
	return together(
		func() error { return r.tagEC2(ctx, nil) },
		func() error { return r.tagBalancer(ctx) },
	)
}

// stillHasGroup returns the group whose rules will be changed, which is provably
// the lease's.
func (r *run) stillHasGroup(ctx context.Context) (string, error) {
	ids, err := r.ownGroups(ctx)
	switch recorded := r.l.Resources.GroupID; {
	case err != nil:
		return "", err
	case slices.Contains(ids, recorded):
		return recorded, nil
	case recorded == "" && len(ids) > 0:
		return ids[0], nil
	}
	return "", gone("security group")
}

// registrations reports whether the lease's load balancer has the instance, and
// which others it has.
func (r *run) registrations(ctx context.Context) (registered bool, others []elbtypes.Instance, err error) {
	mine, err := r.ownsBalancer(ctx)
	var b elbtypes.LoadBalancerDescription
	if mine {
		b, err = r.describeBalancer(ctx)
	}
	switch {
	case errors.Is(err, errNoBalancer), err == nil && !mine:
		return false, nil, gone("load balancer")
	case err != nil:
		return false, nil, err
	case !isMade(b, r.l):
		return false, nil, invalid("The load balancer %s has other groups, listeners or instances than I gave it.", r.name)
	}
	others = strangers(b, r.l.Instance.ID)
	return len(others) < len(b.Instances), others, nil
}

// deregisterOthers takes what somebody else has put behind the lease's load balancer
// away from it.
func (r *run) deregisterOthers(ctx context.Context, others []elbtypes.Instance) error {
	if len(others) == 0 {
		return nil
	}
	_, err := r.elb.DeregisterInstancesFromLoadBalancer(ctx, &elb.DeregisterInstancesFromLoadBalancerInput{
		LoadBalancerName: aws.String(r.name), Instances: others,
	})
	if hasCode(err, balancerInstance) {
		return nil // somebody else was first
	}
	return r.failed(err, "take other instances from the load balancer")
}

// readInstance returns what the lease's instance is now. It asks by the id: a look
// with a filter fails for another zone's outage too.
func (r *run) readInstance(ctx context.Context) (sshforward.Instance, error) {
	if !instanceIDRE.MatchString(r.l.Instance.ID) {
		return sshforward.Instance{}, gone("instance")
	}
	found, err := r.find(ctx, r.l.Instance.ID)
	if err != nil {
		return sshforward.Instance{}, err
	}
	if len(found) == 0 || !found[0].PrivateIP.Is4() || len(found[0].Groups) == 0 {
		return sshforward.Instance{}, gone("instance")
	}
	return found[0], nil
}
