package fakeaws

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// NetworkACL is the stateless filter of the subnets it names; the default one
// of a VPC serves all others. Entries apply in the order of their numbers.
type NetworkACL struct {
	ID, VPC string
	Default bool
	Subnets []string
	Entries []ACLEntry
	Tags    map[string]string
}

// ACLEntry allows or denies TCP between a range of ports and a CIDR: for
// ingress the ports of what is in the subnet, for egress those of the other
// side. Protocol "-1" means all, and then the ports do not count.
type ACLEntry struct {
	Number   int
	Egress   bool
	Deny     bool
	Protocol string // "6" for TCP, "-1" for all
	From, To int
	CIDR     string
}

type networkACL struct {
	NetworkACL
	seq int
}

// lastACLEntry is the number of the entry that denies what no other allowed,
// which AWS shows as *.
const lastACLEntry = 32767

// ephemeral are the ports that clients of all kinds use for answers, as AWS
// advises to open them (VPC guide, "Ephemeral ports"). One of the common part
// stands for all.
const ephemeral = 50000

func allowAll() []ACLEntry {
	return []ACLEntry{
		{Number: 100, Protocol: "-1", CIDR: "0.0.0.0/0"},
		{Number: 100, Protocol: "-1", CIDR: "0.0.0.0/0", Egress: true},
	}
}

func (r *region) addACL(vpcID string, isDefault bool, subnets []string, entries []ACLEntry) *networkACL {
	// The default one is named after its VPC; only others take a random id, so
	// that equal seeds give what they always gave.
	id := strings.Replace(vpcID, "vpc-", "acl-", 1)
	if !isDefault {
		id = r.cloud.newID("acl")
	}
	a := &networkACL{seq: r.cloud.nextSeq(), NetworkACL: NetworkACL{
		ID: id, VPC: vpcID, Default: isDefault, Subnets: slices.Clone(subnets), Tags: map[string]string{},
		Entries: slices.Clone(entries),
	}}
	r.acls.put(a.ID, a)
	r.emit("network-acl", a.ID, Created, "")
	return a
}

// AddNetworkACL adds a network ACL for subnets. With no entries it lets nothing
// through, as a new one at AWS.
func (h *Region) AddNetworkACL(vpcID string, subnets []string, entries ...ACLEntry) (id string) {
	defer h.lock("AddNetworkACL")()
	v, ok := h.r.vpcs.get(vpcID)
	must(v, ok, "VPC", vpcID)
	for _, a := range h.r.acls.all() {
		a.Subnets = slices.DeleteFunc(a.Subnets, func(s string) bool { return contains(subnets, s) })
	}
	return h.r.addACL(vpcID, false, subnets, entries).ID
}

// BlockPort gives a subnet a network ACL that lets all through but TCP to a
// port from outside.
func (h *Region) BlockPort(subnetID string, port int) (aclID string) {
	return h.AddNetworkACL(h.vpcOf(subnetID).ID, []string{subnetID},
		append(allowAll(), ACLEntry{Number: 90, Deny: true, Protocol: "6", From: port, To: port, CIDR: "0.0.0.0/0"})...)
}

// BlockAnswers gives a subnet a network ACL that lets all in, and out to
// the internet only on ports below 1024: answers to clients do not get through.
func (h *Region) BlockAnswers(subnetID string) (aclID string) {
	v := h.vpcOf(subnetID)
	return h.AddNetworkACL(v.ID, []string{subnetID},
		ACLEntry{Number: 100, Protocol: "-1", CIDR: "0.0.0.0/0"},
		ACLEntry{Number: 100, Protocol: "-1", CIDR: v.CIDR, Egress: true},
		ACLEntry{Number: 110, Protocol: "6", From: 0, To: 1023, CIDR: "0.0.0.0/0", Egress: true})
}

func (h *Region) vpcOf(subnetID string) VPC {
	defer h.lock("")()
	s, ok := h.r.subnets.get(subnetID)
	v, _ := h.r.vpcs.get(must(s, ok, "subnet", subnetID).VPC)
	return v.VPC
}

// filterOf is the network ACL of a subnet; nil for a default one, which lets
// everything through.
func (r *region) filterOf(s *subnet) *networkACL {
	if a := r.aclOf(s); a != nil && !a.Default {
		return a
	}
	return nil
}

func (r *region) aclOf(s *subnet) *networkACL {
	var found *networkACL
	for _, a := range r.acls.all() {
		if contains(a.Subnets, s.ID) {
			return a
		}
		if a.Default && a.VPC == s.VPC {
			found = a
		}
	}
	return found
}

// aclPermits tells whether TCP to a port in a subnet gets in from an address,
// and the answers out.
func (r *region) aclPermits(s *subnet, peer string, port int) bool {
	a := r.filterOf(s)
	return a == nil || a.passes(false, peer, port) && a.passes(true, peer, ephemeral)
}

