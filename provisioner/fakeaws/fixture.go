package fakeaws

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// must is for fixtures: naming what does not exist is a mistake in the test
// or the program that builds them, and goes no further.
func must[T any](v T, ok bool, kind, id string) T {
	if !ok {
		panic(fmt.Sprintf("fakeaws: no %s %q", kind, id))
	}
	return v
}

// AddVPC adds a VPC with an attached internet gateway, a main route table that
// knows only the local route, and its default security group.
func (h *Region) AddVPC(cidr string, tags map[string]string) (id string) {
	defer h.lock("AddVPC")()
	r, c := h.r, h.c
	netip.MustParsePrefix(cidr)
	v := &vpc{seq: c.nextSeq(), VPC: VPC{
		ID: c.newID("vpc"), CIDR: cidr, Gateway: c.newID("igw"), Tags: cloneTags(tags),
	}}
	r.vpcs.put(v.ID, v)
	r.emit("vpc", v.ID, Created, cidr)
	r.addRouteTable(v, true, nil, nil)
	r.addACL(v.ID, true, nil, allowAll())
	g := r.addGroup(v.ID, "default", "default VPC security group", nil)
	r.addRule(Rule{Group: g.ID, Protocol: "-1", From: -1, To: -1, Source: g.ID})
	return v.ID
}

// SetDefaultVPC says whether a VPC is the region's default one, in which
// revoking a rule that is not there is no error.
func (h *Region) SetDefaultVPC(id string, is bool) {
	defer h.lock("SetDefaultVPC")()
	v, ok := h.r.vpcs.get(id)
	must(v, ok, "VPC", id).Default = is
}

// SetIPv6 gives a VPC an IPv6 range, or takes it away if it is empty. Groups made
// from then on let all IPv6 out too; subnets and addresses stay without.
func (h *Region) SetIPv6(vpcID, cidr string) {
	defer h.lock("SetIPv6")()
	v, ok := h.r.vpcs.get(vpcID)
	must(v, ok, "VPC", vpcID)
	for _, t := range h.r.routeTables.all() { // which all have the local route of each range
		if t.VPC != vpcID {
			continue
		}
		t.Routes = filterSlice(t.Routes, func(route Route) bool { return v.CIDR6 == "" || route.Destination != v.CIDR6 })
		if cidr != "" {
			t.Routes = append(t.Routes, Route{Destination: cidr, Target: "local", State: "active"})
		}
	}
	v.CIDR6 = cidr
	h.r.emit("vpc", v.ID, Changed, "IPv6")
}

// Gateway is the id of a VPC's internet gateway, for routes; empty if detached.
func (h *Region) Gateway(vpcID string) string {
	defer h.lock("")()
	v, ok := h.r.vpcs.get(vpcID)
	return must(v, ok, "VPC", vpcID).Gateway
}

// DetachGateway leaves a VPC without an internet gateway, and the routes to it
// as blackholes.
func (h *Region) DetachGateway(vpcID string) {
	defer h.lock("DetachGateway")()
	v, ok := h.r.vpcs.get(vpcID)
	must(v, ok, "VPC", vpcID)
	for _, t := range h.r.routeTables.all() {
		for i := range t.Routes {
			if t.Routes[i].Target == v.Gateway {
				t.Routes[i].State = "blackhole"
			}
		}
	}
	v.Gateway = ""
	h.r.emit("vpc", v.ID, Changed, "internet gateway detached")
}

// AddZone adds a zone, or replaces the one of that name. A region starts with
// the availability zones a, c and d; AddSubnet adds others as needed.
func (h *Region) AddZone(z Zone) {
	defer h.lock("AddZone")()
	h.r.addZone(z)
}

func (r *region) addZone(z Zone) {
	if z.Type == "" {
		z.Type = AvailabilityZone
	}
	if z.ID == "" {
		z.ID = zoneID(r.name, len(r.zones)+1)
		if z.Type != AvailabilityZone { // whose ids name the place, as in usw2-lax1-az1
			z.ID = strings.Replace(z.ID, "-az", "-lax1-az", 1)
		}
	}
	r.zones = append(slices.DeleteFunc(r.zones, func(o Zone) bool { return o.Name == z.Name }), z)
}

// AddSubnet adds a subnet of a VPC in a zone, served by the main route table.
// A zone the region does not have is added; make one of another type with
// AddZone before.
func (h *Region) AddSubnet(vpcID, cidr, zone string, tags map[string]string) (id string) {
	defer h.lock("AddSubnet")()
	v, ok := h.r.vpcs.get(vpcID)
	must(v, ok, "VPC", vpcID)
	netip.MustParsePrefix(cidr)
	if _, ok := h.r.zone(zone); !ok {
		h.r.addZone(Zone{Name: zone})
	}
	s := &subnet{seq: h.c.nextSeq(), Subnet: Subnet{
		ID: h.c.newID("subnet"), VPC: vpcID, CIDR: cidr, Zone: zone, Tags: cloneTags(tags),
	}}
	h.r.subnets.put(s.ID, s)
	h.r.emit("subnet", s.ID, Created, cidr)
	return s.ID
}

// SetFree makes a subnet have so many free addresses at this moment.
func (h *Region) SetFree(subnetID string, n int) {
	defer h.lock("SetFree")()
	s, ok := h.r.subnets.get(subnetID)
	must(s, ok, "subnet", subnetID)
	s.used = 0
	s.used = h.r.free(s) - n
}

