package fakeaws

import (
	"strings"
)

type xmlRegion struct {
	Name     string `xml:"regionName"`
	Endpoint string `xml:"regionEndpoint"`
	OptIn    string `xml:"optInStatus"`
}

func describeRegions(rq *request) (any, *apiError) {
	names := map[string]bool{DefaultRegion: true, "us-east-1": true, "eu-west-1": true, "eu-central-1": true, rq.r.name: true}
	for _, r := range rq.c.regions.all() {
		names[r.name] = true
	}
	var out struct {
		Regions []xmlRegion `xml:"regionInfo>item"`
	}
	for _, name := range sortedKeys(names) {
		if want := rq.p.list("RegionName"); len(want) > 0 && !contains(want, name) {
			continue
		}
		out.Regions = append(out.Regions, xmlRegion{
			Name: name, Endpoint: "ec2." + name + ".amazonaws.com", OptIn: "opt-in-not-required",
		})
	}
	return out, nil
}

type xmlZone struct {
	Name   string `xml:"zoneName"`
	ID     string `xml:"zoneId"`
	Type   string `xml:"zoneType"`
	State  string `xml:"zoneState"`
	Region string `xml:"regionName"`
	Group  string `xml:"groupName"`
	Border string `xml:"networkBorderGroup"`
	OptIn  string `xml:"optInStatus"`
}

func describeAvailabilityZones(rq *request) (any, *apiError) {
	zones := rq.r.zones
	for _, name := range rq.p.list("ZoneName") {
		if _, ok := rq.r.zone(name); !ok {
			return nil, errorf("InvalidParameterValue", "Invalid availability zone: [%s]", name)
		}
	}
	if want := rq.p.list("ZoneName"); len(want) > 0 {
		zones = filterSlice(zones, func(z Zone) bool { return contains(want, z.Name) })
	}
	if want := rq.p.list("ZoneId"); len(want) > 0 {
		zones = filterSlice(zones, func(z Zone) bool { return contains(want, z.ID) })
	}
	zones, e := selected(rq, zones, func(Zone) map[string]string { return nil }, func(z Zone) attributes {
		return attributes{
			"zone-name": {z.Name}, "zone-id": {z.ID}, "zone-type": {z.Type},
			"region-name": {rq.r.name}, "state": {"available"}, "group-name": {zoneGroup(rq.r.name, z)},
			"opt-in-status": {zoneOptIn(z)},
		}
	})
	if e != nil {
		return nil, e
	}
	var out struct {
		Zones []xmlZone `xml:"availabilityZoneInfo>item"`
	}
	for _, z := range zones {
		out.Zones = append(out.Zones, xmlZone{
			Name: z.Name, ID: z.ID, Type: z.Type, State: "available", Region: rq.r.name,
			Group: zoneGroup(rq.r.name, z), Border: zoneGroup(rq.r.name, z), OptIn: zoneOptIn(z),
		})
	}
	return out, nil
}

// zoneGroup is the region for its own zones, and the place for a local zone
// (us-west-2-lax-1a is in us-west-2-lax-1).
func zoneGroup(region string, z Zone) string {
	if z.Type == AvailabilityZone {
		return region
	}
	return strings.TrimRight(z.Name, "abcdefghijklmnopqrstuvwxyz")
}

func zoneOptIn(z Zone) string {
	if z.Type == AvailabilityZone {
		return "opt-in-not-required"
	}
	return "opted-in"
}

type xmlVPC struct {
	ID      string         `xml:"vpcId"`
	CIDR    string         `xml:"cidrBlock"`
	Six     []xmlCIDR6     `xml:"ipv6CidrBlockAssociationSet>item"`
	State   string         `xml:"state"`
	Owner   string         `xml:"ownerId"`
	Default bool           `xml:"isDefault"`
	Block   xmlBlockStates `xml:"blockPublicAccessStates"`
	Tags    []xmlTag       `xml:"tagSet>item"`
}

type xmlCIDR6 struct {
	CIDR  string `xml:"ipv6CidrBlock"`
	State string `xml:"ipv6CidrBlockState>state"`
}

