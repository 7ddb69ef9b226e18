package fakeaws

import (
	"fmt"
	"strconv"
)

type xmlLoadBalancer struct {
	Name        string         `xml:"LoadBalancerName"`
	DNSName     string         `xml:"DNSName"`
	ZoneName    string         `xml:"CanonicalHostedZoneName"`
	ZoneID      string         `xml:"CanonicalHostedZoneNameID"`
	Created     string         `xml:"CreatedTime"`
	Scheme      string         `xml:"Scheme"`
	VPC         string         `xml:"VPCId"`
	Zones       []string       `xml:"AvailabilityZones>member"`
	Subnets     []string       `xml:"Subnets>member"`
	Groups      []string       `xml:"SecurityGroups>member"`
	Instances   []xmlELBTarget `xml:"Instances>member"`
	Listeners   []xmlListener  `xml:"ListenerDescriptions>member"`
	HealthCheck xmlHealthCheck `xml:"HealthCheck"`
	SourceOwner string         `xml:"SourceSecurityGroup>OwnerAlias"`
	SourceGroup string         `xml:"SourceSecurityGroup>GroupName"`
}

type xmlELBTarget struct {
	ID string `xml:"InstanceId"`
}

type xmlListener struct {
	Protocol         string `xml:"Listener>Protocol"`
	Port             int    `xml:"Listener>LoadBalancerPort"`
	InstanceProtocol string `xml:"Listener>InstanceProtocol"`
	InstancePort     int    `xml:"Listener>InstancePort"`
}

type xmlHealthCheck struct {
	Target    string `xml:"Target"`
	Interval  int    `xml:"Interval"`
	Timeout   int    `xml:"Timeout"`
	Unhealthy int    `xml:"UnhealthyThreshold"`
	Healthy   int    `xml:"HealthyThreshold"`
}

// loadBalancer finds the one a call names.
func (rq *request) loadBalancer() (*loadBalancer, *apiError) {
	return rq.loadBalancerNamed(rq.p.str("LoadBalancerName"))
}

func (rq *request) loadBalancerNamed(name string) (*loadBalancer, *apiError) {
	lb, ok := rq.r.lbs.get(name)
	if !ok || !rq.visible(lb.visibleAt) {
		return nil, errorf("LoadBalancerNotFound", "There is no ACTIVE Load Balancer named '%s'", name)
	}
	return lb, nil
}

func describeLoadBalancers(rq *request) (any, *apiError) {
	var all []*loadBalancer
	names := rq.p.members("LoadBalancerNames")
	for _, name := range names {
		lb, e := rq.loadBalancerNamed(name)
		if e != nil {
			return nil, e
		}
		all = append(all, lb)
	}
	if len(names) == 0 {
		all = filterSlice(rq.r.lbs.all(), func(lb *loadBalancer) bool { return rq.visible(lb.visibleAt) })
	}
	size := 400
	if rq.p.has("PageSize") {
		n, err := strconv.Atoi(rq.p.str("PageSize"))
		if err != nil || n < 1 || n > 400 {
			return nil, errorf("ValidationError", "PageSize must be between 1 and 400")
		}
		size = n
	}
	var out struct {
		LoadBalancers []xmlLoadBalancer `xml:"LoadBalancerDescriptions>member"`
		Next          string            `xml:"NextMarker,omitempty"`
	}
	all, next, e := cut(rq, all, func(lb *loadBalancer) int { return lb.seq }, size, rq.p.str("Marker"), "Marker")
	if e != nil {
		return nil, errorf("ValidationError", "%s", e.message)
	}
	out.Next = next
	for _, lb := range all {
		out.LoadBalancers = append(out.LoadBalancers, rq.r.xmlLoadBalancer(lb))
	}
	return out, nil
}

func (r *region) xmlLoadBalancer(lb *loadBalancer) xmlLoadBalancer {
	x := xmlLoadBalancer{
		Name: lb.Name, DNSName: lb.DNSName, ZoneName: lb.DNSName, ZoneID: "Z14GRHDCWA56QT",
		Created: stamp(lb.Created), Scheme: lb.Scheme, VPC: lb.VPC,
		Zones: lb.Zones, Subnets: lb.Subnets, Groups: lb.Groups,
		HealthCheck: toXMLHealthCheck(lb.HealthCheck), SourceOwner: r.account,
	}
	if len(lb.Groups) > 0 {
		x.SourceGroup = r.groupRefs(lb.Groups[:1])[0].Name
	}
	x.Instances = lb.targets().Instances
	for _, l := range lb.Listeners {
		x.Listeners = append(x.Listeners, xmlListener(l))
	}
	return x
}

func toXMLHealthCheck(h HealthCheck) xmlHealthCheck {
	return xmlHealthCheck{
		Target: h.Target, Interval: int(h.Interval.Seconds()), Timeout: int(h.Timeout.Seconds()),
		Healthy: h.Healthy, Unhealthy: h.Unhealthy,
	}
}

func describeAccountLimits(rq *request) (any, *apiError) {
	type limit struct {
		Name string `xml:"Name"`
		Max  string `xml:"Max"`
	}
	var out struct {
		Limits []limit `xml:"Limits>member"`
	}
	out.Limits = []limit{
		{"classic-load-balancers", fmt.Sprint(rq.c.opts.LoadBalancerLimit)},
		{"classic-listeners", "100"},
		{"classic-registered-instances", "1000"},
	}
	return out, nil
}
