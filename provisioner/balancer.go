package provisioner

import (
	"context"
	"errors"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// makeBalancer does the stage that needs the group and nothing else: the
// rules of both groups and the load balancer, all at once.
func (w *pass) makeBalancer(ctx context.Context) {
	if w.l.Resources.GroupID == "" {
		w.fail(&sshforward.Error{Code: sshforward.EINTERNAL, Message: sshforward.Textf("The lease has no security group yet.")})
		return
	}
	w.together(
		func() error { return w.allowSources(ctx, w.l.Sources) },
		func() error {
			return w.revokeDefault(ctx, types.IpPermission{IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}})
		},
		func() error {
			return w.revokeDefault(ctx, types.IpPermission{Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("::/0")}}})
		},
		func() error { return w.allowTarget(ctx) },
		func() error { return w.admitBalancer(ctx) },
		func() error { return w.createBalancer(ctx) },
	)
}

// groupID is the lease's own group; it is known before this stage begins.
func (w *pass) groupID() *string { return aws.String(w.l.Resources.GroupID) }

func tcp(port int) types.IpPermission {
	return types.IpPermission{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(int32(port)), ToPort: aws.Int32(int32(port)),
	}
}

// allowSources lets the user's addresses in at the listener. One call is all
// or nothing, but it is refused whole when one of its rules exists; then each
// source is asked for by itself, so that all are there in the end.
func (w *pass) allowSources(ctx context.Context, sources []netip.Prefix) error {
	err := w.allowIngress(ctx, sources)
	if hasCode(err, permissionDuplicate) && len(sources) > 1 {
		for _, s := range sources {
			if err = w.allowIngress(ctx, []netip.Prefix{s}); err != nil && !hasCode(err, permissionDuplicate) {
				break
			}
		}
	}
	if hasCode(err, permissionDuplicate) {
		return nil
	}
	return w.settle(err, "let the source addresses in", groupNotFound...)
}

func (w *pass) allowIngress(ctx context.Context, sources []netip.Prefix) error {
	perm := tcp(w.l.ListenerPort)
	for _, s := range sources {
		perm.IpRanges = append(perm.IpRanges, types.IpRange{
			CidrIp: aws.String(s.Masked().String()), Description: aws.String("sshforward " + w.l.ID),
		})
	}
	_, err := w.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: w.groupID(), IpPermissions: []types.IpPermission{perm},
		TagSpecifications: w.ruleTags(),
	})
	return err
}

// ruleTags are for the rules of the lease's own group. They go with the group,
// so they carry no end that would have to be moved.
func (w *pass) ruleTags() []types.TagSpecification {
	return tagSpec(types.ResourceTypeSecurityGroupRule, ownTags(w.p.deployment, w.l))
}

// revokeDefault takes away what a new group allows: everything out, and in a
// VPC with IPv6 that once more. Each is a call of its own, since one that names
// a rule which is not there is refused whole; nothing that was read by now says
// whether the VPC has IPv6, and asking would be a call as well. When it is gone
// already a default VPC says nothing and any other says so.
func (w *pass) revokeDefault(ctx context.Context, everything types.IpPermission) error {
	everything.IpProtocol = aws.String("-1")
	_, err := w.ec2.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{
		GroupId: w.groupID(), IpPermissions: []types.IpPermission{everything},
	})
	if hasCode(err, permissionNotFound) {
		return nil
	}
	return w.settle(err, "revoke the group's default rule", groupNotFound...)
}

// allowTarget lets the load balancer out to the one instance and port.
func (w *pass) allowTarget(ctx context.Context) error {
	perm := tcp(w.l.TargetPort)
	perm.IpRanges = []types.IpRange{{
		CidrIp:      aws.String(netip.PrefixFrom(w.l.Instance.PrivateIP, 32).String()),
		Description: aws.String("sshforward " + w.l.ID),
	}}
	_, err := w.ec2.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{
		GroupId: w.groupID(), IpPermissions: []types.IpPermission{perm},
		TagSpecifications: w.ruleTags(),
	})
	if hasCode(err, permissionDuplicate) {
		return nil
	}
	return w.settle(err, "let the load balancer out to the instance", groupNotFound...)
}

// admitBalancer adds the one rule to one of the instance's own groups: the
// first that has room for it.
func (w *pass) admitBalancer(ctx context.Context) error {
	const doing = "let the load balancer in at the instance"
	if w.l.Resources.InstanceRuleID != "" {
		return nil // a repeat could put a second one into another group
	}
	perm := tcp(w.l.TargetPort)
	perm.UserIdGroupPairs = []types.UserIdGroupPair{{
		GroupId: w.groupID(), Description: aws.String("sshforward " + w.l.ID),
	}}
	var full error
	for _, group := range w.l.Instance.Groups {
		out, err := w.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: aws.String(group), IpPermissions: []types.IpPermission{perm},
			TagSpecifications: tagSpec(types.ResourceTypeSecurityGroupRule, Tags(w.p.deployment, w.l)),
		})
		switch {
		case hasCode(err, rulesLimit):
			full = err
			continue
		case hasCode(err, permissionDuplicate):
			return w.adoptRule(ctx, group)
		case err != nil:
			return w.settle(err, doing, groupNotFound...)
		case len(out.SecurityGroupRules) == 0:
			return w.adoptRule(ctx, group)
		}
		w.holds(group, aws.ToString(out.SecurityGroupRules[0].SecurityGroupRuleId))
		return nil
	}
	return &sshforward.Error{
		Code:    sshforward.EQUOTA,
		Message: sshforward.Textf("None of the security groups of instance %s has room for one more rule; remove one or raise the quota.", w.l.Instance.ID),
		Err:     full,
	}
}

