package fakeaws

import "time"

// Kinds of availability zone, as DescribeAvailabilityZones names them.
const (
	AvailabilityZone = "availability-zone"
	LocalZone        = "local-zone"
	WavelengthZone   = "wavelength-zone"
)

// Zone is an availability zone or something like one.
type Zone struct {
	Name, ID, Type string
	NoClassicELB   bool // CreateLoadBalancer answers InvalidConfigurationRequest
}

// VPC is a network. Gateway is the attached internet gateway, if any, and CIDR6
// what it has of IPv6.
type VPC struct {
	ID, CIDR string
	CIDR6    string
	Default  bool
	Gateway  string
	Tags     map[string]string
}

// Subnet is a part of a VPC in one zone. Free counts unused addresses.
type Subnet struct {
	ID, VPC, CIDR, Zone string
	Free                int
	Tags                map[string]string
}

// RouteTable serves the subnets it names, or as the main one all others.
type RouteTable struct {
	ID, VPC string
	Main    bool
	Subnets []string
	Routes  []Route
	Tags    map[string]string
}

// Route sends a destination to a target: "local", igw-…, nat-…, vgw-…, eigw-….
// State is "active", or "blackhole" when the target is gone.
type Route struct{ Destination, Target, State string }

// Instance is an EC2 instance with one network interface. Ports are the TCP
// ports something listens on.
type Instance struct {
	ID, State                    string
	VPC, Subnet, Zone, PrivateIP string
	Interface                    string
	Groups                       []string
	Ports                        []int
	Tags                         map[string]string
	Console                      string
	Launched                     time.Time
}

// SecurityGroup is a group without its rules; see Rule.
type SecurityGroup struct {
	ID, Name, Description, VPC string
	Tags                       map[string]string
	Created                    time.Time
}

// Rule is one rule of a group: a protocol and a range of ports for one CIDR or
// one other group. Protocol -1 means all, and then the ports are -1 too.
type Rule struct {
	ID, Group   string
	Egress      bool
	Protocol    string
	From, To    int
	CIDR        string // IPv4 or IPv6; empty if Source is set
	Source      string // the group referred to, which for egress is a destination
	Description string
	Tags        map[string]string
	Created     time.Time
}

// LoadBalancer is a Classic Load Balancer with what has been set on it.
type LoadBalancer struct {
	Name, DNSName, Scheme, VPC string
	Zones, Subnets, Groups     []string
	Listeners                  []Listener
	HealthCheck                HealthCheck
	IdleTimeout                time.Duration
	Draining                   bool
	DrainingTimeout            time.Duration
	CrossZone                  bool
	Instances                  []Registration
	Tags                       map[string]string
	Created                    time.Time
}

// Listener forwards a port of the load balancer to a port of the instances.
type Listener struct {
	Protocol         string
	Port             int
	InstanceProtocol string
	InstancePort     int
}

// HealthCheck is the one health check of a Classic Load Balancer.
type HealthCheck struct {
	Target             string
	Interval, Timeout  time.Duration
	Healthy, Unhealthy int
}

// Registration is an instance of a load balancer and how it fares. State,
// Reason and Description are what DescribeInstanceHealth says.
type Registration struct {
	Instance                   string
	State, Reason, Description string
	Registered                 time.Time
}

// Interface is a network interface, of an instance or of a load balancer.
type Interface struct {
	ID, Description, Owner string
	VPC, Subnet, Zone      string
	PrivateIP, PublicIP    string
	Groups                 []string
	Instance               string
	LoadBalancer           string
	Gone                   time.Time // when a lingering one goes; zero while in use
	Tags                   map[string]string
}

// Schedule is an EventBridge schedule. At is set for one-time schedules.
type Schedule struct {
	Name, Group, Expression, Timezone string
	Target, Role, Input               string
	State                             string
	DeleteAfter                       bool
	At                                time.Time
	Created, Modified                 time.Time
}

// ScheduleGroup holds schedules, and the tags that schedules cannot have.
type ScheduleGroup struct {
	Name    string
	Tags    map[string]string
	Created time.Time
}
