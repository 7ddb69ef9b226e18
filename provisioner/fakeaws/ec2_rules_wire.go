package fakeaws

import (
	"fmt"
	"strings"
)

type xmlPermission struct {
	Protocol string        `xml:"ipProtocol"`
	From     *int          `xml:"fromPort"`
	To       *int          `xml:"toPort"`
	Ranges   []xmlRange    `xml:"ipRanges>item"`
	Ranges6  []xmlRange6   `xml:"ipv6Ranges>item"`
	Groups   []xmlUserPair `xml:"groups>item"`
}

type xmlRange struct {
	CIDR        string `xml:"cidrIp"`
	Description string `xml:"description,omitempty"`
}

type xmlRange6 struct {
	CIDR        string `xml:"cidrIpv6"`
	Description string `xml:"description,omitempty"`
}

type xmlUserPair struct {
	Group       string `xml:"groupId"`
	User        string `xml:"userId"`
	Description string `xml:"description,omitempty"`
}

type xmlRule struct {
	ID          string         `xml:"securityGroupRuleId"`
	ARN         string         `xml:"securityGroupRuleArn"`
	Group       string         `xml:"groupId"`
	Owner       string         `xml:"groupOwnerId"`
	Egress      bool           `xml:"isEgress"`
	Protocol    string         `xml:"ipProtocol"`
	From        int            `xml:"fromPort"`
	To          int            `xml:"toPort"`
	CIDR        string         `xml:"cidrIpv4,omitempty"`
	CIDR6       string         `xml:"cidrIpv6,omitempty"`
	Source      *xmlReferenced `xml:"referencedGroupInfo"`
	Description string         `xml:"description,omitempty"`
	Tags        []xmlTag       `xml:"tagSet>item"`
}

type xmlReferenced struct {
	Group string `xml:"groupId"`
	User  string `xml:"userId"`
}

type xmlRevokedRule struct {
	ID          string `xml:"securityGroupRuleId"`
	Group       string `xml:"groupId"`
	Egress      bool   `xml:"isEgress"`
	Protocol    string `xml:"ipProtocol"`
	From        int    `xml:"fromPort"`
	To          int    `xml:"toPort"`
	CIDR        string `xml:"cidrIpv4,omitempty"`
	Source      string `xml:"referencedGroupId,omitempty"`
	Description string `xml:"description,omitempty"`
}

// describe is how EC2's message of a duplicate puts a permission.
func (p permission) describe() string {
	peer := p.cidr
	if peer == "" {
		peer = p.source
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", peer, strings.ToUpper(p.protocol), p.from, p.to)
}

func (r *region) xmlRule(u *rule) xmlRule {
	x := xmlRule{
		ID: u.ID, ARN: r.arn("security-group-rule", u.ID), Group: u.Group, Owner: r.account, Egress: u.Egress,
		Protocol: u.Protocol, From: u.From, To: u.To, Description: u.Description, Tags: xmlTags(u.Tags),
	}
	switch {
	case u.Source != "":
		x.Source = &xmlReferenced{Group: u.Source, User: r.account}
	case strings.Contains(u.CIDR, ":"):
		x.CIDR6 = u.CIDR
	default:
		x.CIDR = u.CIDR
	}
	return x
}

func (r *region) xmlPermissionOf(p permission) xmlPermission {
	x := xmlPermission{Protocol: p.protocol}
	if p.protocol != "-1" {
		x.From, x.To = &p.from, &p.to
	}
	r.addPeer(&x, p)
	return x
}

func (r *region) addPeer(x *xmlPermission, p permission) {
	switch {
	case p.source != "":
		x.Groups = append(x.Groups, xmlUserPair{Group: p.source, User: r.account, Description: p.description})
	case strings.Contains(p.cidr, ":"):
		x.Ranges6 = append(x.Ranges6, xmlRange6{CIDR: p.cidr, Description: p.description})
	default:
		x.Ranges = append(x.Ranges, xmlRange{CIDR: p.cidr, Description: p.description})
	}
}

// permissions shows the rules of a group in the older manner, where rules that
// agree on protocol and ports are put together.
func (r *region) permissions(group string) (ingress, egress []xmlPermission) {
	type key struct {
		egress   bool
		protocol string
		from, to int
	}
	at := map[key]int{}
	for _, u := range r.rulesOf(group) {
		list := &ingress
		if u.Egress {
			list = &egress
		}
		p := u.permission()
		p.description = u.Description
		k := key{u.Egress, u.Protocol, u.From, u.To}
		if i, ok := at[k]; ok {
			r.addPeer(&(*list)[i], p)
			continue
		}
		at[k] = len(*list)
		*list = append(*list, r.xmlPermissionOf(p))
	}
	return ingress, egress
}

func describeSecurityGroupRules(rq *request) (any, *apiError) {
	var all []*rule
	ids := rq.p.list("SecurityGroupRuleId")
	for _, id := range ids {
		u, ok := rq.r.rules.get(id)
		if !ok || !rq.visible(u.visibleAt) {
			return nil, errorf("InvalidSecurityGroupRuleId.NotFound", "The security group rule ID '%s' does not exist", id)
		}
		all = append(all, u)
	}
	if len(ids) == 0 {
		all = filterSlice(rq.r.rules.all(), func(u *rule) bool { return rq.visible(u.visibleAt) })
	}
	all, e := selected(rq, all, func(u *rule) map[string]string { return u.Tags }, func(u *rule) attributes {
		return attributes{"group-id": {u.Group}, "security-group-rule-id": {u.ID}}
	})
	if e != nil {
		return nil, e
	}
	var out struct {
		Rules []xmlRule `xml:"securityGroupRuleSet>item"`
		Next  string    `xml:"nextToken,omitempty"`
	}
	if all, out.Next, e = page(rq, all, func(u *rule) int { return u.seq }, 5, 1000); e != nil {
		return nil, e
	}
	for _, u := range all {
		out.Rules = append(out.Rules, rq.r.xmlRule(u))
	}
	return out, nil
}
