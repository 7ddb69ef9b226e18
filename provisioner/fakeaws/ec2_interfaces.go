package fakeaws

import (
	"strings"
)

type xmlInterface struct {
	ID               string            `xml:"networkInterfaceId"`
	Subnet           string            `xml:"subnetId"`
	VPC              string            `xml:"vpcId"`
	Zone             string            `xml:"availabilityZone"`
	Description      string            `xml:"description"`
	Owner            string            `xml:"ownerId"`
	Requester        string            `xml:"requesterId,omitempty"`
	RequesterManaged bool              `xml:"requesterManaged"`
	Status           string            `xml:"status"`
	Type             string            `xml:"interfaceType"`
	PrivateIP        string            `xml:"privateIpAddress,omitempty"`
	Groups           []xmlGroupRef     `xml:"groupSet>item"`
	Attachment       *xmlAttachment    `xml:"attachment"`
	Association      *xmlPublicAddress `xml:"association"`
	Tags             []xmlTag          `xml:"tagSet>item"`
}

type xmlPublicAddress struct {
	PublicIP string `xml:"publicIp"`
	Owner    string `xml:"ipOwnerId"`
}

func attachmentID(ni *iface) string {
	return strings.Replace(ni.ID, "eni-", "eni-attach-", 1)
}

func describeNetworkInterfaces(rq *request) (any, *apiError) {
	all := filterSlice(rq.r.ifaces.all(), func(ni *iface) bool { return !rq.now.Before(ni.visibleAt) })
	if ids := rq.p.list("NetworkInterfaceId"); len(ids) > 0 {
		all = nil
		for _, id := range ids {
			ni, ok := rq.r.ifaces.get(id)
			if !ok {
				return nil, errorf("InvalidNetworkInterfaceID.NotFound", "The networkInterface ID '%s' does not exist", id)
			}
			all = append(all, ni)
		}
	}
	all, e := selected(rq, all, func(ni *iface) map[string]string { return ni.Tags }, func(ni *iface) attributes {
		x := rq.r.xmlInterface(ni)
		a := attributes{
			"network-interface-id": {x.ID}, "description": {x.Description}, "group-id": ni.Groups, "group-name": {},
			"vpc-id": {x.VPC}, "subnet-id": {x.Subnet}, "availability-zone": {x.Zone}, "status": {x.Status},
			"owner-id": {x.Owner}, "private-ip-address": {x.PrivateIP}, "addresses.private-ip-address": {x.PrivateIP},
			"requester-id": {x.Requester}, "requester-managed": {boolString(x.RequesterManaged)},
			"interface-type": {x.Type}, "attachment.instance-id": {}, "attachment.instance-owner-id": {},
			"attachment.status": {}, "attachment.attachment-id": {},
		}
		for _, g := range x.Groups {
			a["group-name"] = append(a["group-name"], g.Name)
		}
		if x.Attachment != nil {
			a["attachment.instance-id"] = []string{x.Attachment.Instance}
			a["attachment.instance-owner-id"] = []string{x.Attachment.Owner}
			a["attachment.status"] = []string{x.Attachment.Status}
			a["attachment.attachment-id"] = []string{x.Attachment.ID}
		}
		return a
	})
	if e != nil {
		return nil, e
	}
	var out struct {
		Interfaces []xmlInterface `xml:"networkInterfaceSet>item"`
		Next       string         `xml:"nextToken,omitempty"`
	}
	if all, out.Next, e = page(rq, all, func(ni *iface) int { return ni.seq }, 5, 1000); e != nil {
		return nil, e
	}
	for _, ni := range all {
		out.Interfaces = append(out.Interfaces, rq.r.xmlInterface(ni))
	}
	return out, nil
}

func (r *region) xmlInterface(ni *iface) xmlInterface {
	x := xmlInterface{
		ID: ni.ID, Subnet: ni.Subnet, VPC: ni.VPC, Zone: ni.Zone, Description: ni.Description,
		Owner: r.account, Status: "in-use", Type: "interface", PrivateIP: ni.PrivateIP,
		Groups: r.groupRefs(ni.Groups), Tags: xmlTags(ni.Tags),
		Attachment: &xmlAttachment{ID: attachmentID(ni), Instance: ni.Instance, Owner: ni.Owner, Status: "attached"},
	}
	if ni.Owner == elbOwner {
		x.Requester, x.RequesterManaged = elbOwner, true
		x.Attachment.DeviceIndex = 1
	}
	if ni.PublicIP != "" {
		x.Association = &xmlPublicAddress{PublicIP: ni.PublicIP, Owner: ni.Owner}
	}
	return x
}

func boolString(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