// AddRouteTable adds a route table for the given subnets, which may be none.
// The local route comes with it. Routes without a State are active.
func (h *Region) AddRouteTable(vpcID string, subnets []string, routes ...Route) (id string) {
	defer h.lock("AddRouteTable")()
	v, ok := h.r.vpcs.get(vpcID)
	must(v, ok, "VPC", vpcID)
	for _, s := range subnets {
		for _, t := range h.r.routeTables.all() {
			t.Subnets = slices.DeleteFunc(t.Subnets, func(o string) bool { return o == s })
		}
	}
	return h.r.addRouteTable(v, false, subnets, routes).ID
}

// SetMainRoutes replaces the routes of a VPC's main route table.
func (h *Region) SetMainRoutes(vpcID string, routes ...Route) {
	defer h.lock("SetMainRoutes")()
	v, ok := h.r.vpcs.get(vpcID)
	must(v, ok, "VPC", vpcID)
	for _, t := range h.r.routeTables.all() {
		if t.VPC == vpcID && t.Main {
			t.Routes = withLocal(v, routes)
			h.r.emit("route-table", t.ID, Changed, "routes")
		}
	}
}

// SetRoutes replaces the routes of a route table.
func (h *Region) SetRoutes(tableID string, routes ...Route) {
	defer h.lock("SetRoutes")()
	t, ok := h.r.routeTables.get(tableID)
	must(t, ok, "route table", tableID)
	v, _ := h.r.vpcs.get(t.VPC)
	t.Routes = withLocal(v, routes)
	h.r.emit("route-table", t.ID, Changed, "routes")
}

func (r *region) addRouteTable(v *vpc, main bool, subnets []string, routes []Route) *routeTable {
	t := &routeTable{seq: r.cloud.nextSeq(), RouteTable: RouteTable{
		ID: r.cloud.newID("rtb"), VPC: v.ID, Main: main, Subnets: slices.Clone(subnets),
		Routes: withLocal(v, routes), Tags: map[string]string{},
	}}
	r.routeTables.put(t.ID, t)
	r.emit("route-table", t.ID, Created, "")
	return t
}

func withLocal(v *vpc, routes []Route) []Route {
	out := []Route{{Destination: v.CIDR, Target: "local", State: "active"}}
	if v.CIDR6 != "" {
		out = append(out, Route{Destination: v.CIDR6, Target: "local", State: "active"})
	}
	for _, route := range routes {
		if route.State == "" {
			route.State = "active"
		}
		out = append(out, route)
	}
	return out
}

// free counts the addresses of a subnet that are left; AWS keeps five for
// itself.
func (r *region) free(s *subnet) int {
	prefix := netip.MustParsePrefix(s.CIDR)
	n := 1<<(32-prefix.Bits()) - 5 - s.used
	for _, ni := range r.ifaces.all() {
		if ni.Subnet == s.ID {
			n--
		}
	}
	return max(n, 0)
}

// freeAddress is the next address of a subnet that nothing has.
func (r *region) freeAddress(s *subnet) string {
	taken := map[string]bool{}
	for _, ni := range r.ifaces.all() {
		taken[ni.PrivateIP] = true
	}
	addr := netip.MustParsePrefix(s.CIDR).Masked().Addr()
	for range 4 { // network, router, DNS and one in reserve
		addr = addr.Next()
	}
	for taken[addr.String()] {
		addr = addr.Next()
	}
	return addr.String()
}

// AddGroup adds a security group of somebody's. It allows all outwards, as
// every new group does, and is visible at once.
func (h *Region) AddGroup(vpcID, name string, tags map[string]string) (id string) {
	defer h.lock("AddGroup")()
	v, ok := h.r.vpcs.get(vpcID)
	must(v, ok, "VPC", vpcID)
	return h.r.addGroup(vpcID, name, name, tags).ID
}

// AddRule adds a rule to a group, as somebody else would with their own tools.
func (h *Region) AddRule(u Rule) (id string) {
	defer h.lock("AddRule")()
	g, ok := h.r.groups.get(u.Group)
	must(g, ok, "security group", u.Group)
	return h.r.addRule(u).ID
}

// RemoveRule takes a rule away, as somebody's Terraform would.
func (h *Region) RemoveRule(id string) {
	defer h.lock("RemoveRule")()
	u, ok := h.r.rules.get(id)
	must(u, ok, "rule", id)
	h.r.removeRule(id)
}

// RemoveLoadBalancer deletes a load balancer behind the caller's back.
func (h *Region) RemoveLoadBalancer(name string) {
	defer h.lock("RemoveLoadBalancer")()
	lb, ok := h.r.lbs.get(name)
	must(lb, ok, "load balancer", name)
	h.r.removeLoadBalancer(name, time.Now())
}

// AddLoadBalancer adds a load balancer of somebody's to a subnet, with one TCP
// listener. It is visible at once.
func (h *Region) AddLoadBalancer(name, subnetID string, groups []string, l Listener, tags map[string]string) {
	defer h.lock("AddLoadBalancer")()
	s, ok := h.r.subnets.get(subnetID)
	must(s, ok, "subnet", subnetID)
	h.r.addLoadBalancer(&loadBalancer{LoadBalancer: LoadBalancer{
		Name: name, Scheme: "internet-facing", VPC: s.VPC, Zones: []string{s.Zone}, Subnets: []string{s.ID},
		Groups: slices.Clone(groups), Listeners: []Listener{l},
		HealthCheck: HealthCheck{
			Target: fmt.Sprintf("TCP:%d", l.InstancePort), Interval: 30 * time.Second, Timeout: 5 * time.Second,
			Healthy: 10, Unhealthy: 2,
		},
		IdleTimeout: time.Minute, DrainingTimeout: 300 * time.Second, Tags: cloneTags(tags),
	}})
}
