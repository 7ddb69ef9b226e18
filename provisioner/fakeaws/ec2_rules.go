package fakeaws

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// permission is one rule as a call asks for it: one protocol, one range of
// ports, one other side. An IpPermission of EC2's holds several.
type permission struct {
	protocol     string
	from, to     int
	cidr, source string
	description  string
}

func (r *region) addRule(u Rule) *rule {
	u.ID, u.Created = r.cloud.newID("sgr"), time.Now()
	u.Tags = cloneTags(u.Tags)
	n := &rule{Rule: u, seq: r.cloud.nextSeq()}
	r.rules.put(u.ID, n)
	r.rulesIn[u.Group] = append(r.rulesIn[u.Group], n)
	r.emit("security-group-rule", u.ID, Created, u.Group)
	return n
}

func (r *region) removeRule(id string) {
	u, ok := r.rules.get(id)
	if !ok {
		return
	}
	r.rules.del(id)
	r.rulesIn[u.Group] = slices.DeleteFunc(r.rulesIn[u.Group], func(o *rule) bool { return o == u })
	r.emit("security-group-rule", id, Deleted, u.Group)
}

func (r *region) rulesOf(group string) []*rule {
	return slices.Clone(r.rulesIn[group])
}

func (r *region) findRule(group string, egress bool, p permission) *rule {
	for _, u := range r.rulesIn[group] {
		if u.Egress == egress && u.permission() == p.key() {
			return u
		}
	}
	return nil
}

func (u *rule) permission() permission {
	return permission{protocol: u.Protocol, from: u.From, to: u.To, cidr: u.CIDR, source: u.Source}
}

// key is the permission without its description, which does not tell two
// rules apart.
func (p permission) key() permission {
	p.description = ""
	return p
}

func authorize(rq *request, egress bool) (any, *apiError) {
	g, e := rq.ownGroup(rq.p.str("GroupId"))
	if e != nil {
		return nil, e
	}
	perms, e := rq.permissionsAsked(g, true)
	if e != nil {
		return nil, e
	}
	tags, e := rq.tagSpecification("security-group-rule")
	if e != nil {
		return nil, e
	}
	// All or nothing: one rule that exists already and none is made.
	seen := map[permission]bool{}
	for _, p := range perms {
		if seen[p.key()] {
			return nil, errorf("InvalidParameterValue", "The same permission must not appear multiple times")
		}
		seen[p.key()] = true
		if rq.r.findRule(g.ID, egress, p) != nil {
			return nil, errorf("InvalidPermission.Duplicate",
				"the specified rule %q already exists", p.describe())
		}
	}
	have := 0
	for _, u := range rq.r.rulesOf(g.ID) {
		if u.Egress == egress {
			have++
		}
	}
	if have+len(perms) > rq.c.opts.RuleLimit {
		return nil, errorf("RulesPerSecurityGroupLimitExceeded",
			"The maximum number of rules per security group has been reached.")
	}
	var out struct {
		Return bool      `xml:"return"`
		Rules  []xmlRule `xml:"securityGroupRuleSet>item"`
	}
	out.Return = true
	for _, p := range perms {
		u := rq.r.addRule(Rule{
			Group: g.ID, Egress: egress, Protocol: p.protocol, From: p.from, To: p.to,
			CIDR: p.cidr, Source: p.source, Description: p.description, Tags: tags,
		})
		u.visibleAt = rq.now.Add(rq.c.opts.RuleVisibleAfter)
		out.Rules = append(out.Rules, rq.r.xmlRule(u))
	}
	return out, nil
}

