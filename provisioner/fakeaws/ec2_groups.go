package fakeaws

import (
	"cmp"
	"regexp"
	"strings"
	"time"
)

type xmlGroup struct {
	ID          string          `xml:"groupId"`
	Name        string          `xml:"groupName"`
	Description string          `xml:"groupDescription"`
	Owner       string          `xml:"ownerId"`
	VPC         string          `xml:"vpcId"`
	ARN         string          `xml:"securityGroupArn"`
	Ingress     []xmlPermission `xml:"ipPermissions>item"`
	Egress      []xmlPermission `xml:"ipPermissionsEgress>item"`
	Tags        []xmlTag        `xml:"tagSet>item"`
}

var groupTextRE = regexp.MustCompile(`^[a-zA-Z0-9 ._\-:/()#,@\[\]+=&;{}!$*]*$`)

// isGroupText reports whether EC2 allows it as name or description of a group.
func isGroupText(s string) bool { return s != "" && len(s) <= 255 && groupTextRE.MatchString(s) }

// group finds a group that a call refers to. For a while after its creation
// EC2 may not know it yet, under either of two codes.
func (rq *request) group(id string) (*group, *apiError) {
	if id == "" {
		return nil, errorf("MissingParameter", "The request must contain the parameter groupId")
	}
	if !strings.HasPrefix(id, "sg-") {
		return nil, errorf("InvalidGroupId.Malformed", "Invalid id: %q (expecting \"sg-...\")", id)
	}
	g, ok := rq.r.groups.get(id)
	if !ok {
		return nil, errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
	}
	if !rq.visible(g.visibleAt) {
		code := "InvalidGroup.NotFound"
		if rq.c.opts.FlakyVisibility && rq.c.rnd.IntN(2) == 0 {
			code = "InvalidSecurityGroupID.NotFound"
		}
		return nil, errorf(code, "The security group '%s' does not exist", id)
	}
	return g, nil
}

// visible tells whether this call sees a thing that is visible to all from at.
func (rq *request) visible(at time.Time) bool {
	return !rq.now.Before(at) || rq.c.opts.FlakyVisibility && rq.c.rnd.IntN(2) == 0
}

