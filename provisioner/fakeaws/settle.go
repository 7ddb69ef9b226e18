package fakeaws

import (
	"slices"
	"time"
)

// settle lets everything happen that is due by now. It is called with the
// Cloud locked before and after whatever looks or changes, which stands in for
// processes in the background: nobody can tell the difference, and nothing is
// left running.
func (c *Cloud) settle(now time.Time) {
	c.settleLate(now)
	for _, r := range c.regions.all() {
		r.settleSchedules(now)
		r.settleInstances(now)
		r.settleInterfaces(now)
		r.settleHealth(now)
		r.settleRemovals(now)
		r.settleSessions(now)
	}
}

func (r *region) settleInstances(now time.Time) {
	for _, i := range r.instances.all() {
		if i.next != "" && !now.Before(i.nextAt) {
			r.enter(i, i.next, i.nextAt)
		}
		if i.State == Terminated && !now.Before(i.terminated.Add(r.cloud.opts.TerminatedVisible)) {
			r.instances.del(i.ID)
			r.emit("instance", i.ID, Deleted, "")
		}
	}
}

// enter puts an instance in a state that lasts.
func (r *region) enter(i *instance, state string, at time.Time) {
	i.State, i.next = state, ""
	r.emit("instance", i.ID, Changed, state)
	if state != Terminated {
		return
	}
	i.terminated = at
	r.ifaces.del(i.Interface)
	r.emit("network-interface", i.Interface, Deleted, "")
	// A load balancer drops an instance that is terminated, but not one that
	// is stopped.
	for _, lb := range r.lbs.all() {
		if reg := lb.registration(i.ID); reg != nil {
			r.drop(lb, reg)
		}
	}
}

// settleRemovals finishes what was taken back and deleted a while ago.
func (r *region) settleRemovals(now time.Time) {
	over := func(reg *registration) bool { return !reg.leaves.IsZero() && !now.Before(reg.leaves) }
	for _, lb := range r.lbs.all() {
		for at := slices.IndexFunc(lb.regs, over); at >= 0; at = slices.IndexFunc(lb.regs, over) {
			r.drop(lb, lb.regs[at])
		}
	}
	for _, lb := range r.dying.all() {
		if !now.Before(lb.delivers) {
			r.dying.del(lb.Name)
		}
	}
}

func (r *region) settleInterfaces(now time.Time) {
	for _, ni := range r.ifaces.all() {
		if !ni.Gone.IsZero() && !now.Before(ni.Gone) {
			r.ifaces.del(ni.ID)
			r.emit("network-interface", ni.ID, Deleted, ni.Description)
		}
	}
}