func revoke(rq *request, egress bool) (any, *apiError) {
	g, e := rq.ownGroup(rq.p.str("GroupId"))
	if e != nil {
		return nil, e
	}
	var found []*rule
	for _, id := range rq.p.list("SecurityGroupRuleId") {
		if !strings.HasPrefix(id, "sgr-") {
			return nil, errorf("InvalidSecurityGroupRuleId.Malformed", "The security group rule ID '%s' is malformed", id)
		}
		u, ok := rq.r.rules.get(id)
		if !ok || u.Group != g.ID || u.Egress != egress {
			return nil, errorf("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
		}
		found = append(found, u)
	}
	var unknown []permission
	if len(found) == 0 {
		perms, e := rq.permissionsAsked(g, false)
		if e != nil {
			return nil, e
		}
		for _, p := range perms {
			if u := rq.r.findRule(g.ID, egress, p); u != nil {
				found = append(found, u)
			} else {
				unknown = append(unknown, p)
			}
		}
	}
	// What is not there is an error, except in a default VPC, where it is
	// only mentioned in the answer.
	if v, _ := rq.r.vpcs.get(g.VPC); len(unknown) > 0 && (v == nil || !v.Default) {
		return nil, errorf("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
	}
	var out struct {
		Return  bool             `xml:"return"`
		Revoked []xmlRevokedRule `xml:"revokedSecurityGroupRuleSet>item"`
		Unknown []xmlPermission  `xml:"unknownIpPermissionSet>item"`
	}
	out.Return = true
	for _, u := range found {
		out.Revoked = append(out.Revoked, xmlRevokedRule{
			ID: u.ID, Group: u.Group, Egress: u.Egress, Protocol: u.Protocol, From: u.From, To: u.To,
			CIDR: u.CIDR, Source: u.Source, Description: u.Description,
		})
		rq.r.removeRule(u.ID)
	}
	for _, p := range unknown {
		out.Unknown = append(out.Unknown, rq.r.xmlPermissionOf(p))
	}
	return out, nil
}

// permissionsAsked reads the permissions of an Authorize or Revoke. An Authorize
// (strict) has to refer to groups that exist.
func (rq *request) permissionsAsked(g *group, strict bool) ([]permission, *apiError) {
	objects := rq.p.objects("IpPermissions")
	if rq.p.has("CidrIp") { // the old form, with one rule in the call itself
		p, e := rq.permissionHead(rq.p)
		if e != nil {
			return nil, e
		}
		if p.cidr, e = parseCIDR(rq.p.str("CidrIp"), false); e != nil {
			return nil, e
		}
		return []permission{p}, nil
	}
	var out []permission
	for _, o := range objects {
		head, e := rq.permissionHead(o)
		if e != nil {
			return nil, e
		}
		before := len(out)
		for _, list := range []struct {
			name, field string
			six         bool
		}{{"IpRanges", "CidrIp", false}, {"Ipv6Ranges", "CidrIpv6", true}} {
			for _, x := range o.objects(list.name) {
				p := head
				p.description = x.str("Description")
				if p.cidr, e = parseCIDR(x.str(list.field), list.six); e != nil {
					return nil, e
				}
				out = append(out, p)
			}
		}
		for _, x := range o.objects("Groups") {
			p := head
			p.source, p.description = x.str("GroupId"), x.str("Description")
			if strict {
				other, e := rq.group(p.source)
				if e != nil {
					return nil, e
				}
				if other.VPC != g.VPC {
					return nil, errorf("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
				}
			}
			out = append(out, p)
		}
		if len(out) == before {
			return nil, errorf("InvalidParameterValue", "You must specify an IP range, a prefix list or a security group")
		}
	}
	if len(out) == 0 {
		return nil, errorf("MissingParameter", "Either 'ipPermissions' or 'securityGroupRuleIds' should be provided.")
	}
	for _, p := range out {
		if p.description != "" && !isGroupText(p.description) {
			return nil, errorf("InvalidParameterValue",
				"Invalid rule description. Valid descriptions are strings less than 256 characters from the following set: "+
					"a-zA-Z0-9. _-:/()#,@[]+=&;{}!$*")
		}
	}
	return out, nil
}

func (rq *request) permissionHead(o params) (permission, *apiError) {
	p := permission{protocol: strings.ToLower(o.str("IpProtocol")), from: o.num("FromPort", -1), to: o.num("ToPort", -1)}
	switch p.protocol {
	case "6":
		p.protocol = "tcp"
	case "17":
		p.protocol = "udp"
	case "1":
		p.protocol = "icmp"
	case "":
		return p, errorf("MissingParameter", "The request must contain the parameter ipProtocol")
	}
	switch p.protocol {
	case "tcp", "udp":
		if p.from < 0 || p.to > 65535 || p.from > p.to {
			return p, errorf("InvalidParameterValue",
				"Invalid value for portRange: %d-%d. Must specify both from and to ports with TCP/UDP.", p.from, p.to)
		}
	case "-1": // all protocols means all ports, whatever was asked
		p.from, p.to = -1, -1
	}
	return p, nil
}

// parseCIDR checks a range and clears its host bits, as EC2 does on its way in.
func parseCIDR(s string, six bool) (string, *apiError) {
	prefix, err := netip.ParsePrefix(s)
	if err != nil || prefix.Addr().Is6() != six {
		return "", errorf("InvalidParameterValue", "CIDR block %s is malformed", s)
	}
	return prefix.Masked().String(), nil
}
