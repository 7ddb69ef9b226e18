package provisioner

import (
	"context"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// keep picks the rules of the lease's group that are as they should be. A
// source needs our tags as well: they are what says, when the store is lost,
// that it was leased.
func (r *run) keep(inside []types.SecurityGroupRule) []types.SecurityGroupRule {
	var kept []types.SecurityGroupRule
	for _, rule := range inside {
		cidr, admitted := admits(rule, r.l.ListenerPort)
		leased := admitted && !r.l.Locked() && r.p.isOurs(fromEC2Tags(rule.Tags)) && ownedBy(rule, r.l.ID) &&
			slices.Contains(masked(r.l.Admitted()), cidr)
		if leased || letsOut(rule, r.l, r.l.Instance) {
			kept = append(kept, rule)
		}
	}
	return kept
}

// keepOne picks the rule that lets the load balancer in at the instance, of the
// lease's rules in groups that are not its own; an empty one if there is none.
func (r *run) keepOne(outside []types.SecurityGroupRule) types.SecurityGroupRule {
	var one types.SecurityGroupRule
	for _, rule := range outside {
		right := letsIn(rule, r.l) && slices.Contains(r.l.Instance.Groups, aws.ToString(rule.GroupId))
		known := aws.ToString(rule.SecurityGroupRuleId) == r.l.Resources.InstanceRuleID
		if right && (known || one.SecurityGroupRuleId == nil) {
			one = rule
		}
	}
	return one
}

// takeOut revokes every other rule of the lease's group, whoever made it.
func (r *run) takeOut(ctx context.Context, group string, inside, kept []types.SecurityGroupRule) error {
	in, out := ruleIDs(slices.DeleteFunc(slices.Clone(inside), func(rule types.SecurityGroupRule) bool {
		return slices.ContainsFunc(kept, func(k types.SecurityGroupRule) bool {
			return aws.ToString(k.SecurityGroupRuleId) == aws.ToString(rule.SecurityGroupRuleId)
		})
	}), group)
	return r.revokeAll(ctx, group, in, out, "revoke what somebody added to the lease's security group")
}

// takeBack revokes the lease's rules in groups that are not its own, but for
// the one that is kept: the instance has left the group, or the port is another.
func (r *run) takeBack(ctx context.Context, outside []types.SecurityGroupRule, kept string) error {
	for _, rule := range outside {
		id := aws.ToString(rule.SecurityGroupRuleId)
		if id == kept {
			continue
		}
		if err := r.revoke(ctx, aws.ToString(rule.GroupId), id); err != nil {
			return err
		}
	}
	return nil
}

// putBackSources lets in again those of the leased sources that are not, unless
// they are being changed, which sees to them in its own order.
func (r *run) putBackSources(ctx context.Context, kept []types.SecurityGroupRule) error {
	if r.l.Locked() || r.l.Moving() {
		return nil
	}
	missing := slices.DeleteFunc(masked(r.l.Sources), func(s netip.Prefix) bool {
		return slices.ContainsFunc(kept, func(rule types.SecurityGroupRule) bool {
			cidr, ok := admits(rule, r.l.ListenerPort)
			return ok && cidr == s
		})
	})
	if len(missing) == 0 {
		return nil
	}
	return r.allowSources(ctx, missing)
}

func (r *run) putBackTarget(ctx context.Context, kept []types.SecurityGroupRule) error {
	if slices.ContainsFunc(kept, func(rule types.SecurityGroupRule) bool { return aws.ToBool(rule.IsEgress) }) {
		return nil
	}
	return r.allowTarget(ctx)
}
