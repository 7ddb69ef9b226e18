package web

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// Tags the picture reads. They are part of what the project promises (see
// provisioner.Tags) and repeated here because a page is no reason to depend on
// the AWS SDK.
const (
	tagLease   = "sshforward:lease"
	tagOwner   = "sshforward:owner"
	tagExpires = "sshforward:expires"
)

// picture is what is drawn of the field note's network.
type picture struct {
	Region    string     `json:"region"`
	VPC       string     `json:"vpc"`
	CIDR      string     `json:"cidr"`
	Gateway   string     `json:"gateway"`
	Public    subnet     `json:"public"`
	Private   subnet     `json:"private"`
	Group     group      `json:"group"` // the instances'
	Instances []instance `json:"instances"`
	Forwards  []*forward `json:"forwards"`
	Others    []other    `json:"others"` // somebody else's load balancers
}

type subnet struct {
	ID     string  `json:"id"`
	CIDR   string  `json:"cidr"`
	Zone   string  `json:"zone"`
	Table  string  `json:"table"`
	Routes []route `json:"routes"`
}

type route struct {
	To    string `json:"to"`
	Via   string `json:"via"`
	State string `json:"state"`
}

type group struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	In   []rule `json:"in"`
	Out  []rule `json:"out"`
}

// rule is one line of a group: what, and from or to where.
type rule struct {
	ID    string `json:"id"`
	What  string `json:"what"`            // "tcp 22"
	Peer  string `json:"peer"`            // a CIDR or a group's id
	Lease string `json:"lease,omitempty"` // whose rule it is
}

type instance struct {
	ID    string `json:"id"`
	Name  string `json:"name"`
	IP    string `json:"ip"`
	State string `json:"state"`
	Env   string `json:"env,omitempty"`
}

// forward is what there is of one lease in the cloud, from the first thing made
// to the last thing gone; parts that are not there are nil or empty.
type forward struct {
	Lease     string     `json:"lease"`
	Owner     string     `json:"owner,omitempty"`
	Expires   string     `json:"expires,omitempty"` // RFC 3339
	Instance  string     `json:"instance,omitempty"`
	Group     *group     `json:"group,omitempty"`
	Balancer  *balancer  `json:"balancer,omitempty"`
	Door      *rule      `json:"door,omitempty"` // in the instances' group
	Lingering []leftover `json:"lingering,omitempty"`
	born      time.Time
}

type balancer struct {
	Name   string `json:"name"`
	DNS    string `json:"dns"`
	Listen int    `json:"listen"`
	Target int    `json:"target"`
	Health string `json:"health"` // InService, OutOfService, or empty without an instance
	Why    string `json:"why,omitempty"`
}

// leftover is a network interface that outlives its load balancer.
type leftover struct {
	ID   string    `json:"id"`
	Gone time.Time `json:"gone,omitzero"`
}

type other struct {
	Name   string `json:"name"`
	Listen int    `json:"listen"`
}

// pictureOf looks at one part after the other, so it may show a moment that
// never was; the events of whatever changed in between bring the next one.
func pictureOf(h *fakeaws.Region, n fakeaws.FieldNote) picture {
	p := picture{Region: h.Name(), VPC: n.VPC, Instances: []instance{}, Forwards: []*forward{}, Others: []other{}}
	for _, v := range h.VPCs() {
		if v.ID == n.VPC {
			p.CIDR, p.Gateway = v.CIDR, v.Gateway
		}
	}
	tables := h.RouteTables()
	for _, s := range h.Subnets() {
		switch s.ID {
		case n.Public:
			p.Public = subnetOf(s, tables, n.PublicRoutes)
		case n.Private:
			p.Private = subnetOf(s, tables, n.PrivateRoutes)
		}
	}
	for _, i := range h.Instances() {
		if i.VPC == n.VPC && i.State != fakeaws.Terminated {
			p.Instances = append(p.Instances, instance{ID: i.ID, Name: i.Tags["Name"], IP: i.PrivateIP, State: i.State, Env: i.Tags["Env"]})
		}
	}
	slices.SortStableFunc(p.Instances, func(a, b instance) int { return cmp.Compare(a.IP, b.IP) })
	p.forwards(h, n)
	return p
}