// aclBetween tells whether the health check gets from one subnet to a port in
// another and back. Within a subnet no network ACL applies.
func (r *region) aclBetween(from, to *subnet, fromIP, toIP string, port int) bool {
	if from == nil || to == nil || from.ID == to.ID {
		return true
	}
	a := r.filterOf(from)
	return (a == nil || a.passes(true, toIP, port) && a.passes(false, toIP, ephemeral)) && r.aclPermits(to, fromIP, port)
}

func (a *networkACL) passes(egress bool, peer string, port int) bool {
	addr, err := netip.ParseAddr(peer)
	if err != nil {
		return false
	}
	entries := slices.SortedStableFunc(slices.Values(a.Entries), func(x, y ACLEntry) int { return x.Number - y.Number })
	for _, e := range entries {
		prefix, err := netip.ParsePrefix(e.CIDR)
		if err == nil && e.Egress == egress && prefix.Contains(addr) && e.covers(port) {
			return !e.Deny
		}
	}
	return false
}

func (e ACLEntry) covers(port int) bool {
	return e.Protocol == "-1" || e.Protocol == "6" && e.From <= port && port <= e.To
}

type xmlNetworkACL struct {
	ID           string              `xml:"networkAclId"`
	VPC          string              `xml:"vpcId"`
	Owner        string              `xml:"ownerId"`
	Default      bool                `xml:"default"`
	Entries      []xmlACLEntry       `xml:"entrySet>item"`
	Associations []xmlACLAssociation `xml:"associationSet>item"`
	Tags         []xmlTag            `xml:"tagSet>item"`
}

type xmlACLEntry struct {
	Number   int           `xml:"ruleNumber"`
	Protocol string        `xml:"protocol"`
	Action   string        `xml:"ruleAction"`
	Egress   bool          `xml:"egress"`
	CIDR     string        `xml:"cidrBlock"`
	Ports    *xmlPortRange `xml:"portRange"`
}

type xmlPortRange struct {
	From int `xml:"from"`
	To   int `xml:"to"`
}

type xmlACLAssociation struct {
	ID     string `xml:"networkAclAssociationId"`
	ACL    string `xml:"networkAclId"`
	Subnet string `xml:"subnetId"`
}

func describeNetworkACLs(rq *request) (any, *apiError) {
	all := rq.r.acls.all()
	if ids := rq.p.list("NetworkAclId"); len(ids) > 0 {
		all = nil
		for _, id := range ids {
			a, ok := rq.r.acls.get(id)
			if !ok {
				return nil, errorf("InvalidNetworkAclID.NotFound", "The networkAcl ID '%s' does not exist", id)
			}
			all = append(all, a)
		}
	}
	all, e := selected(rq, all, func(a *networkACL) map[string]string { return a.Tags }, func(a *networkACL) attributes {
		return attributes{
			"network-acl-id": {a.ID}, "association.network-acl-id": {a.ID}, "vpc-id": {a.VPC}, "owner-id": {rq.r.account},
			"default": {boolString(a.Default)}, "association.subnet-id": rq.r.subnetsOf(a),
		}
	})
	if e != nil {
		return nil, e
	}
	var out struct {
		ACLs []xmlNetworkACL `xml:"networkAclSet>item"`
		Next string          `xml:"nextToken,omitempty"`
	}
	if all, out.Next, e = page(rq, all, func(a *networkACL) int { return a.seq }, 5, 1000); e != nil {
		return nil, e
	}
	for _, a := range all {
		out.ACLs = append(out.ACLs, rq.r.xmlNetworkACL(a))
	}
	return out, nil
}

// subnetsOf is which subnets an ACL serves. Unlike a main route table, AWS
// lists the associations of a default ACL too.
func (r *region) subnetsOf(a *networkACL) []string {
	var out []string
	for _, s := range r.subnets.all() {
		if r.aclOf(s) == a {
			out = append(out, s.ID)
		}
	}
	return out
}

func (r *region) xmlNetworkACL(a *networkACL) xmlNetworkACL {
	x := xmlNetworkACL{ID: a.ID, VPC: a.VPC, Owner: r.account, Default: a.Default, Tags: xmlTags(a.Tags)}
	entries := append(slices.Clone(a.Entries),
		ACLEntry{Number: lastACLEntry, Deny: true, Protocol: "-1", CIDR: "0.0.0.0/0"},
		ACLEntry{Number: lastACLEntry, Deny: true, Protocol: "-1", CIDR: "0.0.0.0/0", Egress: true})
	for _, e := range entries {
		y := xmlACLEntry{Number: e.Number, Protocol: e.Protocol, Action: "allow", Egress: e.Egress, CIDR: e.CIDR}
		if e.Deny {
			y.Action = "deny"
		}
		if e.Protocol != "-1" {
			y.Ports = &xmlPortRange{From: e.From, To: e.To}
		}
		x.Entries = append(x.Entries, y)
	}
	for i, s := range r.subnetsOf(a) {
		x.Associations = append(x.Associations, xmlACLAssociation{
			ID: "aclassoc-" + strings.TrimPrefix(a.ID, "acl-") + strconv.Itoa(i), ACL: a.ID, Subnet: s,
		})
	}
	return x
}
