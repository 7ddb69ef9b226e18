package provisioner

import (
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

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

func masked(prefixes []netip.Prefix) []netip.Prefix {
	out := make([]netip.Prefix, 0, len(prefixes))
	for _, p := range prefixes {
		out = append(out, p.Masked())
	}
	return out
}