func subnetOf(s fakeaws.Subnet, tables []fakeaws.RouteTable, table string) subnet {
	out := subnet{ID: s.ID, CIDR: s.CIDR, Zone: s.Zone, Table: table, Routes: []route{}}
	for _, t := range tables {
		if t.ID != table {
			continue
		}
		for _, r := range t.Routes {
			out.Routes = append(out.Routes, route{To: r.Destination, Via: r.Target, State: r.State})
		}
	}
	return out
}

// forwards gathers by lease what carries a lease's tag, and the interfaces that
// hang on it.
func (p *picture) forwards(h *fakeaws.Region, n fakeaws.FieldNote) {
	byLease, byGroup := map[string]*forward{}, map[string]*forward{}
	of := func(tags map[string]string, born time.Time) *forward {
		id := tags[tagLease]
		if id == "" {
			return nil
		}
		f := byLease[id]
		if f == nil {
			f = &forward{Lease: id, born: born}
			byLease[id] = f
			p.Forwards = append(p.Forwards, f)
		}
		if born.Before(f.born) {
			f.born = born
		}
		f.Owner, f.Expires = cmp.Or(f.Owner, tags[tagOwner]), cmp.Or(f.Expires, tags[tagExpires])
		return f
	}
	for _, g := range h.Groups() {
		if g.ID == n.Group {
			p.Group = group{ID: g.ID, Name: g.Name, In: []rule{}, Out: []rule{}}
		} else if f := of(g.Tags, g.Created); f != nil {
			f.Group = &group{ID: g.ID, Name: g.Name, In: []rule{}, Out: []rule{}}
			byGroup[g.ID] = f
		}
	}
	for _, r := range h.Rules() {
		line := ruleOf(r)
		switch {
		case r.Group == n.Group && !r.Egress:
			if f := of(r.Tags, r.Created); f != nil {
				f.Door = &line
			} else if f := byGroup[r.Source]; f != nil {
				line.Lease, f.Door = f.Lease, &line
			}
			p.Group.In = append(p.Group.In, line)
		case byGroup[r.Group] != nil && r.Egress:
			byGroup[r.Group].Group.Out = append(byGroup[r.Group].Group.Out, line)
		case byGroup[r.Group] != nil:
			byGroup[r.Group].Group.In = append(byGroup[r.Group].Group.In, line)
		}
	}
	for _, lb := range h.LoadBalancers() {
		b := balancerOf(lb)
		if f := of(lb.Tags, lb.Created); f != nil {
			f.Balancer = b
			if len(lb.Instances) > 0 {
				f.Instance = lb.Instances[0].Instance
			}
		} else if lb.VPC == n.VPC {
			p.Others = append(p.Others, other{Name: b.Name, Listen: b.Listen})
		}
	}
	p.leftovers(h, byLease, byGroup)
	slices.SortStableFunc(p.Forwards, func(a, b *forward) int { return a.born.Compare(b.born) })
}

// leftovers finds the interfaces of load balancers that are gone. They carry no
// tag: their group tells whose they are, or the name they were made for.
func (p *picture) leftovers(h *fakeaws.Region, byLease, byGroup map[string]*forward) {
	for _, i := range h.Interfaces() {
		if i.LoadBalancer == "" || i.Gone.IsZero() {
			continue
		}
		var f *forward
		for _, g := range i.Groups {
			f = cmp.Or(f, byGroup[g])
		}
		if f == nil {
			id := i.LoadBalancer[strings.LastIndexByte(i.LoadBalancer, '-')+1:]
			if f = byLease[id]; f == nil {
				continue
			}
		}
		f.Lingering = append(f.Lingering, leftover{ID: i.ID, Gone: i.Gone})
	}
}

func balancerOf(lb fakeaws.LoadBalancer) *balancer {
	b := &balancer{Name: lb.Name, DNS: lb.DNSName}
	if len(lb.Listeners) > 0 {
		b.Listen, b.Target = lb.Listeners[0].Port, lb.Listeners[0].InstancePort
	}
	if len(lb.Instances) > 0 {
		b.Health, b.Why = lb.Instances[0].State, lb.Instances[0].Description
	}
	return b
}

func ruleOf(r fakeaws.Rule) rule {
	what := r.Protocol + " " + strconv.Itoa(r.From)
	switch {
	case r.Protocol == "-1":
		what = "all"
	case r.From != r.To:
		what += "-" + strconv.Itoa(r.To)
	}
	return rule{ID: r.ID, What: what, Peer: cmp.Or(r.CIDR, r.Source), Lease: r.Tags[tagLease]}
}