func (w *pass) holds(group, rule string) {
	w.learn(func(r *sshforward.Resources) { r.InstanceGroupID, r.InstanceRuleID = group, rule })
}

// adoptRule reads back the rule that a lost call has made.
func (w *pass) adoptRule(ctx context.Context, group string) error {
	rules, err := w.ownRules(ctx)
	if err != nil {
		return err
	}
	for _, r := range rules {
		if aws.ToString(r.GroupId) == group {
			w.holds(group, aws.ToString(r.SecurityGroupRuleId))
			return nil
		}
	}
	if w.sinceStage() < settling {
		w.later(w.patience(), "AWS does not see yet what was just created.")
		return nil
	}
	return foreign("rule for the load balancer in the group", group)
}

// ownRules lists the lease's rules in groups that are not its own, by tag. The
// rules of the lease's own group name addresses; the one in the instance's
// group names a group.
func (w *pass) ownRules(ctx context.Context) ([]types.SecurityGroupRule, error) {
	rules, err := w.taggedRules(ctx)
	return slices.DeleteFunc(rules, func(r types.SecurityGroupRule) bool { return r.ReferencedGroupInfo == nil }), err
}

// taggedRules lists the rules that carry the lease's tags, wherever they are.
func (w *pass) taggedRules(ctx context.Context) ([]types.SecurityGroupRule, error) {
	rules, err := w.rules(ctx, "list the rules of the lease", w.p.ownFilters(w.l)...)
	return slices.DeleteFunc(rules, func(r types.SecurityGroupRule) bool { return !w.p.owns(w.l, fromEC2Tags(r.Tags)) }), err
}

// createBalancer makes the load balancer or adopts it. Creating has no token:
// repeated with the same settings it succeeds at AWS, and whatever it says,
// only the tags prove that the one with this name is the lease's.
func (w *pass) createBalancer(ctx context.Context) error {
	const doing = "create the load balancer"
	out, err := w.elb.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
		LoadBalancerName: aws.String(w.name),
		Listeners: []elbtypes.Listener{{
			Protocol: aws.String("TCP"), LoadBalancerPort: int32(w.l.ListenerPort),
			InstanceProtocol: aws.String("TCP"), InstancePort: aws.Int32(int32(w.l.TargetPort)),
		}},
		Subnets:        []string{w.l.Placement.Subnet},
		SecurityGroups: []string{w.l.Resources.GroupID},
		Tags:           elbTags(balancerTags(w.p.deployment, w.l)),
	})
	dns := ""
	switch {
	case err == nil:
		dns = aws.ToString(out.DNSName)
	case !hasCode(err, balancerDuplicate):
		return w.settle(err, doing, groupNotFound...)
	}
	switch mine, err := w.ownsBalancer(ctx); {
	case errors.Is(err, errNoBalancer):
		w.later(w.patience(), "AWS does not see yet what was just created.")
		return nil
	case err != nil:
		return err
	case !mine:
		return foreign("load balancer", w.name)
	}
	if dns == "" {
		if dns, err = w.readBalancer(ctx); err != nil || dns == "" {
			return err
		}
	}
	w.learn(func(r *sshforward.Resources) { r.DNSName = dns })
	return nil
}

// errNoBalancer: there is none of the lease's name, or it cannot be seen yet.
var errNoBalancer = errors.New("no such load balancer")

// ownsBalancer reports whether the load balancer of the lease's name is the
// lease's. errNoBalancer if there is none.
func (w *pass) ownsBalancer(ctx context.Context) (bool, error) {
	out, err := w.elb.DescribeTags(ctx, &elb.DescribeTagsInput{LoadBalancerNames: []string{w.name}})
	switch {
	case hasCode(err, balancerNotFound):
		return false, errNoBalancer
	case err != nil:
		return false, w.failed(err, "read the load balancer's tags")
	}
	for _, d := range out.TagDescriptions {
		if aws.ToString(d.LoadBalancerName) == w.name {
			return w.p.owns(w.l, fromELBTags(d.Tags)), nil
		}
	}
	return false, errNoBalancer
}

// readBalancer reads an adopted load balancer's DNS name, which the create
// that found it may have left out.
func (w *pass) readBalancer(ctx context.Context) (string, error) {
	out, err := w.elb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{w.name}})
	if err != nil {
		return "", w.settle(err, "read the load balancer", balancerNotFound)
	}
	for _, b := range out.LoadBalancerDescriptions {
		if !slices.Contains(b.SecurityGroups, w.l.Resources.GroupID) {
			return "", invalid("The load balancer %s has another security group than the lease; close the lease and open a new one.", w.name)
		}
		if dns := aws.ToString(b.DNSName); dns != "" {
			return dns, nil
		}
	}
	w.later(w.patience(), "AWS does not see yet what was just created.")
	return "", nil
}
