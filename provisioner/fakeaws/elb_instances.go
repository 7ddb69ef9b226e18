package fakeaws

import (
	"slices"
	"time"
)

type xmlTargets struct {
	Instances []xmlELBTarget `xml:"Instances>member"`
}

type xmlHealth struct {
	Instance    string `xml:"InstanceId"`
	State       string `xml:"State"`
	Reason      string `xml:"ReasonCode"`
	Description string `xml:"Description"`
}

// targets reads the load balancer that a call names, and the instances. ELB says
// InvalidInstance of those that do not exist, or no longer.
func (rq *request) targets() (lb *loadBalancer, ids []string, e *apiError) {
	if lb, e = rq.loadBalancer(); e != nil {
		return nil, nil, e
	}
	for _, o := range rq.p.memberObjects("Instances") {
		id := o.str("InstanceId")
		i, ok := rq.r.instances.get(id)
		registered := lb.listed(id) != nil
		switch {
		case registered:
		case !ok, i.State == Terminated, i.State == ShuttingDown:
			return nil, nil, errorf("InvalidInstance", "Could not find EC2 instance %s.", id)
		case i.VPC != lb.VPC:
			return nil, nil, errorf("InvalidInstance", "EC2 instance %s is not in the same VPC as ELB.", id)
		}
		if !contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return lb, ids, nil
}

func (lb *loadBalancer) registration(id string) *registration {
	for _, reg := range lb.regs {
		if reg.instance == id && reg.leaves.IsZero() {
			return reg
		}
	}
	return nil
}

// listed is a registration that DescribeInstanceHealth shows: also one that is
// on its way out.
func (lb *loadBalancer) listed(id string) *registration {
	if reg := lb.registration(id); reg != nil {
		return reg
	}
	at := slices.IndexFunc(lb.regs, func(reg *registration) bool { return reg.instance == id })
	if at < 0 {
		return nil
	}
	return lb.regs[at]
}

func (lb *loadBalancer) targets() xmlTargets {
	var out xmlTargets
	for _, reg := range lb.regs {
		if reg.leaves.IsZero() {
			out.Instances = append(out.Instances, xmlELBTarget{reg.instance})
		}
	}
	return out
}

// registerInstances returns before anything is in service, and once more for
// an instance that is registered it changes nothing.
func registerInstances(rq *request) (any, *apiError) {
	lb, ids, e := rq.targets()
	if e != nil {
		return nil, e
	}
	if len(ids) == 0 {
		return nil, errorf("ValidationError", "Instances cannot be empty")
	}
	for _, id := range ids {
		if lb.registration(id) == nil {
			rq.r.register(lb, id)
		}
	}
	return lb.targets(), nil
}

func deregisterInstances(rq *request) (any, *apiError) {
	lb, ids, e := rq.targets()
	if e != nil {
		return nil, e
	}
	for _, id := range ids {
		if lb.registration(id) == nil && rq.c.opts.StrictDeregister {
			return nil, errorf("InvalidInstance", "Instance %s is not registered with load balancer %s", id, lb.Name)
		}
	}
	for _, id := range ids {
		rq.r.deregister(lb, id, rq.now)
	}
	return lb.targets(), nil
}

// deregister begins to take a registration back, which is over at once only in
// a Cloud without delays. With draining on, sessions have DrainingTimeout.
func (r *region) deregister(lb *loadBalancer, id string, now time.Time) {
	reg := lb.registration(id)
	if reg == nil {
		return
	}
	reg.leaves = now.Add(r.cloud.opts.DeregisterDelay)
	if lb.Draining {
		reg.draining = true
		if r.spared(lb, id) {
			reg.leaves = reg.leaves.Add(lb.DrainingTimeout)
		}
	}
	r.cut(lb, id, reg.leaves, "instance deregistered")
	if now.Before(reg.leaves) {
		r.emit("health", lb.Name+"/"+id, Changed, "deregistering")
		return
	}
	r.drop(lb, reg)
}

// drop ends a registration.
func (r *region) drop(lb *loadBalancer, reg *registration) {
	lb.regs = slices.DeleteFunc(lb.regs, func(o *registration) bool { return o == reg })
	r.emit("health", lb.Name+"/"+reg.instance, Deleted, "deregistered")
}

func describeInstanceHealth(rq *request) (any, *apiError) {
	lb, ids, e := rq.targets()
	if e != nil {
		return nil, e
	}
	if len(ids) == 0 {
		for _, reg := range lb.regs {
			if !contains(ids, reg.instance) {
				ids = append(ids, reg.instance)
			}
		}
	}
	var out struct {
		States []xmlHealth `xml:"InstanceStates>member"`
	}
	for _, id := range ids {
		h := xmlHealth{
			Instance: id, State: outOfService, Reason: "Instance",
			Description: "Instance is not currently registered with the LoadBalancer.",
		}
		if reg := lb.listed(id); reg != nil {
			h = xmlHealth{Instance: id, State: reg.last.State, Reason: reg.last.Reason, Description: reg.last.Description}
		}
		out.States = append(out.States, h)
	}
	return out, nil
}
