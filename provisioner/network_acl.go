package provisioner

import (
	"context"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

// Clients connect from these ports, and answers go to them: what the VPC guide
// advises to let out.
const firstAnswerPort, lastAnswerPort = 1024, 65535

// networkACLs lists those of the instance's VPC.
func (a *account) networkACLs(ctx context.Context, in sshforward.Instance) ([]types.NetworkAcl, error) {
	var out []types.NetworkAcl
	pages := ec2.NewDescribeNetworkAclsPaginator(a.ec2, &ec2.DescribeNetworkAclsInput{
		Filters: []types.Filter{filter("vpc-id", in.VPC)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, a.failed(err, "list the network ACLs")
		}
		out = append(out, page.NetworkAcls...)
	}
	return out, nil
}

// blockedByACL says which of the sources the network ACL of a load balancer's
// subnet keeps out, or keeps the answers from. The health check sees neither: it
// comes from inside.
func blockedByACL(acls []types.NetworkAcl, subnet string, port int, sources []netip.Prefix) []sshforward.Text {
	acl := aclOf(acls, subnet)
	if acl == nil {
		return nil
	}
	id := aws.ToString(acl.NetworkAclId)
	var shut, mute []netip.Prefix
	for _, s := range sources {
		switch {
		case !passes(acl, false, s, port):
			shut = append(shut, s)
		case slices.ContainsFunc(answerPorts(acl), func(p int) bool { return !passes(acl, true, s, p) }):
			mute = append(mute, s)
		}
	}
	var out []sshforward.Text
	if len(shut) > 0 {
		out = append(out, sshforward.Textf("The network ACL %s of the load balancer's subnet keeps %s from port %d, which no health check shows.",
			id, sshforward.FormatSources(shut), port))
	}
	if len(mute) > 0 {
		out = append(out, sshforward.Textf("The network ACL %s of the load balancer's subnet does not let all answers to %s out "+
			"(TCP 1024 to 65535), "+
			"which no health check shows.", id, sshforward.FormatSources(mute)))
	}
	return out
}

// answerPorts stand for all to which answers go: what a network ACL says of a port
// changes only where a range of one of its entries begins or has ended.
func answerPorts(acl *types.NetworkAcl) []int {
	ports := []int{firstAnswerPort}
	for _, e := range acl.Entries {
		if e.PortRange != nil {
			ports = append(ports, int(aws.ToInt32(e.PortRange.From)), int(aws.ToInt32(e.PortRange.To))+1)
		}
	}
	return slices.DeleteFunc(ports, func(p int) bool { return p < firstAnswerPort || p > lastAnswerPort })
}

// aclOf is the network ACL of a subnet, or else the VPC's default one.
func aclOf(acls []types.NetworkAcl, subnet string) *types.NetworkAcl {
	var found *types.NetworkAcl
	for i := range acls {
		if aws.ToBool(acls[i].IsDefault) && found == nil {
			found = &acls[i]
		}
		for _, as := range acls[i].Associations {
			if aws.ToString(as.SubnetId) == subnet {
				return &acls[i]
			}
		}
	}
	return found
}

// passes tells what the first entry that is about TCP between a port and the
// addresses says; entries that are about some of them do not count.
func passes(acl *types.NetworkAcl, egress bool, peer netip.Prefix, port int) bool {
	entries := slices.Clone(acl.Entries)
	slices.SortStableFunc(entries, func(x, y types.NetworkAclEntry) int {
		return int(aws.ToInt32(x.RuleNumber) - aws.ToInt32(y.RuleNumber))
	})
	for _, e := range entries {
		cidr, err := netip.ParsePrefix(aws.ToString(e.CidrBlock)) // none if it is about IPv6
		if aws.ToBool(e.Egress) != egress || err != nil || !contains(cidr, peer) || !aboutTCP(e, port) {
			continue
		}
		return e.RuleAction == types.RuleActionAllow
	}
	return false
}

func contains(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

// aboutTCP reports whether an entry is about TCP and the port. Its protocol is
// a number, or -1 for all.
func aboutTCP(e types.NetworkAclEntry, port int) bool {
	switch aws.ToString(e.Protocol) {
	case "-1":
		return true
	case "6":
		return e.PortRange == nil || int(aws.ToInt32(e.PortRange.From)) <= port && port <= int(aws.ToInt32(e.PortRange.To))
	}
	return false
}
