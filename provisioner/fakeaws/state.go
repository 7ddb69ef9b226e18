package fakeaws

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// table keeps things by id in the order they were put, which is the order in
// which they are listed and paged.
type table[T any] struct {
	byID  map[string]T
	order []string
}

func (t *table[T]) put(id string, v T) {
	if t.byID == nil {
		t.byID = map[string]T{}
	}
	if _, ok := t.byID[id]; !ok {
		t.order = append(t.order, id)
	}
	t.byID[id] = v
}

func (t *table[T]) get(id string) (T, bool) {
	v, ok := t.byID[id]
	return v, ok
}

func (t *table[T]) del(id string) {
	if _, ok := t.byID[id]; !ok {
		return
	}
	delete(t.byID, id)
	t.order = slices.DeleteFunc(t.order, func(o string) bool { return o == id })
}

func (t *table[T]) len() int { return len(t.order) }

// all returns the things in order; the slice is the caller's own.
func (t *table[T]) all() []T {
	out := make([]T, 0, len(t.order))
	for _, id := range t.order {
		out = append(out, t.byID[id])
	}
	return out
}

// The state behind the exported snapshots: the snapshot itself, and what only
// the simulation needs to know. seq orders things for pagination.

type vpc struct {
	VPC
	seq   int
	owner string // another account that shares it
}

type subnet struct {
	Subnet
	seq  int
	used int // addresses taken by things that are not modelled
}

type routeTable struct {
	RouteTable
	seq int
}

type instance struct {
	Instance
	seq        int
	next       string    // the state that follows a transitional one
	nextAt     time.Time // when it does
	terminated time.Time
	limits     bool // connections, see Region.LimitConnections
}

type group struct {
	SecurityGroup
	seq       int
	owner     string // another account that shares it
	visibleAt time.Time
}

type rule struct {
	Rule
	seq       int
	visibleAt time.Time
}

type loadBalancer struct {
	LoadBalancer
	seq       int
	visibleAt time.Time
	resolves  time.Time
	ownGroup  string    // that ELB added, if any
	delivers  time.Time // when it is deleted: until when its nodes still do
	regs      []*registration
	nodes     []*iface // its interfaces, while it lives
}

type iface struct {
	Interface
	seq       int
	visibleAt time.Time
}

// token is the client token of the call that made it.
type schedule struct {
	Schedule
	seq   int
	token string
	done  bool
}

type scheduleGroup struct {
	ScheduleGroup
	seq   int
	token string
}

// registration follows the health of one instance. passing is whether the
// health check gets through now and since when it is so; serving is whether
// the instance is in service, which lags behind by the thresholds. checked is
// the version of the region that passing is about.
//
// leaves is when a registration that is being taken back is gone, zero for one
// that stays; draining means that it gets no new connections meanwhile.
type registration struct {
	instance   string
	leaves     time.Time
	draining   bool
	registered time.Time
	passing    bool
	since      time.Time
	serving    bool
	checked    int
	last       Registration
}

// region is all the state of one account in one region.
type region struct {
	cloud         *Cloud
	version       int // counts the changes
	account, name string

	zones       []Zone
	vpcs        table[*vpc]
	subnets     table[*subnet]
	routeTables table[*routeTable]
	instances   table[*instance]
	groups      table[*group]
	rules       table[*rule]
	rulesIn     map[string][]*rule // the same by group, since health checks ask often
	acls        table[*networkACL]
	blocks      map[string]string // of VPC Block Public Access, by VPC or subnet; "" is the region's
	lbs         table[*loadBalancer]
	dying       table[*loadBalancer] // deleted, and their nodes still deliver
	sessions    []*connection        // that stand
	ifaces      table[*iface]
	schedGroups table[*scheduleGroup]
	schedules   table[*schedule]
	outages     []string // zones
	negativeDNS map[string]time.Time
}

func newRegion(c *Cloud, account, name string) *region {
	r := &region{
		cloud: c, account: account, name: name,
		negativeDNS: map[string]time.Time{}, rulesIn: map[string][]*rule{}, blocks: map[string]string{},
	}
	for i, letter := range []string{"a", "c", "d"} {
		r.zones = append(r.zones, Zone{
			Name: name + letter, ID: zoneID(name, i+1), Type: AvailabilityZone,
		})
	}
	r.schedGroups.put("default", &scheduleGroup{seq: c.nextSeq(), ScheduleGroup: ScheduleGroup{
		Name: "default", Tags: map[string]string{}, Created: time.Now(),
	}})
	return r
}

// zoneID makes an id in the manner of apne1-az1; only its being different from
// the zone's name matters.
func zoneID(region string, n int) string {
	var short strings.Builder
	for word := range strings.SplitSeq(region, "-") {
		short.WriteString(word[:min(2, len(word))])
	}
	return fmt.Sprintf("%s-az%d", short.String(), n)
}

func (r *region) zone(name string) (Zone, bool) {
	for _, z := range r.zones {
		if z.Name == name {
			return z, true
		}
	}
	return Zone{}, false
}

func cloneTags(t map[string]string) map[string]string {
	if t == nil {
		return map[string]string{}
	}
	return maps.Clone(t)
}
