package provisioner

import (
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

// admitBalancer adds the one rule to one of the instance's own groups: the first
// that takes it. One may have no room; another may be none that the bot is let
// at, because the policy wants a mark on it or because it belongs to another
// account; a third may not be found, because it is another VPC's.
func (r *run) admitBalancer(ctx context.Context) error {
	const doing = "let the load balancer in at the instance"
	if r.l.Resources.InstanceRuleID != "" {
		return nil // a repeat could put a second one into another group
	}
	perm := tcp(r.l.TargetPort)
	perm.UserIdGroupPairs = []types.UserIdGroupPair{{
		GroupId: r.groupID(), Description: aws.String(ruleDescription(r.l.ID)),
	}}
	var full, refused, missing error
	for _, group := range r.l.Instance.Groups {
		out, err := r.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: aws.String(group), IpPermissions: []types.IpPermission{perm},
			TagSpecifications: tagSpec(types.ResourceTypeSecurityGroupRule, r.withTags(Tags(r.p.deployment, r.l))),
		})
		switch {
		case hasCode(err, rulesLimit):
			full = err
			continue
		case hasCode(err, denied...):
			refused = err
			continue
		case hasCode(err, groupNotFound...):
			missing = err // or it is the lease's own group that is not to be seen yet
			continue
		case hasCode(err, permissionDuplicate):
			return r.adoptRule(ctx, group)
		case err != nil:
			return r.failed(err, doing)
		case len(out.SecurityGroupRules) == 0:
			return r.adoptRule(ctx, group)
		}
		r.recordRule(group, aws.ToString(out.SecurityGroupRules[0].SecurityGroupRuleId))
		return nil
	}
	switch {
	case missing != nil && r.sinceStage() < visibilityDelay:
		return r.tolerate(missing, doing, groupNotFound...)
	case full != nil: // which says that this one is meant for the bot
		return &sshforward.Error{
			Code: sshforward.EQUOTA,
			Message: sshforward.Textf("None of the security groups of instance %s has room for one more rule; "+
				"remove one or raise the quota.", r.l.Instance.ID),
			Err: full,
		}
	case refused != nil:
		return r.failed(refused, doing)
	}
	return r.failed(missing, doing)
}

func (r *run) recordRule(group, rule string) {
	r.learn(func(res *sshforward.Resources) { res.InstanceGroupID, res.InstanceRuleID = group, rule })
}

// adoptRule reads back the rule that a lost call has made. AWS says that there is
// one which lets the lease's group in at the port, and there can be no second.
func (r *run) adoptRule(ctx context.Context, group string) error {
	rules, err := r.rulesIn(ctx, []string{group})
	if err != nil {
		return err
	}
	for _, rule := range rules {
		if letsIn(rule, r.l) {
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

// ownRules lists what is provably the lease's in groups that are not its own.
func (r *run) ownRules(ctx context.Context) ([]types.SecurityGroupRule, error) {
	rules, err := r.taggedRules(ctx)
	if err != nil || slices.ContainsFunc(rules, hasID(r.l.Resources.InstanceRuleID)) {
		return rules, err
	}
	recorded, err := r.recordedRules(ctx)
	return append(rules, recorded...), err
}

// taggedRules lists those of them that carry the lease's tags.
func (r *run) taggedRules(ctx context.Context) ([]types.SecurityGroupRule, error) {
	rules, err := r.rules(ctx, "list the rules of the lease",
		filter("tag:"+TagDeployment, r.p.deployment), filter("tag:"+TagLease, r.l.ID))
	if err != nil {
		return nil, err
	}
	return r.proven(ctx, rules)
}

// recordedRules lists the one that is recorded, which may have lost its tags, if
// it is what was recorded: somebody can make something else of a rule that has an
// id.
func (r *run) recordedRules(ctx context.Context) ([]types.SecurityGroupRule, error) {
	if r.l.Resources.InstanceRuleID == "" {
		return nil, nil
	}
	rules, err := r.rulesByID(ctx, []string{r.l.Resources.InstanceRuleID})
	if err != nil {
		return nil, err
	}
	return r.proven(ctx, rules)
}

func hasID(id string) func(types.SecurityGroupRule) bool {
	return func(rule types.SecurityGroupRule) bool { return aws.ToString(rule.SecurityGroupRuleId) == id }
}

// proven picks the rules that are the lease's by structure; see ownership.go.
// Those of the lease's own group are not among them.
func (r *run) proven(ctx context.Context, rules []types.SecurityGroupRule) ([]types.SecurityGroupRule, error) {
	rules = slices.DeleteFunc(rules, func(rule types.SecurityGroupRule) bool {
		_, ok := groupIn(rule)
		lease, described := r.p.describedLease(rule)
		recorded := aws.ToString(rule.SecurityGroupRuleId) == r.l.Resources.InstanceRuleID
		return !ok || !recorded && (!described || lease != r.l.ID)
	})
	if len(rules) == 0 {
		return nil, nil
	}
	own := []string{r.l.Resources.GroupID}
	if own[0] == "" {
		var err error
		if own, err = r.ownGroups(ctx); err != nil {
			return nil, err
		}
	}
	var others []string
	for _, rule := range rules {
		if group, _ := groupIn(rule); !slices.Contains(own, group) {
			others = append(others, group)
		}
	}
	there, err := r.existing(ctx, others)
	return slices.DeleteFunc(rules, func(rule types.SecurityGroupRule) bool {
		group, _ := groupIn(rule)
		forgotten := !slices.Contains(own, group) && !describedAs(rule, r.l.ID)
		return forgotten || slices.Contains(there, group) || slices.Contains(own, aws.ToString(rule.GroupId))
	}), err
}

// referring lists the rules of other groups that let the group in. They keep it
// from being deleted.
func (r *run) referring(ctx context.Context, group string) ([]types.SecurityGroupRule, error) {
	groups, err := r.groups(ctx, "list the groups that let the lease's group in", filter("ip-permission.group-id", group))
	if err != nil {
		return nil, err
	}
	rules, err := r.rulesIn(ctx, groupIDs(groups))
	return slices.DeleteFunc(rules, func(rule types.SecurityGroupRule) bool {
		return rule.ReferencedGroupInfo == nil || aws.ToString(rule.ReferencedGroupInfo.GroupId) != group ||
			aws.ToString(rule.GroupId) == group
	}), err
}

// revokeRecorded revokes the permission that the recorded rule gives: the lease's
// group to the one port. It reports whether there was one; that there was none is
// an error, but in a default VPC.
func (r *run) revokeRecorded(ctx context.Context) (there bool, err error) {
	perm := tcp(r.l.TargetPort)
	perm.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: r.groupID()}}
	out, err := r.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
		GroupId: aws.String(r.l.Resources.InstanceGroupID), IpPermissions: []types.IpPermission{perm},
	})
	if hasCode(err, permissionNotFound) || hasCode(err, groupUnseen...) {
		return false, nil
	}
	if err != nil {
		return false, r.failed(err, "revoke the rule in the instance's group")
	}
	return len(out.UnknownIpPermissions) == 0, nil
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
		if left, look := r.rulesByID(ctx, []string{rule}); look == nil && len(left) == 0 {
			return nil
		}
	}
	return r.failed(err, "revoke the rule in the instance's group")
}
