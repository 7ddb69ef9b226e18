package fakeaws

import (
	"slices"
	"time"
)

// InstanceSpec is what AddInstance is told. Only Subnet is needed.
type InstanceSpec struct {
	ID        string            // made up if empty
	Subnet    string            // where its one interface is
	PrivateIP string            // the next free one if empty
	IPv6Only  bool              // no PrivateIP, as in an IPv6-only subnet
	Name      string            // the Name tag, if not empty
	Tags      map[string]string // besides Name
	Groups    []string          // the VPC's default group if empty
	State     string            // Running if empty
	Ports     []int             // 22 if nil; an empty list is an instance on which nothing listens
	Console   string            // what has been written to the serial console
}

// AddInstance launches an instance, which is in its state at once.
func (h *Region) AddInstance(spec InstanceSpec) (id string) {
	defer h.lock("AddInstance")()
	r := h.r
	s, ok := r.subnets.get(spec.Subnet)
	must(s, ok, "subnet", spec.Subnet)
	i := &instance{seq: h.c.nextSeq(), Instance: Instance{
		ID: spec.ID, State: spec.State, VPC: s.VPC, Subnet: s.ID, Zone: s.Zone, PrivateIP: spec.PrivateIP,
		Groups: slices.Clone(spec.Groups), Ports: slices.Clone(spec.Ports), Tags: cloneTags(spec.Tags),
		Console: spec.Console, Launched: time.Now(),
	}}
	if i.ID == "" {
		i.ID = h.c.newID("i")
	}
	if i.State == "" {
		i.State = Running
	}
	if i.PrivateIP == "" && !spec.IPv6Only {
		i.PrivateIP = r.freeAddress(s)
	}
	if i.Ports == nil {
		i.Ports = []int{22}
	}
	if spec.Name != "" {
		i.Tags["Name"] = spec.Name
	}
	if len(i.Groups) == 0 {
		for _, g := range r.groups.all() {
			if g.VPC == s.VPC && g.Name == "default" {
				i.Groups = []string{g.ID}
			}
		}
	}
	ni := &iface{seq: h.c.nextSeq(), Interface: Interface{
		ID: h.c.newID("eni"), Owner: r.account, VPC: s.VPC, Subnet: s.ID, Zone: s.Zone,
		PrivateIP: i.PrivateIP, Groups: i.Groups, Instance: i.ID, Tags: map[string]string{},
	}}
	i.Interface = ni.ID
	r.ifaces.put(ni.ID, ni)
	r.instances.put(i.ID, i)
	r.emit("instance", i.ID, Created, i.State)
	if i.State == Terminated {
		r.enter(i, Terminated, time.Now())
	}
	return i.ID
}

func (h *Region) instance(id string) *instance {
	i, ok := h.r.instances.get(id)
	return must(i, ok, "instance", id)
}

// Stop stops an instance.
func (h *Region) Stop(id string) {
	defer h.lock("Stop")()
	h.r.leave(h.instance(id), Stopping, Stopped)
}

// Start starts an instance that is stopped.
func (h *Region) Start(id string) {
	defer h.lock("Start")()
	h.r.leave(h.instance(id), Pending, Running)
}

// Terminate terminates an instance. It can be described for a while yet, and
// load balancers drop it.
func (h *Region) Terminate(id string) {
	defer h.lock("Terminate")()
	h.r.leave(h.instance(id), ShuttingDown, Terminated)
}

// leave takes an instance through a transitional state to one that lasts.
func (r *region) leave(i *instance, via, to string) {
	now := time.Now()
	if r.cloud.opts.StateDelay <= 0 {
		r.enter(i, to, now)
		return
	}
	i.State, i.next, i.nextAt = via, to, now.Add(r.cloud.opts.StateDelay)
	r.emit("instance", i.ID, Changed, via)
}

// SetPorts says on which TCP ports of an instance something listens.
func (h *Region) SetPorts(id string, ports ...int) {
	defer h.lock("SetPorts")()
	h.instance(id).Ports = slices.Clone(ports)
	h.r.emit("instance", id, Changed, "ports")
}

// LimitConnections has an instance refuse whoever connects six times within 30 s,
// as `ufw limit ssh` does: the health check too, if its interval is so short.
func (h *Region) LimitConnections(id string) {
	defer h.lock("LimitConnections")()
	h.instance(id).limits = true
	h.r.emit("instance", id, Changed, "limit of connections")
}

// SetTags replaces the tags of an instance.
func (h *Region) SetTags(id string, tags map[string]string) {
	defer h.lock("SetTags")()
	h.instance(id).Tags = cloneTags(tags)
	h.r.emit("instance", id, Changed, "tags")
}

// SetGroups replaces the security groups of an instance's interface.
func (h *Region) SetGroups(id string, groups ...string) {
	defer h.lock("SetGroups")()
	i := h.instance(id)
	i.Groups = slices.Clone(groups)
	if ni, ok := h.r.ifaces.get(i.Interface); ok {
		ni.Groups = i.Groups
	}
	h.r.emit("instance", id, Changed, "groups")
}
