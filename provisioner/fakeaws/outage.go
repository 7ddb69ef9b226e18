package fakeaws

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// SetZoneOutage begins or ends an outage of an availability zone as the EC2 API
// shows it: DescribeInstances fails for instances of that zone, and also
// altogether when it is called without instance ids. Options.OutageSparesFilters
// says whether a filter counts as that. Nothing else is affected.
//
// "If an Availability Zone is experiencing a service disruption and you specify
// instance IDs that are in the affected zone, or do not specify any instance IDs
// at all, the call fails." (API reference, DescribeInstances). The code is not
// documented; it is Unavailable here.
func (h *Region) SetZoneOutage(zone string, out bool) {
	defer h.lock("SetZoneOutage")()
	z, ok := h.r.zone(zone)
	must(z, ok, "zone", zone)
	h.r.outages = slices.DeleteFunc(h.r.outages, func(o string) bool { return o == zone })
	if out {
		h.r.outages = append(h.r.outages, zone)
	}
}

// disrupted tells whether an outage makes this DescribeInstances fail.
func (rq *request) disrupted() *apiError {
	if len(rq.r.outages) == 0 {
		return nil
	}
	ids, filters := rq.p.list("InstanceId"), rq.p.objects("Filter")
	fails := len(ids) == 0 && (len(filters) == 0 || !rq.c.opts.OutageSparesFilters)
	for _, id := range ids {
		if i, ok := rq.r.instances.get(id); ok && contains(rq.r.outages, i.Zone) {
			fails = true
		}
	}
	if !fails {
		return nil
	}
	return &apiError{
		status: http.StatusServiceUnavailable, code: "Unavailable",
		message: "The service is unavailable. Please try again shortly.",
	}
}

// Failing is for SetFault: the fault of every call of the operations that a
// pattern names ("ec2:Describe*"), for as long as it is set; with resources
// given, only of calls that mention one of them in some parameter.
func Failing(pattern string, f Fault, resources ...string) func(Call) Fault {
	return func(c Call) Fault {
		if ok, err := path.Match(pattern, c.String()); err != nil || !ok || !c.mentions(resources) {
			return Fault{}
		}
		return f
	}
}

// Either is for SetFault: the first fault that one of them makes of a call.
func Either(faults ...func(Call) Fault) func(Call) Fault {
	return func(c Call) Fault {
		for _, f := range faults {
			if fault := f(c); !fault.none() {
				return fault
			}
		}
		return Fault{}
	}
}

// mentions tells whether a parameter has the resource as its value, or for
// Scheduler somewhere in its document.
func (c Call) mentions(resources []string) bool {
	if len(resources) == 0 {
		return true
	}
	for key, values := range c.Params {
		for _, v := range values {
			if slices.ContainsFunc(resources, func(r string) bool { return v == r || key == "Body" && strings.Contains(v, r) }) {
				return true
			}
		}
	}
	return false
}

func (f Fault) none() bool {
	return f.Before == nil && f.Delay == 0 && !f.Unsent && f.Code == "" && f.After == nil && f.SlowReply == 0 && !f.Lost
}
