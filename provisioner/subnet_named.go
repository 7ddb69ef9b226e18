package provisioner

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// NamedSubnet is one of Account.Subnets as it is.
type NamedSubnet struct {
	ID, VPC, Zone string
	// Wrong says why no load balancer can stand in it.
	Wrong string
}

// NamedSubnets looks at the subnets that an account's configuration names.
func (p *Provisioner) NamedSubnets(ctx context.Context, name string) ([]NamedSubnet, error) {
	a, err := p.account(name)
	if err != nil || len(a.Subnets) == 0 {
		return nil, err
	}
	var there []types.Subnet
	// By filter: by ids, one that does not exist would fail the call for all.
	pages := ec2.NewDescribeSubnetsPaginator(a.ec2, &ec2.DescribeSubnetsInput{Filters: []types.Filter{filter("subnet-id", a.Subnets...)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, a.failed(err, "list the subnets")
		}
		there = append(there, page.Subnets...)
	}
	var out []NamedSubnet
	for _, id := range a.Subnets {
		n := NamedSubnet{ID: id}
		i := slices.IndexFunc(there, func(s types.Subnet) bool { return aws.ToString(s.SubnetId) == id })
		if i < 0 {
			n.Wrong = fmt.Sprintf("it does not exist in %s", a.Region)
			out = append(out, n)
			continue
		}
		s := there[i]
		n.VPC, n.Zone = aws.ToString(s.VpcId), aws.ToString(s.AvailabilityZone)
		cidr, err := netip.ParsePrefix(aws.ToString(s.CidrBlock))
		switch {
		case aws.ToString(s.OutpostArn) != "" || !ordinaryZone.MatchString(aws.ToString(s.AvailabilityZoneId)):
			n.Wrong = fmt.Sprintf("it is in no ordinary availability zone (%s)", n.Zone)
		case err != nil:
			n.Wrong = "it has no IPv4 addresses"
		case isBlocked(s):
			n.Wrong = "VPC Block Public Access lets nobody in to it"
		case cidr.Bits() > maxMask:
			n.Wrong = fmt.Sprintf("it is smaller than a /%d", maxMask)
		case aws.ToInt32(s.AvailableIpAddressCount) < minFree:
			n.Wrong = fmt.Sprintf("it has fewer than %d free addresses", minFree)
		}
		out = append(out, n)
	}
	return out, nil
}

// Region is where an account's resources are; empty if it is not configured.
func (p *Provisioner) Region(name string) string {
	a, err := p.account(name)
	if err != nil {
		return ""
	}
	return a.Region
}
