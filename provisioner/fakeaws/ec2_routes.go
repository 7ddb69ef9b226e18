package fakeaws

import (
	"strconv"
	"strings"
)

type xmlRouteTable struct {
	ID           string           `xml:"routeTableId"`
	VPC          string           `xml:"vpcId"`
	Owner        string           `xml:"ownerId"`
	Routes       []xmlRoute       `xml:"routeSet>item"`
	Associations []xmlAssociation `xml:"associationSet>item"`
	Tags         []xmlTag         `xml:"tagSet>item"`
}

type xmlRoute struct {
	CIDR       string `xml:"destinationCidrBlock,omitempty"`
	CIDR6      string `xml:"destinationIpv6CidrBlock,omitempty"`
	PrefixList string `xml:"destinationPrefixListId,omitempty"`
	Gateway    string `xml:"gatewayId,omitempty"`
	NAT        string `xml:"natGatewayId,omitempty"`
	Egress6    string `xml:"egressOnlyInternetGatewayId,omitempty"`
	Transit    string `xml:"transitGatewayId,omitempty"`
	Interface  string `xml:"networkInterfaceId,omitempty"`
	Peering    string `xml:"vpcPeeringConnectionId,omitempty"`
	State      string `xml:"state"`
	Origin     string `xml:"origin"`
}

type xmlAssociation struct {
	ID     string `xml:"routeTableAssociationId"`
	Table  string `xml:"routeTableId"`
	Subnet string `xml:"subnetId,omitempty"`
	Main   bool   `xml:"main"`
	State  string `xml:"associationState>state"`
}

func describeRouteTables(rq *request) (any, *apiError) {
	all := rq.r.routeTables.all()
	if ids := rq.p.list("RouteTableId"); len(ids) > 0 {
		all = nil
		for _, id := range ids {
			t, ok := rq.r.routeTables.get(id)
			if !ok {
				return nil, errorf("InvalidRouteTableID.NotFound", "The routeTable ID '%s' does not exist", id)
			}
			all = append(all, t)
		}
	}
	all, e := selected(rq, all, func(t *routeTable) map[string]string { return t.Tags }, func(t *routeTable) attributes {
		// association.subnet-id finds explicit associations only; the main
		// table of a subnet without one is not found by it.
		a := attributes{
			"route-table-id": {t.ID}, "vpc-id": {t.VPC}, "owner-id": {rq.r.account},
			"association.subnet-id": t.Subnets, "association.main": {}, "association.route-table-id": {t.ID},
		}
		if t.Main {
			a["association.main"] = append(a["association.main"], "true")
		}
		if len(t.Subnets) > 0 {
			a["association.main"] = append(a["association.main"], "false")
		}
		for _, route := range t.Routes {
			x := toXMLRoute(route)
			a["route.gateway-id"] = append(a["route.gateway-id"], x.Gateway)
			a["route.state"] = append(a["route.state"], x.State)
			a["route.destination-cidr-block"] = append(a["route.destination-cidr-block"], x.CIDR)
		}
		return a
	})
	if e != nil {
		return nil, e
	}
	var out struct {
		Tables []xmlRouteTable `xml:"routeTableSet>item"`
		Next   string          `xml:"nextToken,omitempty"`
	}
	if all, out.Next, e = page(rq, all, func(t *routeTable) int { return t.seq }, 5, 100); e != nil {
		return nil, e
	}
	for _, t := range all {
		x := xmlRouteTable{ID: t.ID, VPC: t.VPC, Owner: rq.r.account, Tags: xmlTags(t.Tags)}
		for _, route := range t.Routes {
			x.Routes = append(x.Routes, toXMLRoute(route))
		}
		assoc := "rtbassoc-" + strings.TrimPrefix(t.ID, "rtb-")
		if t.Main {
			x.Associations = append(x.Associations, xmlAssociation{ID: assoc, Table: t.ID, Main: true, State: "associated"})
		}
		for i, s := range t.Subnets {
			x.Associations = append(x.Associations, xmlAssociation{
				ID: assoc + strconv.Itoa(i), Table: t.ID, Subnet: s, State: "associated",
			})
		}
		out.Tables = append(out.Tables, x)
	}
	return out, nil
}

// toXMLRoute puts destination and target into the fields that EC2 has for
// their kinds.
func toXMLRoute(route Route) xmlRoute {
	x := xmlRoute{State: route.State, Origin: "CreateRoute"}
	if x.State == "" {
		x.State = "active"
	}
	switch {
	case strings.HasPrefix(route.Destination, "pl-"):
		x.PrefixList = route.Destination
	case strings.Contains(route.Destination, ":"):
		x.CIDR6 = route.Destination
	default:
		x.CIDR = route.Destination
	}
	kind, _, _ := strings.Cut(route.Target, "-")
	switch kind {
	case "nat":
		x.NAT = route.Target
	case "eigw":
		x.Egress6 = route.Target
	case "tgw":
		x.Transit = route.Target
	case "eni":
		x.Interface = route.Target
	case "pcx":
		x.Peering = route.Target
	default: // igw, vgw, vpce, local
		x.Gateway = route.Target
	}
	if route.Target == "local" {
		x.Origin = "CreateRouteTable"
	}
	return x
}

// public tells whether a subnet has an active default route for IPv4 to an
// internet gateway, in its own route table or else in the VPC's main one.
func (r *region) public(s *subnet) bool {
	var table *routeTable
	for _, t := range r.routeTables.all() {
		if contains(t.Subnets, s.ID) {
			table = t
			break
		}
		if t.Main && t.VPC == s.VPC {
			table = t
		}
	}
	if table == nil {
		return false
	}
	for _, route := range table.Routes {
		x := toXMLRoute(route)
		if x.CIDR == "0.0.0.0/0" && x.State == "active" && strings.HasPrefix(x.Gateway, "igw-") {
			return true
		}
	}
	return false
}
