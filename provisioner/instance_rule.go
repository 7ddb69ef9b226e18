package provisioner

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

// admitBalancer adds the one rule to one of the instance's own groups: the
// first that has room for it.
func (r *run) admitBalancer(ctx context.Context) error {
	const doing = "let the load balancer in at the instance"
	if r.l.Resources.InstanceRuleID != "" {
		return nil // a repeat could put a second one into another group
	}
	perm := tcp(r.l.TargetPort)
	perm.UserIdGroupPairs = []types.UserIdGroupPair{{
		GroupId: r.groupID(), Description: aws.String("sshforward " + r.l.ID),
	}}
	var full error
	for _, group := range r.l.Instance.Groups {
		out, err := r.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: aws.String(group), IpPermissions: []types.IpPermission{perm},
			TagSpecifications: tagSpec(types.ResourceTypeSecurityGroupRule, Tags(r.p.deployment, r.l)),
		})
		switch {
		case hasCode(err, rulesLimit):
			full = err
			continue
		case hasCode(err, permissionDuplicate):
			return r.adoptRule(ctx, group)
		case err != nil:
			return r.tolerate(err, doing, groupNotFound...)
		case len(out.SecurityGroupRules) == 0:
			return r.adoptRule(ctx, group)
		}
		r.recordRule(group, aws.ToString(out.SecurityGroupRules[0].SecurityGroupRuleId))
		return nil
	}
	return &sshforward.Error{
		Code: sshforward.EQUOTA,
		Message: sshforward.Textf("None of the security groups of instance %s has room for one more rule; "+
			"remove one or raise the quota.", r.l.Instance.ID),
		Err: full,
	}
}

func (r *run) recordRule(group, rule string) {
	r.learn(func(res *sshforward.Resources) { res.InstanceGroupID, res.InstanceRuleID = group, rule })
}

// adoptRule reads back the rule that a lost call has made.
func (r *run) adoptRule(ctx context.Context, group string) error {
	rules, err := r.ownRules(ctx)
	if err != nil {
		return err
	}
	for _, rule := range rules {
		if aws.ToString(rule.GroupId) == group {
			r.recordRule(group, aws.ToString(rule.SecurityGroupRuleId))
			return nil
		}
	}
	if r.sinceStage() < visibilityDelay {
		r.later(r.patience(), "AWS does not see yet what was just created.")
		return nil
	}
	return foreign("rule for the load balancer in the group", group)
}

// ownRules lists the lease's rules in groups that are not its own, by tag. The
// rules of the lease's own group name addresses; the one in the instance's
// group names a group.
func (r *run) ownRules(ctx context.Context) ([]types.SecurityGroupRule, error) {
	rules, err := r.taggedRules(ctx)
	return slices.DeleteFunc(rules, func(rule types.SecurityGroupRule) bool { return rule.ReferencedGroupInfo == nil }), err
}

// taggedRules lists the rules that carry the lease's tags, wherever they are.
func (r *run) taggedRules(ctx context.Context) ([]types.SecurityGroupRule, error) {
	rules, err := r.rules(ctx, "list the rules of the lease", r.p.ownFilters(r.l)...)
	return slices.DeleteFunc(rules, func(rule types.SecurityGroupRule) bool { return !r.p.owns(r.l, fromEC2Tags(rule.Tags)) }), err
}

// revoke is content if the rule, or the group it was in, is gone.
func (r *run) revoke(ctx context.Context, group, rule string) error {
	_, err := r.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
		GroupId: aws.String(group), SecurityGroupRuleIds: []string{rule},
	})
	if hasCode(err, ruleNotFound, permissionNotFound) || hasCode(err, groupNotFound...) {
		return nil
	}
	if hasCode(err, denied...) {
		// A permission that asks for tags may be refused on what is gone and
		// has none any more; whether it is gone, a look tells.
		if rules, lookErr := r.ownRules(ctx); lookErr == nil && len(rules) == 0 {
			return nil
		}
	}
	return r.failed(err, "revoke the rule in the instance's group")
}