func createSecurityGroup(rq *request) (any, *apiError) {
	name, desc, vpcID := rq.p.str("GroupName"), rq.p.str("GroupDescription"), rq.p.str("VpcId")
	switch {
	case name == "":
		return nil, errorf("MissingParameter", "The request must contain the parameter GroupName")
	case desc == "":
		return nil, errorf("MissingParameter", "The request must contain the parameter GroupDescription")
	case !isGroupText(name):
		return nil, errorf("InvalidParameterValue",
			"Value (%s) for parameter GroupName is invalid. Character sets beyond ASCII are not supported.", name)
	case strings.HasPrefix(strings.ToLower(name), "sg-"):
		return nil, errorf("InvalidParameterValue",
			"Value (%s) for parameter GroupName is invalid. Group names may not be in the format sg-*.", name)
	case !isGroupText(desc):
		return nil, errorf("InvalidParameterValue",
			"Value (%s) for parameter GroupDescription is invalid. Character sets beyond ASCII are not supported.", desc)
	case strings.EqualFold(name, "default"):
		return nil, errorf("InvalidGroup.Reserved", "The security group '%s' is reserved", name)
	}
	v, ok := rq.r.vpcs.get(vpcID)
	if vpcID == "" {
		for _, candidate := range rq.r.vpcs.all() {
			if candidate.Default {
				v, ok = candidate, true
			}
		}
		if !ok {
			return nil, errorf("VPCIdNotSpecified", "No default VPC for this user")
		}
	}
	if !ok {
		return nil, errorf("InvalidVpcID.NotFound", "The vpc ID '%s' does not exist", vpcID)
	}
	tags, e := rq.tagSpecification("security-group")
	if e != nil {
		return nil, e
	}
	for _, g := range rq.r.groups.all() {
		if g.VPC == v.ID && strings.EqualFold(g.Name, name) {
			return nil, errorf("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, v.ID)
		}
	}
	g := rq.r.addGroup(v.ID, name, desc, tags)
	g.visibleAt = rq.now.Add(rq.c.opts.GroupVisibleAfter)
	var out struct {
		ID   string   `xml:"groupId"`
		ARN  string   `xml:"securityGroupArn"`
		Tags []xmlTag `xml:"tagSet>item"`
	}
	out.ID, out.ARN, out.Tags = g.ID, rq.r.arn("security-group", g.ID), xmlTags(g.Tags)
	return out, nil
}

// addGroup makes a group as EC2 does: open to all outwards, by a rule for each
// kind of addresses that the VPC has.
func (r *region) addGroup(vpcID, name, desc string, tags map[string]string) *group {
	g := &group{seq: r.cloud.nextSeq(), SecurityGroup: SecurityGroup{
		ID: r.cloud.newID("sg"), Name: name, Description: desc, VPC: vpcID,
		Tags: cloneTags(tags), Created: time.Now(),
	}}
	r.groups.put(g.ID, g)
	r.emit("security-group", g.ID, Created, name)
	r.addRule(Rule{Group: g.ID, Egress: true, Protocol: "-1", From: -1, To: -1, CIDR: "0.0.0.0/0"})
	if v, _ := r.vpcs.get(vpcID); v != nil && v.CIDR6 != "" {
		r.addRule(Rule{Group: g.ID, Egress: true, Protocol: "-1", From: -1, To: -1, CIDR: "::/0"})
	}
	return g
}

func (r *region) arn(kind, id string) string {
	return r.arnOf("ec2", kind+"/"+id)
}

func deleteSecurityGroup(rq *request) (any, *apiError) {
	g, e := rq.ownGroup(rq.p.str("GroupId"))
	if e != nil {
		return nil, e
	}
	if g.Name == "default" {
		return nil, errorf("CannotDelete", "the specified group: %q name: \"default\" cannot be deleted by a user", g.ID)
	}
	if rq.r.dependents(g.ID) {
		return nil, errorf("DependencyViolation", "resource %s has a dependent object", g.ID)
	}
	rq.r.removeGroup(g.ID)
	var out struct {
		Return bool   `xml:"return"`
		ID     string `xml:"groupId"`
	}
	out.Return, out.ID = true, g.ID
	return out, nil
}

// dependents tells whether a network interface has the group or another
// group's rule refers to it. Only its own rules do not count. The interfaces
// of a deleted load balancer are what makes this last for minutes.
func (r *region) dependents(id string) bool {
	for _, ni := range r.ifaces.all() {
		if contains(ni.Groups, id) {
			return true
		}
	}
	for _, u := range r.rules.all() {
		if u.Source == id && u.Group != id {
			return true
		}
	}
	return false
}

func (r *region) removeGroup(id string) {
	for _, u := range r.rulesOf(id) {
		r.removeRule(u.ID)
	}
	delete(r.rulesIn, id)
	r.groups.del(id)
	r.emit("security-group", id, Deleted, "")
}

func describeSecurityGroups(rq *request) (any, *apiError) {
	var all []*group
	ids := rq.p.list("GroupId")
	for _, id := range ids {
		g, e := rq.group(id)
		if e != nil {
			return nil, e
		}
		all = append(all, g)
	}
	if len(ids) == 0 {
		all = filterSlice(rq.r.groups.all(), func(g *group) bool { return rq.visible(g.visibleAt) })
	}
	// The GroupName parameter means groups of the default VPC only.
	if names := rq.p.list("GroupName"); len(names) > 0 {
		all = filterSlice(all, func(g *group) bool {
			v, _ := rq.r.vpcs.get(g.VPC)
			return v != nil && v.Default && contains(names, g.Name)
		})
		if len(all) == 0 {
			return nil, errorf("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC", names[0])
		}
	}
	all, e := selected(rq, all, func(g *group) map[string]string { return g.Tags }, func(g *group) attributes {
		a := attributes{
			"group-id": {g.ID}, "group-name": {g.Name}, "description": {g.Description}, "vpc-id": {g.VPC},
			"owner-id": {cmp.Or(g.owner, rq.r.account)}, "ip-permission.group-id": {}, "ip-permission.cidr": {},
			"egress.ip-permission.group-id": {}, "egress.ip-permission.cidr": {},
		}
		for _, u := range rq.r.rulesOf(g.ID) {
			prefix := ""
			if u.Egress {
				prefix = "egress."
			}
			a[prefix+"ip-permission.group-id"] = append(a[prefix+"ip-permission.group-id"], u.Source)
			a[prefix+"ip-permission.cidr"] = append(a[prefix+"ip-permission.cidr"], u.CIDR)
		}
		return a
	})
	if e != nil {
		return nil, e
	}
	var out struct {
		Groups []xmlGroup `xml:"securityGroupInfo>item"`
		Next   string     `xml:"nextToken,omitempty"`
	}
	if all, out.Next, e = page(rq, all, func(g *group) int { return g.seq }, 5, 1000); e != nil {
		return nil, e
	}
	for _, g := range all {
		x := xmlGroup{
			ID: g.ID, Name: g.Name, Description: g.Description, Owner: cmp.Or(g.owner, rq.r.account), VPC: g.VPC,
			ARN: rq.r.arn("security-group", g.ID), Tags: xmlTags(g.Tags),
		}
		x.Ingress, x.Egress = rq.r.permissions(g.ID)
		out.Groups = append(out.Groups, x)
	}
	return out, nil
}
