package provisioner

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

// What ELB asks of a subnet.
const (
	minFree = 8  // addresses
	maxMask = 27 // bits
)

// chooseSubnet picks where the load balancer goes: of the public subnets in
// the instance's VPC and zone that can be reached and are big enough, the one
// with most free addresses; of equals, the first by id.
func (a *account) chooseSubnet(in sshforward.Instance, subnets []types.Subnet, tables []types.RouteTable) (string, error) {
	var public, reached, fit []types.Subnet
	for _, s := range subnets {
		if aws.ToString(s.VpcId) != in.VPC || aws.ToString(s.AvailabilityZone) != in.Zone || aws.ToString(s.OutpostArn) != "" {
			continue
		}
		// What the operator has named may lead to a firewall first.
		named := slices.Contains(a.Subnets, aws.ToString(s.SubnetId))
		if !named && (len(a.Subnets) > 0 || !isPublic(s, tables)) {
			continue
		}
		public = append(public, s)
		if isBlocked(s) {
			continue
		}
		reached = append(reached, s)
		cidr, err := netip.ParsePrefix(aws.ToString(s.CidrBlock)) // none if IPv6 only
		if err == nil && cidr.Bits() <= maxMask && aws.ToInt32(s.AvailableIpAddressCount) >= minFree {
			fit = append(fit, s)
		}
	}
	switch {
	case len(public) == 0 && len(a.Subnets) > 0:
		return "", invalid("None of the subnets that load balancers may stand in is in %s of %s, where instance %s is; "+
			"the operator can add one to the configuration.", in.Zone, in.VPC, in.ID)
	case len(public) == 0:
		return "", invalid("There is no public subnet in %s of %s, where instance %s is: "+
			"a load balancer needs one there, with a route for 0.0.0.0/0 to an internet gateway.", in.Zone, in.VPC, in.ID)
	case len(reached) == 0:
		return "", invalid("VPC Block Public Access lets nobody in to the public subnets in %s of %s, where instance %s is. "+
			"An operator can exclude one of them from it.", in.Zone, in.VPC, in.ID)
	case len(fit) == 0:
		return "", invalid("No public subnet in %s of %s is big enough for a load balancer: "+
			"it needs a /%d or larger with %d free addresses.", in.Zone, in.VPC, maxMask, minFree)
	}
	best := slices.MinFunc(fit, func(x, y types.Subnet) int {
		return cmp.Or(
			cmp.Compare(aws.ToInt32(y.AvailableIpAddressCount), aws.ToInt32(x.AvailableIpAddressCount)),
			strings.Compare(aws.ToString(x.SubnetId), aws.ToString(y.SubnetId)),
		)
	})
	return aws.ToString(best.SubnetId), nil
}

// stillReached is nil if whoever is let in gets as far as the subnet in which a
// load balancer stands.
func (a *account) stillReached(standing string, subnets []types.Subnet, tables []types.RouteTable) error {
	i := slices.IndexFunc(subnets, func(s types.Subnet) bool { return aws.ToString(s.SubnetId) == standing })
	named := slices.Contains(a.Subnets, standing)
	switch {
	case i < 0:
		return invalid("The subnet %s, in which the load balancer was built while approval was waited for, is not there any more. "+
			"Ask again.", standing)
	case len(a.Subnets) > 0 && !named:
		return invalid("The load balancer was built in %s while approval was waited for, and the configuration does not name that subnet "+
			"any more. Ask again.", standing)
	case !named && !isPublic(subnets[i], tables):
		return invalid("The subnet %s, in which the load balancer was built while approval was waited for, has no route for 0.0.0.0/0 "+
			"to an internet gateway any more, so nobody would get through. Ask again.", standing)
	case isBlocked(subnets[i]):
		return invalid("VPC Block Public Access lets nobody in to %s any more, in which the load balancer was built while approval was "+
			"waited for. An operator can exclude that subnet from it; then ask again.", standing)
	}
	return nil
}

// isBlocked: VPC Block Public Access keeps out whoever comes through the internet
// gateway. Routes stay active and health checks pass all the same.
func isBlocked(s types.Subnet) bool {
	b := s.BlockPublicAccessStates
	return b != nil && b.InternetGatewayBlockMode != "" && b.InternetGatewayBlockMode != types.BlockPublicAccessModeOff
}

// anyIPv6 reports whether the VPC of these route tables, which are all that it has,
// may have an IPv6 range: each of them has the local route of each range.
func anyIPv6(tables []types.RouteTable) bool {
	return len(tables) == 0 || slices.ContainsFunc(tables, func(t types.RouteTable) bool {
		return slices.ContainsFunc(t.Routes, func(r types.Route) bool { return aws.ToString(r.DestinationIpv6CidrBlock) != "" })
	})
}

// isPublic: the subnet's own route table, or else the VPC's main one, has an
// active IPv4 default route to an internet gateway.
func isPublic(s types.Subnet, tables []types.RouteTable) bool {
	var explicit, main *types.RouteTable
	for i := range tables {
		if aws.ToString(tables[i].VpcId) != aws.ToString(s.VpcId) {
			continue
		}
		for _, as := range tables[i].Associations {
			switch {
			case aws.ToBool(as.Main):
				main = &tables[i]
			case aws.ToString(as.SubnetId) == aws.ToString(s.SubnetId):
				explicit = &tables[i]
			}
		}
	}
	table := cmp.Or(explicit, main)
	return table != nil && slices.ContainsFunc(table.Routes, func(r types.Route) bool {
		return aws.ToString(r.DestinationCidrBlock) == "0.0.0.0/0" &&
			r.State == types.RouteStateActive &&
			strings.HasPrefix(aws.ToString(r.GatewayId), "igw-")
	})
}
