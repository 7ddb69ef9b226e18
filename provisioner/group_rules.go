package provisioner

import (
	"context"
	"errors"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

func tcp(port int) types.IpPermission {
	return types.IpPermission{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(int32(port)), ToPort: aws.Int32(int32(port)),
	}
}

// allowSources lets the user's addresses in at the listener. One call is all
// or nothing, but it is refused whole when one of its rules exists; then each
// source is asked for by itself, so that all are there in the end.
func (r *run) allowSources(ctx context.Context, sources []netip.Prefix) error {
	err := r.allowIngress(ctx, sources)
	if hasCode(err, permissionDuplicate) && len(sources) > 1 {
		for _, s := range sources {
			if err = r.allowIngress(ctx, []netip.Prefix{s}); err != nil && !hasCode(err, permissionDuplicate) {
				break
			}
		}
	}
	if hasCode(err, permissionDuplicate) {
		return nil
	}
	return r.tolerate(err, "let the source addresses in", groupUnseen...)
}

// allowIngress is the one place that lets anybody in, and refuses while a yes is
// missing.
func (r *run) allowIngress(ctx context.Context, sources []netip.Prefix) error {
	if r.l.Locked() {
		return r.locked()
	}
	perm := tcp(r.l.ListenerPort)
	for _, s := range sources {
		perm.IpRanges = append(perm.IpRanges, types.IpRange{
			CidrIp: aws.String(s.Masked().String()), Description: aws.String(ruleDescription(r.l.ID)),
		})
	}
	_, err := r.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: r.groupID(), IpPermissions: []types.IpPermission{perm},
		TagSpecifications: r.ruleTags(),
	})
	return err
}

func (r *run) locked() error {
	return &sshforward.Error{
		Code:    sshforward.EINTERNAL,
		Message: sshforward.Textf("Nobody may be let in by lease %s yet.", r.l.ID),
	}
}

// lock takes out of the lease's group whatever lets anybody in.
func (r *run) lock(ctx context.Context) error {
	groups, err := r.ownGroups(ctx)
	if err != nil {
		return err
	}
	rules, err := r.rulesIn(ctx, groups)
	if err != nil {
		return err
	}
	var errs []error
	for _, g := range groups {
		in, _ := ruleIDs(rules, g)
		errs = append(errs, r.revokeAll(ctx, g, in, nil, "revoke what lets people in before the last yes"))
	}
	return errors.Join(errs...)
}

// ruleTags are for the rules of the lease's own group. They go with the group,
// so they carry no end that would have to be moved.
func (r *run) ruleTags() []types.TagSpecification {
	return tagSpec(types.ResourceTypeSecurityGroupRule, r.withTags(ownTags(r.p.deployment, r.l)))
}

// revokeDefault takes away what a new group allows: everything out, and in a
// VPC with IPv6 that once more. Each is a call of its own, since one that names
// a rule which is not there is refused whole; nothing that was read by now says
// whether the VPC has IPv6, and asking would be a call as well. When it is gone
// already a default VPC says nothing and any other says so.
func (r *run) revokeDefault(ctx context.Context, everything types.IpPermission) error {
	everything.IpProtocol = aws.String("-1")
	_, err := r.ec2.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{
		GroupId: r.groupID(), IpPermissions: []types.IpPermission{everything},
	})
	if hasCode(err, permissionNotFound) {
		return nil
	}
	return r.tolerate(err, "revoke the group's default rule", groupUnseen...)
}

// allowTarget lets the load balancer out to the one instance and port.
func (r *run) allowTarget(ctx context.Context) error {
	perm := tcp(r.l.TargetPort)
	perm.IpRanges = []types.IpRange{{
		CidrIp:      aws.String(netip.PrefixFrom(r.l.Instance.PrivateIP, 32).String()),
		Description: aws.String(ruleDescription(r.l.ID)),
	}}
	_, err := r.ec2.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{
		GroupId: r.groupID(), IpPermissions: []types.IpPermission{perm},
		TagSpecifications: r.ruleTags(),
	})
	if hasCode(err, permissionDuplicate) {
		return nil
	}
	return r.tolerate(err, "let the load balancer out to the instance", groupUnseen...)
}

// revokeAll revokes rules of a group that is proved to be the lease's.
func (r *run) revokeAll(ctx context.Context, group string, in, out []string, doing string) error {
	return together(
		func() error {
			if len(in) == 0 {
				return nil
			}
			_, err := r.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
				GroupId: aws.String(group), SecurityGroupRuleIds: in,
			})
			return r.failed(err, doing)
		},
		func() error {
			if len(out) == 0 {
				return nil
			}
			_, err := r.ec2.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{
				GroupId: aws.String(group), SecurityGroupRuleIds: out,
			})
			return r.failed(err, doing)
		},
	)
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
