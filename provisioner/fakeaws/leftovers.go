package fakeaws

import (
	"fmt"
	"strings"
)

// Leftovers lists what carries a tag, one line for each thing, in all accounts
// and regions; an empty value means any. It is empty when nothing is left.
// Schedules have no tags of their own and count as tagged when their group is;
// the group itself, which may stay, does not count.
func (c *Cloud) Leftovers(key, value string) []string {
	c.Refresh()
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, r := range c.regions.all() {
		for _, line := range r.leftovers(key, value) {
			out = append(out, r.account+" "+r.name+" "+line)
		}
	}
	return out
}

// Leftovers is Cloud.Leftovers for one account and region.
func (h *Region) Leftovers(key, value string) []string {
	defer h.lock("")()
	return h.r.leftovers(key, value)
}

func carries(tags map[string]string, key, value string) bool {
	v, ok := tags[key]
	return ok && (value == "" || v == value)
}

func (r *region) leftovers(key, value string) []string {
	var out []string
	for _, t := range r.taggedResources() {
		if carries(t.tags, key, value) {
			out = append(out, t.kind+" "+t.id)
		}
	}
	for _, lb := range r.lbs.all() {
		if carries(lb.Tags, key, value) {
			out = append(out, "load-balancer "+lb.Name)
		}
	}
	for _, s := range r.schedules.all() {
		if g, ok := r.schedGroups.get(s.Group); ok && carries(g.Tags, key, value) {
			out = append(out, "schedule "+s.Group+"/"+s.Name)
		}
	}
	return out
}

// Foreign describes all that does not carry a tag, in all accounts and regions:
// text that is the same as long as nothing of anybody else's was touched, and
// shows in a diff what was. A group that carries the tag is left out with its
// rules, a load balancer with its interfaces and the places they take up. Rules
// that carry it are left out of the groups of others. What instances do by
// themselves, such as stopping, shows too.
func (c *Cloud) Foreign(key, value string) string {
	c.Refresh()
	c.mu.Lock()
	defer c.mu.Unlock()
	var b strings.Builder
	for _, r := range c.regions.all() {
		fmt.Fprintf(&b, "== %s %s\n", r.account, r.name)
		r.foreign(&b, key, value)
	}
	return b.String()
}

func (r *region) foreign(b *strings.Builder, key, value string) {
	own := func(tags map[string]string) bool { return carries(tags, key, value) }
	for _, v := range r.vpcs.all() {
		if !own(v.Tags) {
			fmt.Fprintf(b, "vpc %s %s gateway=%s tags=%v\n", v.ID, v.CIDR, v.Gateway, v.Tags)
		}
	}
	for _, s := range r.subnets.all() {
		if !own(s.Tags) {
			fmt.Fprintf(b, "subnet %s %s %s tags=%v\n", s.ID, s.CIDR, s.Zone, s.Tags)
		}
	}
	for _, t := range r.routeTables.all() {
		if !own(t.Tags) {
			fmt.Fprintf(b, "route-table %s %v %v tags=%v\n", t.ID, t.Subnets, t.Routes, t.Tags)
		}
	}
	for _, i := range r.instances.all() {
		if !own(i.Tags) {
			fmt.Fprintf(b, "instance %s %s %s groups=%v tags=%v\n", i.ID, i.State, i.PrivateIP, i.Groups, i.Tags)
		}
	}
	for _, g := range r.groups.all() {
		if own(g.Tags) {
			continue
		}
		fmt.Fprintf(b, "security-group %s %q %q tags=%v\n", g.ID, g.Name, g.Description, g.Tags)
		for _, u := range r.rulesOf(g.ID) {
			if !own(u.Tags) {
				fmt.Fprintf(b, "  rule %s egress=%t %s tags=%v\n", u.ID, u.Egress, u.permission().describe(), u.Tags)
			}
		}
	}
	for _, lb := range r.lbs.all() {
		if own(lb.Tags) {
			continue
		}
		fmt.Fprintf(b, "load-balancer %s %v %v %v %v idle=%v draining=%t tags=%v\n", lb.Name, lb.Subnets, lb.Groups,
			lb.Listeners, lb.HealthCheck, lb.IdleTimeout, lb.Draining, lb.Tags)
		for _, reg := range lb.regs {
			fmt.Fprintf(b, "  instance %s\n", reg.instance)
		}
	}
	for _, g := range r.schedGroups.all() {
		if own(g.Tags) {
			continue
		}
		fmt.Fprintf(b, "schedule-group %s tags=%v\n", g.Name, g.Tags)
		for _, s := range r.schedules.all() {
			if s.Group == g.Name {
				fmt.Fprintf(b, "  schedule %s %s %s %s\n", s.Name, s.Expression, s.Target, s.Input)
			}
		}
	}
}
