package provisioner

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// read makes a lease of each sighting, as far as its tags say.
func (s *look) read() map[string]*sshforward.Lease {
	out := map[string]*sshforward.Lease{}
	for id, x := range s.leases {
		tags := x.merged()
		tags[TagDeployment], tags[TagLease] = s.p.deployment, id // a schedule has none
		l, ok := FromTags(s.p.deployment, tags, s.Account)
		if !ok {
			continue
		}
		x.fill(l)
		out[id] = l
	}
	return out
}

// instances are those that the leases name.
func (s *look) instances(leases map[string]*sshforward.Lease) []string {
	var ids []string
	for _, l := range leases {
		ids = append(ids, l.Instance.ID)
	}
	return ids
}

// merged are the tags of all that was seen of the lease. What says more comes
// first; but a process that died while it moved the end has moved it on some
// things only. Then the clock has started if one of them says so, and the end
// is the latest that any of those says, since an end that was decided is only
// ever moved back: before the clock starts the tags say the latest possible.
func (x *sighting) merged() map[string]string {
	tags := merged(x.tags)
	end := func(started bool) (latest string) {
		var at time.Time
		for _, t := range x.tags {
			e, err := time.Parse(time.RFC3339, t[TagExpires])
			if err == nil && (t[TagOpened] != "" || !started) && e.After(at) {
				at, latest = e, t[TagExpires]
			}
		}
		return latest
	}
	if e := end(tags[TagOpened] != ""); e != "" {
		tags[TagExpires] = e
	}
	return tags
}

// withPorts adds the ports to a load balancer's tags, which do not say them.
func withPorts(tags map[string]string, b elbtypes.LoadBalancerDescription) map[string]string {
	tags = maps.Clone(tags)
	if len(b.ListenerDescriptions) == 1 && b.ListenerDescriptions[0].Listener != nil {
		l := b.ListenerDescriptions[0].Listener
		tags[TagListenerPort] = strconv.Itoa(int(l.LoadBalancerPort))
		tags[TagTargetPort] = strconv.Itoa(int(aws.ToInt32(l.InstancePort)))
	}
	return tags
}

// fill adds to the lease what AWS says of it other than by tags.
func (x *sighting) fill(l *sshforward.Lease) {
	if x.group != nil {
		l.Resources.GroupID = aws.ToString(x.group.GroupId)
		l.Instance.VPC = aws.ToString(x.group.VpcId)
	}
	if b := x.balancer; b != nil {
		l.Resources.DNSName = aws.ToString(b.DNSName)
		if len(b.Subnets) > 0 {
			l.Placement.Subnet = b.Subnets[0]
		}
	}
	for _, r := range x.ownRules {
		if cidr, ok := admits(r, l.ListenerPort); ok && ownedBy(r, l.ID) {
			l.Sources = append(l.Sources, cidr)
		}
	}
	slices.SortFunc(l.Sources, netip.Prefix.Compare)
}

// found says what there is of the lease. Whether it is right depends on the
// instance, which is looked at last.
func (x *sighting) found(l *sshforward.Lease, instances map[string]sshforward.Instance) sshforward.Found {
	in, known := instances[l.Instance.ID]
	f := sshforward.Found{Lease: l, Group: x.group != nil, Balancer: x.balancer != nil, DeadMan: x.scheduled}
	if x.balancer != nil {
		f.Registered = slices.ContainsFunc(x.balancer.Instances, func(i elbtypes.Instance) bool {
			return aws.ToString(i.InstanceId) == l.Instance.ID
		})
	}
	out := false // the load balancer may reach the instance
	for _, r := range x.ownRules {
		if cidr, ok := opens(r, l.ListenerPort); ok && !slices.Contains(f.Ingress, cidr) {
			f.Ingress = append(f.Ingress, cidr)
		}
		cidr, admitted := admits(r, l.ListenerPort)
		switch {
		case admitted && slices.Contains(l.Sources, cidr):
		case letsOut(r, l, in):
			out = true
		default:
			f.Widened = true
		}
	}
	slices.SortFunc(f.Ingress, netip.Prefix.Compare)
	for i, r := range x.rules {
		right := l.Resources.GroupID != "" && letsIn(r, l) && (!known || slices.Contains(in.Groups, aws.ToString(r.GroupId)))
		if i == 0 || right && !f.Rule {
			l.Resources.InstanceGroupID = aws.ToString(r.GroupId)
			l.Resources.InstanceRuleID = aws.ToString(r.SecurityGroupRuleId)
		}
		f.Rule = f.Rule || right
	}
	// The way from the load balancer to the instance needs a rule at both
	// ends, and one end without the other is as good as none.
	f.Rule = f.Rule && out
	return f
}

// ownedBy reports whether a rule of a lease's group was made by us.
func ownedBy(r types.SecurityGroupRule, lease string) bool {
	for _, t := range r.Tags {
		if aws.ToString(t.Key) == TagLease {
			return aws.ToString(t.Value) == lease
		}
	}
	return false
}

func isTCP(r types.SecurityGroupRule, port int) bool {
	return aws.ToString(r.IpProtocol) == "tcp" &&
		int(aws.ToInt32(r.FromPort)) == port && int(aws.ToInt32(r.ToPort)) == port
}

func cidrOf(r types.SecurityGroupRule) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(aws.ToString(r.CidrIpv4))
	return p, err == nil
}

// admits reports whether a rule lets addresses in at the port and does nothing
// else, and which.
func admits(r types.SecurityGroupRule, port int) (netip.Prefix, bool) {
	if aws.ToBool(r.IsEgress) || !isTCP(r, port) {
		return netip.Prefix{}, false
	}
	return cidrOf(r)
}

// opens reports whether a rule lets addresses in at the port, among whatever
// else it does, and which.
func opens(r types.SecurityGroupRule, port int) (netip.Prefix, bool) {
	if aws.ToBool(r.IsEgress) {
		return netip.Prefix{}, false
	}
	switch aws.ToString(r.IpProtocol) {
	case "-1":
	case "tcp":
		if from, to := int(aws.ToInt32(r.FromPort)), int(aws.ToInt32(r.ToPort)); port < from || port > to {
			return netip.Prefix{}, false
		}
	default:
		return netip.Prefix{}, false
	}
	return cidrOf(r)
}

// letsOut reports whether a rule of the lease's group lets the load balancer
// out to the instance, and to nothing else. When the instance is gone nobody
// knows its address, and the one that we wrote counts.
func letsOut(r types.SecurityGroupRule, l *sshforward.Lease, in sshforward.Instance) bool {
	cidr, ok := cidrOf(r)
	if !ok || !aws.ToBool(r.IsEgress) || !isTCP(r, l.TargetPort) || !cidr.IsSingleIP() {
		return false
	}
	if !in.PrivateIP.IsValid() {
		return ownedBy(r, l.ID)
	}
	return cidr.Addr() == in.PrivateIP
}

// letsIn reports whether a rule of the instance's group lets the load balancer
// in as it should.
func letsIn(r types.SecurityGroupRule, l *sshforward.Lease) bool {
	return !aws.ToBool(r.IsEgress) && isTCP(r, l.TargetPort) && r.ReferencedGroupInfo != nil &&
		aws.ToString(r.ReferencedGroupInfo.GroupId) == l.Resources.GroupID
}
