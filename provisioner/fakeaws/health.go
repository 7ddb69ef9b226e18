package fakeaws

import (
	"net/netip"
	"time"
)

const (
	inService    = "InService"
	outOfService = "OutOfService"
)

// register adds an instance to a load balancer. Whether its health check gets
// through is worked out by settleHealth.
func (r *region) register(lb *loadBalancer, id string) {
	now := time.Now()
	lb.regs = append(lb.regs, &registration{instance: id, registered: now, since: now})
	r.emit("health", lb.Name+"/"+id, Created, "registered")
}

func (r *region) settleHealth(now time.Time) {
	for _, lb := range r.lbs.all() {
		for _, reg := range lb.regs {
			r.check(lb, reg, now)
		}
	}
}

// check works out how an instance of a load balancer fares now.
func (r *region) check(lb *loadBalancer, reg *registration, now time.Time) {
	o := r.cloud.opts
	i, ok := r.instances.get(reg.instance)
	if !ok {
		return
	}
	// Rules do not change between two looks unless something has been said to
	// have changed; what listens on an instance may.
	if reg.checked != r.version || o.Listening != nil {
		reg.checked = r.version
		if passing := r.reaches(lb, i, lb.HealthCheck.port()) && !i.refuses(lb.HealthCheck); passing != reg.passing {
			reg.passing, reg.since = passing, now
		}
	}
	// Health checks begin when the registration is through.
	began := reg.registered.Add(o.RegisterDelay)
	if reg.since.After(began) {
		began = reg.since
	}
	var toHealthy, toUnhealthy time.Duration
	if o.HealthTiming {
		toHealthy = time.Duration(lb.HealthCheck.Healthy) * lb.HealthCheck.Interval
	}
	if o.HealthTiming || o.UnhealthyTiming {
		toUnhealthy = time.Duration(lb.HealthCheck.Unhealthy) * lb.HealthCheck.Interval
	}
	was, since := reg.serving, now
	h := Registration{Instance: reg.instance, Registered: reg.registered, State: outOfService, Reason: "Instance"}
	switch {
	case i.State != Running:
		reg.serving = false
		h.Description = "Instance is in " + i.State + " state."
	case !contains(lb.Zones, i.Zone):
		reg.serving = false
		h.Reason = "ELB"
		h.Description = "Instance is in the EC2 Availability Zone for which LoadBalancer is not configured to route traffic to."
	case now.Before(reg.registered.Add(o.RegisterDelay)):
		h.Reason = "ELB"
		h.Description = "Instance registration is still in progress."
	case reg.passing && (reg.serving || !now.Before(began.Add(toHealthy))),
		!reg.passing && reg.serving && now.Before(reg.since.Add(toUnhealthy)):
		reg.serving = true
		h.State, h.Reason, h.Description = inService, "N/A", "N/A"
	case reg.passing:
		h.Description = "Instance has not passed the configured HealthyThreshold number of health checks consecutively."
	default:
		reg.serving, since = false, reg.since.Add(toUnhealthy)
		h.Description = "Instance has failed at least the UnhealthyThreshold number of health checks consecutively."
	}
	if was && !reg.serving {
		r.unhealthy(lb, reg.instance, since)
	}
	if !reg.leaves.IsZero() && reg.serving {
		h.Description = "Instance deregistration currently in progress."
	}
	if h.State != reg.last.State && (reg.last.State != "" || h.State == inService) {
		r.emit("health", lb.Name+"/"+reg.instance, Changed, h.State)
	}
	reg.last = h
}

// reaches tells whether a load balancer gets a connection through to a port of
// an instance: out of its own groups, into the instance's, and there is
// something that accepts it. Both sides count: a group whose egress was revoked
// fails health checks just as one whose rule in the instance's group is gone.
func (r *region) reaches(lb *loadBalancer, i *instance, port int) bool {
	if i.State != Running || !r.listening(i, port) {
		return false
	}
	if !r.permits(lb.Groups, true, port, i.PrivateIP, i.Groups) {
		return false
	}
	inside, _ := r.subnets.get(i.Subnet)
	for _, ni := range lb.nodes {
		from, _ := r.subnets.get(ni.Subnet)
		if r.permits(i.Groups, false, port, ni.PrivateIP, lb.Groups) && r.aclBetween(from, inside, ni.PrivateIP, i.PrivateIP, port) {
			return true
		}
	}
	return false
}

// refuses tells whether an instance turns the health check away because it comes
// too often.
func (i *instance) refuses(h HealthCheck) bool { return i.limits && 6*h.Interval <= 30*time.Second }

func (r *region) listening(i *instance, port int) bool {
	if f := r.cloud.opts.Listening; f != nil {
		return f(i.snapshot(), port)
	}
	return contains(i.Ports, port)
}

// permits tells whether some rule of the groups lets TCP pass to a port, from
// or to an address that belongs to something in peerGroups.
func (r *region) permits(groups []string, egress bool, port int, peer string, peerGroups []string) bool {
	addr, err := netip.ParseAddr(peer)
	if err != nil {
		return false
	}
	for _, g := range groups {
		for _, u := range r.rulesIn[g] {
			if u.Egress == egress && u.covers(port) && u.meets(addr, peerGroups) {
				return true
			}
		}
	}
	return false
}

func (u *rule) covers(port int) bool {
	return u.Protocol == "-1" || u.Protocol == "tcp" && u.From <= port && port <= u.To
}

// meets tells whether the other side of a rule is this address, or something
// in one of these groups.
func (u *rule) meets(addr netip.Addr, groups []string) bool {
	if u.Source != "" {
		return contains(groups, u.Source)
	}
	prefix, err := netip.ParsePrefix(u.CIDR)
	return err == nil && prefix.Contains(addr.Unmap())
}
