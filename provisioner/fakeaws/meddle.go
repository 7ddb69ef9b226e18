package fakeaws

import (
	"fmt"
	"slices"
	"time"
)

// What somebody else does to things that are not theirs, with their own tools.

func (h *Region) loadBalancer(name string) *loadBalancer {
	lb, ok := h.r.lbs.get(name)
	return must(lb, ok, "load balancer", name)
}

// AttachGroup adds a security group to a load balancer and its interfaces.
func (h *Region) AttachGroup(name, groupID string) {
	defer h.lock("AttachGroup")()
	g, ok := h.r.groups.get(groupID)
	must(g, ok, "security group", groupID)
	lb := h.loadBalancer(name)
	h.r.setGroups(lb, append(slices.Clone(lb.Groups), groupID))
}

// LetIn adds a rule without tags to a security group, which lets a network in on
// every port.
func (h *Region) LetIn(groupID, cidr string) {
	defer h.lock("LetIn")()
	g, ok := h.r.groups.get(groupID)
	must(g, ok, "security group", groupID)
	h.r.addRule(Rule{Group: g.ID, Protocol: "-1", From: -1, To: -1, CIDR: cidr})
}

func (r *region) setGroups(lb *loadBalancer, groups []string) {
	lb.Groups = groups
	for _, ni := range lb.nodes {
		ni.Groups = slices.Clone(groups)
	}
	r.emit("load-balancer", lb.Name, Changed, "groups")
}

// AddListener adds a listener to a load balancer.
func (h *Region) AddListener(name string, l Listener) {
	defer h.lock("AddListener")()
	lb := h.loadBalancer(name)
	lb.Listeners = append(lb.Listeners, l)
	h.r.emit("load-balancer", name, Changed, fmt.Sprintf("listener on port %d", l.Port))
}

// RegisterOther registers an instance with a load balancer.
func (h *Region) RegisterOther(name, instanceID string) {
	defer h.lock("RegisterOther")()
	lb, i := h.loadBalancer(name), h.instance(instanceID)
	if lb.registration(i.ID) == nil {
		h.r.register(lb, i.ID)
	}
}

// AddNode gives a load balancer one more node in its first subnet, with a
// private and a public address of its own, as AWS does when traffic grows.
func (h *Region) AddNode(name string) {
	defer h.lock("AddNode")()
	lb := h.loadBalancer(name)
	s, _ := h.r.subnets.get(lb.Subnets[0])
	h.r.addNode(lb, s, time.Now())
}

// Tag puts a tag on anything: a resource of EC2's by its id, a load balancer by
// its name. It keeps to no limit.
func (h *Region) Tag(id, key, value string) {
	defer h.lock("Tag")()
	h.tagsOf(id)[key] = value
}

// Untag takes tags away from anything; without keys, all of them.
func (h *Region) Untag(id string, keys ...string) {
	defer h.lock("Untag")()
	tags := h.tagsOf(id)
	if len(keys) == 0 {
		clear(tags)
	}
	for _, k := range keys {
		delete(tags, k)
	}
}

func (h *Region) tagsOf(id string) map[string]string {
	if lb, ok := h.r.lbs.get(id); ok {
		h.r.emit("load-balancer", id, Changed, "tags")
		return lb.Tags
	}
	for _, t := range h.r.taggedResources() {
		if t.id == id {
			h.r.emit(t.kind, id, Changed, "tags")
			return t.tags
		}
	}
	panic(fmt.Sprintf("fakeaws: nothing %q to tag", id))
}

// ShareGroup makes a security group that of another account, shared with this
// one (by RAM): instances may have it, and it can be described, but changing it
// is an UnauthorizedOperation. For a group of another VPC (an association), give
// an instance one with SetGroups: Authorize then answers InvalidGroup.NotFound,
// since it refers to a group of another network.
func (h *Region) ShareGroup(groupID, owner string) {
	defer h.lock("ShareGroup")()
	g, ok := h.r.groups.get(groupID)
	must(g, ok, "security group", groupID).owner = owner
}

// ShareVPC makes a VPC and its subnets those of another account, shared with
// this one (by RAM), which shows in their OwnerId and ARN.
func (h *Region) ShareVPC(vpcID, owner string) {
	defer h.lock("ShareVPC")()
	v, ok := h.r.vpcs.get(vpcID)
	must(v, ok, "VPC", vpcID).owner = owner
}

// ownerOf is the account that a VPC and its subnets belong to.
func (r *region) ownerOf(vpcID string) string {
	if v, ok := r.vpcs.get(vpcID); ok && v.owner != "" {
		return v.owner
	}
	return r.account
}

// ownGroup finds a group that a call is to change.
func (rq *request) ownGroup(id string) (*group, *apiError) {
	g, e := rq.group(id)
	if e == nil && g.owner != "" {
		return nil, unauthorized(rq.call, rq.who)
	}
	return g, e
}
