package fakeaws

import "slices"

// The snapshots below are copies: what is done to them changes nothing. They
// show what is really there, whether or not the API would show it yet.

// VPCs returns the VPCs, oldest first, as do the others.
func (h *Region) VPCs() []VPC {
	defer h.lock("")()
	return snapshots(h.r.vpcs.all(), func(v *vpc) VPC { s := v.VPC; s.Tags = cloneTags(s.Tags); return s })
}

// Subnets returns the subnets with their free addresses.
func (h *Region) Subnets() []Subnet {
	defer h.lock("")()
	return snapshots(h.r.subnets.all(), func(n *subnet) Subnet {
		s := n.Subnet
		s.Tags, s.Free = cloneTags(s.Tags), h.r.free(n)
		return s
	})
}

// RouteTables returns the route tables.
func (h *Region) RouteTables() []RouteTable {
	defer h.lock("")()
	return snapshots(h.r.routeTables.all(), func(t *routeTable) RouteTable {
		s := t.RouteTable
		s.Tags, s.Subnets, s.Routes = cloneTags(s.Tags), slices.Clone(s.Subnets), slices.Clone(s.Routes)
		return s
	})
}

// Instances returns the instances, the terminated ones among them that can
// still be described.
func (h *Region) Instances() []Instance {
	defer h.lock("")()
	return snapshots(h.r.instances.all(), (*instance).snapshot)
}

func (i *instance) snapshot() Instance {
	s := i.Instance
	s.Tags, s.Groups, s.Ports = cloneTags(s.Tags), slices.Clone(s.Groups), slices.Clone(s.Ports)
	return s
}

// Groups returns the security groups.
func (h *Region) Groups() []SecurityGroup {
	defer h.lock("")()
	return snapshots(h.r.groups.all(), func(g *group) SecurityGroup {
		s := g.SecurityGroup
		s.Tags = cloneTags(s.Tags)
		return s
	})
}

// Rules returns the rules of all groups.
func (h *Region) Rules() []Rule {
	defer h.lock("")()
	return snapshots(h.r.rules.all(), func(u *rule) Rule { s := u.Rule; s.Tags = cloneTags(s.Tags); return s })
}

// LoadBalancers returns the load balancers with the health of their instances.
func (h *Region) LoadBalancers() []LoadBalancer {
	defer h.lock("")()
	return snapshots(h.r.lbs.all(), (*loadBalancer).snapshot)
}

// LoadBalancer returns one load balancer by name.
func (h *Region) LoadBalancer(name string) (LoadBalancer, bool) {
	defer h.lock("")()
	lb, ok := h.r.lbs.get(name)
	if !ok {
		return LoadBalancer{}, false
	}
	return lb.snapshot(), true
}

func (lb *loadBalancer) snapshot() LoadBalancer {
	s := lb.LoadBalancer
	s.Tags, s.Zones, s.Subnets = cloneTags(s.Tags), slices.Clone(s.Zones), slices.Clone(s.Subnets)
	s.Groups, s.Listeners = slices.Clone(s.Groups), slices.Clone(s.Listeners)
	s.Instances = nil
	for _, reg := range lb.regs {
		s.Instances = append(s.Instances, reg.last)
	}
	return s
}

// Interfaces returns the network interfaces, those among them that linger after
// their load balancer.
func (h *Region) Interfaces() []Interface {
	defer h.lock("")()
	return snapshots(h.r.ifaces.all(), func(ni *iface) Interface {
		s := ni.Interface
		s.Tags, s.Groups = cloneTags(s.Tags), slices.Clone(s.Groups)
		return s
	})
}

// Schedules returns the schedules of all groups.
func (h *Region) Schedules() []Schedule {
	defer h.lock("")()
	return snapshots(h.r.schedules.all(), func(s *schedule) Schedule { return s.Schedule })
}

// ScheduleGroups returns the schedule groups.
func (h *Region) ScheduleGroups() []ScheduleGroup {
	defer h.lock("")()
	return snapshots(h.r.schedGroups.all(), func(g *scheduleGroup) ScheduleGroup {
		s := g.ScheduleGroup
		s.Tags = cloneTags(s.Tags)
		return s
	})
}

func snapshots[T, S any](all []T, snap func(T) S) []S {
	out := make([]S, 0, len(all))
	for _, v := range all {
		out = append(out, snap(v))
	}
	return out
}
