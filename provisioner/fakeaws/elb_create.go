package fakeaws

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// elbOwner is who the interfaces of load balancers belong to, and how they are
// told from others.
const elbOwner = "amazon-elb"

var elbNameRE = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?$`)

func createLoadBalancer(rq *request) (any, *apiError) {
	lb, e := rq.loadBalancerAsked()
	if e != nil {
		return nil, e
	}
	var out struct {
		DNSName string `xml:"DNSName,omitempty"`
	}
	if old, ok := rq.r.lbs.get(lb.Name); ok {
		// There is no client token: the same request again succeeds, with
		// no DNS name in the answer. Tags are not part of the comparison, and
		// those of the second request are dropped: who owns a load balancer is
		// not proved by having been able to create it.
		if lb.sameAs(old) {
			return out, nil
		}
		return nil, errorf("DuplicateLoadBalancerName",
			"A load balancer with the same name '%s' exists, but with different settings", lb.Name)
	}
	if rq.r.lbs.len() >= rq.c.opts.LoadBalancerLimit {
		return nil, errorf("TooManyLoadBalancers", "Exceeded quota of account %s", rq.r.account)
	}
	if e := rq.needELBRole(); e != nil {
		return nil, e
	}
	lb.visibleAt = rq.now.Add(rq.c.opts.LoadBalancerVisibleAfter)
	rq.r.addLoadBalancer(lb)
	out.DNSName = lb.DNSName
	return out, nil
}

// addLoadBalancer puts the load balancer there with an interface in each of
// its subnets.
func (r *region) addLoadBalancer(lb *loadBalancer) {
	c := r.cloud
	lb.seq, lb.Created = c.nextSeq(), time.Now()
	lb.resolves = lb.Created.Add(c.opts.DNSDelay)
	number := c.rnd.IntN(2_000_000_000)
	switch {
	case c.opts.DNSName != nil:
		lb.DNSName = c.opts.DNSName(r.account, r.name, lb.Name)
	case lb.Scheme == "internal":
		lb.DNSName = fmt.Sprintf("internal-%s-%d.%s.elb.amazonaws.com", lb.Name, number, r.name)
	default:
		lb.DNSName = fmt.Sprintf("%s-%d.%s.elb.amazonaws.com", lb.Name, number, r.name)
	}
	r.lbs.put(lb.Name, lb)
	r.emit("load-balancer", lb.Name, Created, lb.DNSName)
	if v, _ := r.vpcs.get(lb.VPC); v.Default && c.opts.DefaultVPCGroup {
		own := r.addGroup(lb.VPC, "default_elb_"+lb.Name, "ELB created security group used when no security group is specified "+
			"during ELB creation - modifications could impact traffic to future ELBs", nil)
		for _, l := range lb.Listeners {
			r.addRule(Rule{Group: own.ID, Protocol: "tcp", From: l.Port, To: l.Port, CIDR: "0.0.0.0/0"})
		}
		lb.Groups, lb.ownGroup = append(lb.Groups, own.ID), own.ID
	}
	for _, id := range lb.Subnets {
		s, _ := r.subnets.get(id)
		r.addNode(lb, s, lb.Created.Add(c.opts.InterfaceDelay))
	}
}

// addNode gives a load balancer a node in a subnet, which is an interface.
func (r *region) addNode(lb *loadBalancer, s *subnet, visibleAt time.Time) {
	c := r.cloud
	ni := &iface{seq: c.nextSeq(), visibleAt: visibleAt, Interface: Interface{
		ID: c.newID("eni"), Description: "ELB " + lb.Name, Owner: elbOwner, VPC: lb.VPC, Subnet: s.ID, Zone: s.Zone,
		PrivateIP: r.freeAddress(s), Groups: slices.Clone(lb.Groups), LoadBalancer: lb.Name, Tags: map[string]string{},
	}}
	if lb.Scheme != "internal" {
		// From TEST-NET-2 (RFC 5737), so that nobody is called by mistake.
		ni.PublicIP = netip.AddrFrom4([4]byte{198, 51, 100, byte(1 + ni.seq%254)}).String()
	}
	r.ifaces.put(ni.ID, ni)
	lb.nodes = append(lb.nodes, ni)
	r.emit("network-interface", ni.ID, Created, ni.Description)
}

// loadBalancerAsked checks a CreateLoadBalancer and makes what it asks for.
func (rq *request) loadBalancerAsked() (*loadBalancer, *apiError) {
	lb := &loadBalancer{LoadBalancer: LoadBalancer{
		Name: rq.p.str("LoadBalancerName"), Scheme: rq.p.str("Scheme"),
		Subnets: rq.p.members("Subnets"), Groups: rq.p.members("SecurityGroups"),
		// The defaults of the API; the console's are others.
		HealthCheck: HealthCheck{
			Interval: 30 * time.Second, Timeout: 5 * time.Second, Healthy: 10, Unhealthy: 2,
		},
		IdleTimeout: 60 * time.Second, DrainingTimeout: 300 * time.Second,
	}}
	if !elbNameRE.MatchString(lb.Name) {
		return nil, errorf("ValidationError",
			"LoadBalancerName must be at most 32 characters, only contain alphanumeric characters or hyphens, "+
				"and not begin or end with a hyphen: '%s'", lb.Name)
	}
	switch lb.Scheme {
	case "":
		lb.Scheme = "internet-facing"
	case "internet-facing", "internal":
	default:
		return nil, errorf("InvalidScheme", "Invalid scheme '%s'", lb.Scheme)
	}
	var e *apiError
	if lb.Listeners, e = listenersAsked(rq.p); e != nil {
		return nil, e
	}
	first := lb.Listeners[0]
	lb.HealthCheck.Target = fmt.Sprintf("TCP:%d", first.InstancePort)
	if lb.Tags, e = elbTagsAsked(rq.p); e != nil {
		return nil, e
	}
	if e := rq.c.checkELBTags(lb.Tags, 0); e != nil {
		return nil, e
	}
	if e := rq.checkSubnets(lb); e != nil {
		return nil, e
	}
	if len(lb.Groups) == 0 {
		// Left out, the VPC's default group is taken: a trap, not a service.
		for _, g := range rq.r.groups.all() {
			if g.VPC == lb.VPC && g.Name == "default" {
				lb.Groups = []string{g.ID}
			}
		}
	}
	return lb, rq.checkGroups(lb.VPC, lb.Groups)
}

func listenersAsked(p params) ([]Listener, *apiError) {
	var out []Listener
	for _, o := range p.memberObjects("Listeners") {
		l := Listener{
			Protocol: strings.ToUpper(o.str("Protocol")), Port: o.num("LoadBalancerPort", 0),
			InstanceProtocol: strings.ToUpper(o.str("InstanceProtocol")), InstancePort: o.num("InstancePort", 0),
		}
		if l.InstanceProtocol == "" {
			l.InstanceProtocol = l.Protocol
		}
		for _, protocol := range []string{l.Protocol, l.InstanceProtocol} {
			switch protocol {
			case "TCP", "HTTP":
			case "SSL", "HTTPS":
				return nil, errorf("CertificateNotFound", "Server Certificate not found for the key: %s", o.str("SSLCertificateId"))
			default:
				return nil, errorf("UnsupportedProtocol", "Listener protocol '%s' must be one of HTTP, HTTPS, TCP, SSL", protocol)
			}
		}
		if (l.Protocol == "TCP") != (l.InstanceProtocol == "TCP") {
			return nil, errorf("InvalidConfigurationRequest", "Listener and instance protocols have to be of the same layer")
		}
		for _, port := range []int{l.Port, l.InstancePort} {
			if port < 1 || port > 65535 {
				return nil, errorf("ValidationError", "Port %d must be between 1 and 65535", port)
			}
		}
		for _, other := range out {
			if other.Port == l.Port {
				return nil, errorf("DuplicateListener", "Listener with port %d has been specified twice", l.Port)
			}
		}
		out = append(out, l)
	}
	if len(out) == 0 {
		return nil, errorf("ValidationError", "Listeners cannot be empty")
	}
	return out, nil
}

// checkSubnets holds the subnets against what a Classic Load Balancer needs:
// a /27 or larger with 8 free addresses, an ordinary zone, one to a zone.
//
// AWS accepts an internet-facing load balancer in a subnet without a route to
// the internet, as long as the VPC has a gateway, and it is then never reached.
// The fake is stricter there and refuses it.
func (rq *request) checkSubnets(lb *loadBalancer) *apiError {
	if len(lb.Subnets) == 0 {
		return errorf("ValidationError", "Either AvailabilityZones or SubnetIds must be specified")
	}
	for _, id := range lb.Subnets {
		s, ok := rq.r.subnets.get(id)
		if !ok {
			return errorf("SubnetNotFound", "The subnet ID '%s' does not exist", id)
		}
		z, _ := rq.r.zone(s.Zone)
		prefix := netip.MustParsePrefix(s.CIDR)
		v, _ := rq.r.vpcs.get(s.VPC)
		switch {
		case lb.VPC != "" && lb.VPC != s.VPC:
			return errorf("InvalidConfigurationRequest", "Subnets belong to different VPCs")
		case contains(lb.Zones, s.Zone):
			return errorf("InvalidConfigurationRequest", "ELB cannot be attached to multiple subnets in the same AZ.")
		case z.Type != AvailabilityZone:
			return errorf("InvalidSubnet", "Subnet %s is in a zone of type %s, which is not supported", id, z.Type)
		case z.NoClassicELB:
			return errorf("InvalidConfigurationRequest", "Load balancers are not supported in availability zone %s", s.Zone)
		case prefix.Bits() > 27:
			return errorf("InvalidSubnet", "Subnet %s must have a CIDR block with at least a /27 bitmask", id)
		case rq.r.free(s) < 8:
			return errorf("InvalidSubnet", "Not enough IP space available in %s. ELB requires at least 8 free IP addresses in each subnet.", id)
		case lb.Scheme == "internet-facing" && v.Gateway == "":
			return errorf("InvalidSubnet", "VPC %s has no internet gateway", s.VPC)
		case lb.Scheme == "internet-facing" && !rq.r.public(s):
			return errorf("InvalidSubnet", "Subnet %s has no route to an internet gateway", id)
		}
		lb.VPC = s.VPC
		lb.Zones = append(lb.Zones, s.Zone)
	}
	return nil
}

// sameAs tells whether a repeated create asks for what is there already.
func (lb *loadBalancer) sameAs(old *loadBalancer) bool {
	asked := filterSlice(old.Groups, func(id string) bool { return id != old.ownGroup })
	byPort := func(a, b Listener) int { return a.Port - b.Port }
	return lb.Scheme == old.Scheme && sameSet(lb.Subnets, old.Subnets) && sameSet(lb.Groups, asked) &&
		slices.Equal(slices.SortedStableFunc(slices.Values(lb.Listeners), byPort),
			slices.SortedStableFunc(slices.Values(old.Listeners), byPort))
}

// deleteLoadBalancer succeeds also when there is none by that name.
func deleteLoadBalancer(rq *request) (any, *apiError) {
	name := rq.p.str("LoadBalancerName")
	if name == "" {
		return nil, errorf("ValidationError", "LoadBalancerName is required")
	}
	rq.r.removeLoadBalancer(name, rq.now)
	return nil, nil
}

// removeLoadBalancer takes a load balancer away and leaves its interfaces to
// linger, with the groups they have.
func (r *region) removeLoadBalancer(name string, at time.Time) {
	lb, ok := r.lbs.get(name)
	if !ok {
		return
	}
	r.lbs.del(name)
	r.emit("load-balancer", name, Deleted, "")
	lb.delivers = at.Add(r.cloud.opts.DeleteDelay)
	if time.Now().Before(lb.delivers) {
		r.dying.put(name, lb)
	}
	r.cut(lb, "", lb.delivers, "load balancer deleted")
	for _, ni := range lb.nodes {
		ni.Gone = at.Add(r.cloud.opts.InterfaceLinger)
	}
}
