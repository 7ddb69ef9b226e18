package fakeaws

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

var healthTargetRE = regexp.MustCompile(`^(TCP:(\d+)|SSL:(\d+)|HTTPS?:(\d+)/.*)$`)

// port is the port of the instance that the health check connects to.
func (h HealthCheck) port() int {
	_, rest, _ := strings.Cut(h.Target, ":")
	digits, _, _ := strings.Cut(rest, "/")
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0
	}
	return n
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

func configureHealthCheck(rq *request) (any, *apiError) {
	lb, e := rq.loadBalancer()
	if e != nil {
		return nil, e
	}
	o := rq.p.sub("HealthCheck")
	h := HealthCheck{
		Target: o.str("Target"), Interval: seconds(o.num("Interval", 0)), Timeout: seconds(o.num("Timeout", 0)),
		Healthy: o.num("HealthyThreshold", 0), Unhealthy: o.num("UnhealthyThreshold", 0),
	}
	between := func(n, least, most int) bool { return least <= n && n <= most }
	switch {
	case !healthTargetRE.MatchString(h.Target) || !between(h.port(), 1, 65535):
		return nil, errorf("ValidationError", "HealthCheck target '%s' is invalid", h.Target)
	case !between(int(h.Interval.Seconds()), 5, 300):
		return nil, errorf("ValidationError", "HealthCheck interval must be between 5 and 300 seconds")
	case !between(int(h.Timeout.Seconds()), 2, 60):
		return nil, errorf("ValidationError", "HealthCheck timeout must be between 2 and 60 seconds")
	case h.Timeout >= h.Interval:
		return nil, errorf("ValidationError", "HealthCheck timeout must be less than interval")
	case !between(h.Healthy, 2, 10), !between(h.Unhealthy, 2, 10):
		return nil, errorf("ValidationError", "HealthCheck thresholds must be between 2 and 10")
	}
	if lb.HealthCheck != h {
		lb.HealthCheck = h
		rq.r.emit("load-balancer", lb.Name, Changed, "health check "+h.Target)
	}
	var out struct {
		HealthCheck xmlHealthCheck `xml:"HealthCheck"`
	}
	out.HealthCheck = toXMLHealthCheck(h)
	return out, nil
}

type xmlLBAttributes struct {
	CrossZone *xmlEnabled  `xml:"CrossZoneLoadBalancing"`
	AccessLog *xmlEnabled  `xml:"AccessLog"`
	Draining  *xmlDraining `xml:"ConnectionDraining"`
	Settings  *xmlIdle     `xml:"ConnectionSettings"`
}

type xmlEnabled struct {
	Enabled bool `xml:"Enabled"`
}

type xmlDraining struct {
	Enabled bool `xml:"Enabled"`
	Timeout int  `xml:"Timeout"`
}

type xmlIdle struct {
	IdleTimeout int `xml:"IdleTimeout"`
}

func (lb *loadBalancer) attributes() xmlLBAttributes {
	return xmlLBAttributes{
		CrossZone: &xmlEnabled{lb.CrossZone}, AccessLog: &xmlEnabled{false},
		Draining: &xmlDraining{lb.Draining, int(lb.DrainingTimeout.Seconds())},
		Settings: &xmlIdle{int(lb.IdleTimeout.Seconds())},
	}
}

func describeLoadBalancerAttributes(rq *request) (any, *apiError) {
	lb, e := rq.loadBalancer()
	if e != nil {
		return nil, e
	}
	var out struct {
		Attributes xmlLBAttributes `xml:"LoadBalancerAttributes"`
	}
	out.Attributes = lb.attributes()
	return out, nil
}

func modifyLoadBalancerAttributes(rq *request) (any, *apiError) {
	lb, e := rq.loadBalancer()
	if e != nil {
		return nil, e
	}
	o := rq.p.sub("LoadBalancerAttributes")
	next := lb.LoadBalancer
	var changed xmlLBAttributes
	if s := o.sub("ConnectionSettings"); !s.empty() {
		n := s.num("IdleTimeout", 0)
		if n < 1 || n > 4000 {
			return nil, errorf("ValidationError", "IdleTimeout must be between 1 and 4000 seconds")
		}
		next.IdleTimeout = seconds(n)
		changed.Settings = &xmlIdle{n}
	}
	if d := o.sub("ConnectionDraining"); !d.empty() {
		if !d.has("Enabled") {
			return nil, errorf("ValidationError", "ConnectionDraining.Enabled must be specified")
		}
		next.Draining = d.str("Enabled") == "true"
		if d.has("Timeout") {
			n := d.num("Timeout", 0)
			if n < 1 || n > 3600 {
				return nil, errorf("ValidationError", "ConnectionDraining.Timeout must be between 1 and 3600 seconds")
			}
			next.DrainingTimeout = seconds(n)
		}
		changed.Draining = &xmlDraining{next.Draining, int(next.DrainingTimeout.Seconds())}
	}
	if z := o.sub("CrossZoneLoadBalancing"); !z.empty() {
		next.CrossZone = z.str("Enabled") == "true"
		changed.CrossZone = &xmlEnabled{next.CrossZone}
	}
	if l := o.sub("AccessLog"); l.str("Enabled") == "true" {
		return nil, errorf("InvalidConfigurationRequest", "Access Denied for bucket: %s", l.str("S3BucketName"))
	}
	lb.LoadBalancer = next
	rq.r.emit("load-balancer", lb.Name, Changed, "attributes")
	var out struct {
		Name       string          `xml:"LoadBalancerName"`
		Attributes xmlLBAttributes `xml:"LoadBalancerAttributes"`
	}
	out.Name, out.Attributes = lb.Name, changed
	return out, nil
}
