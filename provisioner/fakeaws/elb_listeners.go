package fakeaws

import "slices"

// createListeners adds listeners; one that is there already, the same in all,
// is no error.
func createListeners(rq *request) (any, *apiError) {
	lb, e := rq.loadBalancer()
	if e != nil {
		return nil, e
	}
	asked, e := listenersAsked(rq.p)
	if e != nil {
		return nil, e
	}
	listeners := slices.Clone(lb.Listeners)
	for _, l := range asked {
		at := slices.IndexFunc(listeners, func(o Listener) bool { return o.Port == l.Port })
		switch {
		case at < 0:
			listeners = append(listeners, l)
		case listeners[at] != l:
			return nil, errorf("DuplicateListener",
				"A listener already exists for %s with LoadBalancerPort %d, but with a different configuration", lb.Name, l.Port)
		}
	}
	lb.Listeners = listeners
	rq.r.emit("load-balancer", lb.Name, Changed, "listeners")
	return nil, nil
}

// deleteListeners removes the listeners on these ports, if there are any.
func deleteListeners(rq *request) (any, *apiError) {
	lb, e := rq.loadBalancer()
	if e != nil {
		return nil, e
	}
	ports := rq.p.members("LoadBalancerPorts")
	lb.Listeners = slices.DeleteFunc(slices.Clone(lb.Listeners), func(l Listener) bool { return contains(ports, itoas(l.Port)[0]) })
	rq.r.emit("load-balancer", lb.Name, Changed, "listeners")
	return nil, nil
}

// applyGroups replaces the groups of a load balancer.
func applyGroups(rq *request) (any, *apiError) {
	lb, e := rq.loadBalancer()
	if e != nil {
		return nil, e
	}
	groups := rq.p.members("SecurityGroups")
	if e := rq.checkGroups(lb.VPC, groups); e != nil {
		return nil, e
	}
	rq.r.setGroups(lb, groups)
	var out struct {
		Groups []string `xml:"SecurityGroups>member"`
	}
	out.Groups = groups
	return out, nil
}

// checkGroups holds the groups against what a load balancer may have.
func (rq *request) checkGroups(vpcID string, groups []string) *apiError {
	if len(groups) > 5 {
		return errorf("InvalidConfigurationRequest", "Too many security groups")
	}
	for _, id := range groups {
		g, ok := rq.r.groups.get(id)
		if !ok || !rq.visible(g.visibleAt) || g.VPC != vpcID {
			return errorf("InvalidSecurityGroup",
				"One or more of the specified security groups do not exist or are not in the load balancer's VPC: %s", id)
		}
	}
	return nil
}