func describeVpcs(rq *request) (any, *apiError) {
	all := rq.r.vpcs.all()
	if ids := rq.p.list("VpcId"); len(ids) > 0 {
		all = nil
		for _, id := range ids {
			v, ok := rq.r.vpcs.get(id)
			if !ok {
				return nil, errorf("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", id)
			}
			all = append(all, v)
		}
	}
	all, e := selected(rq, all, func(v *vpc) map[string]string { return v.Tags }, func(v *vpc) attributes {
		return attributes{
			"vpc-id": {v.ID}, "cidr": {v.CIDR}, "state": {"available"}, "owner-id": {rq.r.ownerOf(v.ID)},
			"is-default": {boolString(v.Default)}, "isDefault": {boolString(v.Default)},
		}
	})
	if e != nil {
		return nil, e
	}
	var out struct {
		VPCs []xmlVPC `xml:"vpcSet>item"`
		Next string   `xml:"nextToken,omitempty"`
	}
	if all, out.Next, e = page(rq, all, func(v *vpc) int { return v.seq }, 5, 1000); e != nil {
		return nil, e
	}
	for _, v := range all {
		var six []xmlCIDR6
		if v.CIDR6 != "" {
			six = []xmlCIDR6{{CIDR: v.CIDR6, State: "associated"}}
		}
		out.VPCs = append(out.VPCs, xmlVPC{
			ID: v.ID, CIDR: v.CIDR, Six: six, State: "available", Owner: rq.r.ownerOf(v.ID), Default: v.Default, Tags: xmlTags(v.Tags),
			Block: xmlBlockStates{rq.r.blockMode(v.ID, "")},
		})
	}
	return out, nil
}

type xmlSubnet struct {
	ID     string         `xml:"subnetId"`
	VPC    string         `xml:"vpcId"`
	CIDR   string         `xml:"cidrBlock"`
	Zone   string         `xml:"availabilityZone"`
	ZoneID string         `xml:"availabilityZoneId"`
	State  string         `xml:"state"`
	Owner  string         `xml:"ownerId"`
	Free   int            `xml:"availableIpAddressCount"`
	ARN    string         `xml:"subnetArn"`
	Block  xmlBlockStates `xml:"blockPublicAccessStates"`
	Tags   []xmlTag       `xml:"tagSet>item"`
}

func describeSubnets(rq *request) (any, *apiError) {
	all := rq.r.subnets.all()
	if ids := rq.p.list("SubnetId"); len(ids) > 0 {
		all = nil
		for _, id := range ids {
			s, ok := rq.r.subnets.get(id)
			if !ok {
				return nil, errorf("InvalidSubnetID.NotFound", "The subnet ID '%s' does not exist", id)
			}
			all = append(all, s)
		}
	}
	all, e := selected(rq, all, func(s *subnet) map[string]string { return s.Tags }, func(s *subnet) attributes {
		z, _ := rq.r.zone(s.Zone)
		return attributes{
			"subnet-id": {s.ID}, "vpc-id": {s.VPC}, "availability-zone": {s.Zone}, "availabilityZone": {s.Zone},
			"availability-zone-id": {z.ID}, "cidr-block": {s.CIDR}, "cidr": {s.CIDR}, "state": {"available"},
			"owner-id": {rq.r.ownerOf(s.VPC)}, "available-ip-address-count": itoas(rq.r.free(s)),
		}
	})
	if e != nil {
		return nil, e
	}
	var out struct {
		Subnets []xmlSubnet `xml:"subnetSet>item"`
		Next    string      `xml:"nextToken,omitempty"`
	}
	if all, out.Next, e = page(rq, all, func(s *subnet) int { return s.seq }, 5, 1000); e != nil {
		return nil, e
	}
	for _, s := range all {
		z, _ := rq.r.zone(s.Zone)
		out.Subnets = append(out.Subnets, xmlSubnet{
			ID: s.ID, VPC: s.VPC, CIDR: s.CIDR, Zone: s.Zone, ZoneID: z.ID, State: "available",
			Owner: rq.r.ownerOf(s.VPC), Free: rq.r.free(s), Tags: xmlTags(s.Tags),
			ARN:   "arn:" + partition(rq.r.name) + ":ec2:" + rq.r.name + ":" + rq.r.ownerOf(s.VPC) + ":subnet/" + s.ID,
			Block: xmlBlockStates{rq.r.blockMode(s.VPC, s.ID)},
		})
	}
	return out, nil
}
