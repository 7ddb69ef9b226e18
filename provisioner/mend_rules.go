package provisioner

import (
	"context"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// keep picks the rules of the lease's group that are as they should be. A
// source needs our tags as well: they are what says, when the store is lost,
// that it was leased.
func (w *pass) keep(inside []types.SecurityGroupRule) []types.SecurityGroupRule {
	var kept []types.SecurityGroupRule
	for _, r := range inside {
		cidr, admitted := admits(r, w.l.ListenerPort)
		leased := admitted && w.p.owns(w.l, fromEC2Tags(r.Tags)) && slices.Contains(masked(w.l.Sources), cidr)
		if leased || letsOut(r, w.l, w.l.Instance) {
			kept = append(kept, r)
		}
	}
	return kept
}

// keepOne picks the rule that lets the load balancer in at the instance, of
// those with the lease's tags in groups that are not its own; an empty one if
// there is none.
func (w *pass) keepOne(outside []types.SecurityGroupRule) types.SecurityGroupRule {
	var one types.SecurityGroupRule
	for _, r := range outside {
		right := letsIn(r, w.l) && slices.Contains(w.l.Instance.Groups, aws.ToString(r.GroupId))
		known := aws.ToString(r.SecurityGroupRuleId) == w.l.Resources.InstanceRuleID
		if right && (known || one.SecurityGroupRuleId == nil) {
			one = r
		}
	}
	return one
}

func masked(prefixes []netip.Prefix) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(prefixes))
	for _, p := range prefixes {
		out = append(out, p.Masked())
	}
	return out
}

// takeOut revokes every other rule of the lease's group, whoever made it.
func (w *pass) takeOut(ctx context.Context, group string, inside, kept []types.SecurityGroupRule) error {
	in, out := ruleIDs(slices.DeleteFunc(slices.Clone(inside), func(r types.SecurityGroupRule) bool {
		return slices.ContainsFunc(kept, func(k types.SecurityGroupRule) bool {
			return aws.ToString(k.SecurityGroupRuleId) == aws.ToString(r.SecurityGroupRuleId)
		})
	}), group)
	return w.revokeAll(ctx, group, in, out, "revoke what somebody added to the lease's security group")
}

// ruleIDs are the ids of a group's rules, by direction.
func ruleIDs(rules []types.SecurityGroupRule, group string) (in, out []string) {
	for _, r := range rules {
		id := aws.ToString(r.SecurityGroupRuleId)
		switch {
		case aws.ToString(r.GroupId) != group:
		case aws.ToBool(r.IsEgress):
			out = append(out, id)
		default:
			in = append(in, id)
		}
	}
	return in, out
}

// revokeAll revokes rules of a group that is proved to be the lease's.
func (w *pass) revokeAll(ctx context.Context, group string, in, out []string, doing string) error {
	return together(
		func() error {
			if len(in) == 0 {
				return nil
			}
			_, err := w.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
				GroupId: aws.String(group), SecurityGroupRuleIds: in,
			})
			return w.failed(err, doing)
		},
		func() error {
			if len(out) == 0 {
				return nil
			}
			_, err := w.ec2.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{
				GroupId: aws.String(group), SecurityGroupRuleIds: out,
			})
			return w.failed(err, doing)
		},
	)
}

// takeBack revokes the lease's rules in groups that are not its own, but for
// the one that is kept: the instance has left the group, or somebody has made
// something else of the rule. It carries our tags, so it is ours to revoke.
func (w *pass) takeBack(ctx context.Context, outside []types.SecurityGroupRule, kept string) error {
	for _, r := range outside {
		id := aws.ToString(r.SecurityGroupRuleId)
		if id == kept {
			continue
		}
		if err := w.revoke(ctx, aws.ToString(r.GroupId), id); err != nil {
			return err
		}
	}
	return nil
}

// putBackSources lets in again those of the leased sources that are not.
func (w *pass) putBackSources(ctx context.Context, kept []types.SecurityGroupRule) error {
	missing := slices.DeleteFunc(masked(w.l.Sources), func(s netip.Prefix) bool {
		return slices.ContainsFunc(kept, func(r types.SecurityGroupRule) bool {
			cidr, ok := admits(r, w.l.ListenerPort)
			return ok && cidr == s
		})
	})
	if len(missing) == 0 {
		return nil
	}
	return w.allowSources(ctx, missing)
}

func (w *pass) putBackTarget(ctx context.Context, kept []types.SecurityGroupRule) error {
	if slices.ContainsFunc(kept, func(r types.SecurityGroupRule) bool { return aws.ToBool(r.IsEgress) }) {
		return nil
	}
	return w.allowTarget(ctx)
}
