package fakeaws

// FieldNote is the network of the 2020 field note that this project began
// with: one VPC in ap-northeast-1, in zone a a public and a private subnet, and
// instances in the private one that nobody can reach from outside.
type FieldNote struct {
	VPC, Public, Private        string // the VPC and its subnets
	PublicRoutes, PrivateRoutes string // their route tables
	Group                       string // the instances' security group
	Web, App, DB                string // instances: 10.1.2.94, 10.1.2.95, 10.1.2.96
	Bystander                   string // a load balancer of somebody else's
}

// hostKeys is what cloud-init writes to the console on the first boot. The keys
// are well-formed and nobody's: what belongs to them was thrown away.
const hostKeys = "[   21.5] cloud-init: finished\r\n" +
	"-----BEGIN SSH HOST KEY KEYS-----\r\n" +
	"ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBBvEdbazIuB1Zsuq8qcMMl7YRllsThm" +
	"Cln2eRCB6YutW+Q5PjgG9+Tg+6IaaAkb7CuJ+drFxLdVid+osEsjwOYo= root@ip-10-1-2-94\r\n" +
	"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGZha2Vhd3MgZmFrZWF3cyBmYWtlYXdzIGZha2Vhd3Mw root@ip-10-1-2-94\r\n" +
	"-----END SSH HOST KEY KEYS-----\r\n"

// FieldNote builds the field note's network: VPC 10.1.0.0/16, public subnet
// 10.1.1.0/24 and private subnet 10.1.2.0/24, each with its route table, in the
// region's zone a. Web and App carry sshforward=allow, DB carries Env=prod. A
// load balancer of another team's stands in front of App.
func (h *Region) FieldNote() FieldNote {
	zone := h.Name() + "a"
	name := func(s string) map[string]string { return map[string]string{"Name": s} }
	var n FieldNote
	n.VPC = h.AddVPC("10.1.0.0/16", name("note"))
	n.Public = h.AddSubnet(n.VPC, "10.1.1.0/24", zone, name("note-public-a"))
	n.Private = h.AddSubnet(n.VPC, "10.1.2.0/24", zone, name("note-private-a"))
	n.PublicRoutes = h.AddRouteTable(n.VPC, []string{n.Public}, Route{Destination: "0.0.0.0/0", Target: h.Gateway(n.VPC)})
	n.PrivateRoutes = h.AddRouteTable(n.VPC, []string{n.Private})
	n.Group = h.AddGroup(n.VPC, "note-instances", name("note-instances"))
	h.AddRule(Rule{Group: n.Group, Protocol: "tcp", From: 443, To: 443, CIDR: "10.1.0.0/16", Description: "within the VPC"})

	n.Web = h.AddInstance(InstanceSpec{
		Subnet: n.Private, PrivateIP: "10.1.2.94", Name: "web-1",
		Tags: map[string]string{"sshforward": "allow", "Env": "dev"}, Groups: []string{n.Group}, Console: hostKeys,
	})
	n.App = h.AddInstance(InstanceSpec{
		Subnet: n.Private, PrivateIP: "10.1.2.95", Name: "app-1",
		Tags: map[string]string{"sshforward": "allow", "Env": "dev"}, Groups: []string{n.Group},
	})
	n.DB = h.AddInstance(InstanceSpec{
		Subnet: n.Private, PrivateIP: "10.1.2.96", Name: "db-1",
		Tags: map[string]string{"Env": "prod"}, Groups: []string{n.Group},
	})
	front := h.AddGroup(n.VPC, "shop-front", name("shop-front"))
	h.AddRule(Rule{Group: front, Protocol: "tcp", From: 443, To: 443, CIDR: "0.0.0.0/0"})
	n.Bystander = "shop"
	h.AddLoadBalancer(n.Bystander, n.Public, []string{front},
		Listener{Protocol: "TCP", Port: 443, InstanceProtocol: "TCP", InstancePort: 443}, map[string]string{"team": "shop"})
	return n
}
