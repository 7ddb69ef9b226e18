package fakeaws

import (
	"encoding/json"
	"strings"
	"time"
)

// deleteLoadBalancerTarget is the one universal target that does something,
// after the partition.
const deleteLoadBalancerTarget = ":scheduler:::aws-sdk:elasticloadbalancing:deleteLoadBalancer"

// settleSchedules lets due one-time schedules happen, at the time they were
// due.
func (r *region) settleSchedules(now time.Time) {
	for _, s := range r.schedules.all() {
		if s.done || s.State != "ENABLED" || s.At.IsZero() || now.Before(s.At) {
			continue
		}
		s.done = true
		cause := r.cloud.cause
		r.cloud.cause = "schedule " + s.Group + "/" + s.Name
		if strings.HasSuffix(s.Target, deleteLoadBalancerTarget) {
			var in struct{ LoadBalancerName string }
			if err := json.Unmarshal([]byte(s.Input), &in); err == nil {
				at := s.At
				if s.Modified.After(at) {
					at = s.Modified
				}
				r.removeLoadBalancer(in.LoadBalancerName, at)
			}
		}
		if s.DeleteAfter {
			r.removeSchedule(s)
		}
		r.cloud.cause = cause
	}
}
