package fakeaws

import "cmp"

// Modes of VPC Block Public Access, as InternetGatewayBlockMode names them.
const (
	BlockOff           = "off"
	BlockBidirectional = "block-bidirectional"
	BlockIngress       = "block-ingress"
)

// SetBlockPublicAccess sets VPC Block Public Access for the whole account in
// this region if id is empty, or an exclusion from it (or a narrower block) for
// a VPC or a subnet. The most specific one counts. Routes stay active and load
// balancers healthy; nothing comes in through the internet gateway any more.
//
// AWS sets the mode for account and region and knows exclusions of VPCs and
// subnets; DescribeVpcs and DescribeSubnets answer what comes of it as
// BlockPublicAccessStates (EC2 API reference).
func (h *Region) SetBlockPublicAccess(id, mode string) {
	defer h.lock("SetBlockPublicAccess")()
	if id != "" {
		_, isVPC := h.r.vpcs.get(id)
		_, isSubnet := h.r.subnets.get(id)
		must(id, isVPC || isSubnet, "VPC or subnet", id)
	}
	h.r.blocks[id] = mode
	h.r.emit("vpc", id, Changed, "block public access "+mode)
}

// blockMode is the mode for a subnet, or with an empty subnet for a VPC.
func (r *region) blockMode(vpcID, subnetID string) string {
	for _, id := range []string{subnetID, vpcID} {
		if mode, ok := r.blocks[id]; ok && id != "" {
			return mode
		}
	}
	return cmp.Or(r.blocks[""], BlockOff)
}

type xmlBlockStates struct {
	Mode string `xml:"internetGatewayBlockMode"`
}
