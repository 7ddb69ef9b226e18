package fakeaws

import "time"

// The account and region that are used where nothing else is said.
const (
	DefaultAccount = "123456789012"
	DefaultRegion  = "ap-northeast-1"
)

// Options says how a Cloud behaves. The zero value is an AWS without faults, in
// which opening takes no time, and what is taken back or deleted goes a moment later,
// as it does at AWS; Classic ELB limits the rate of its calls. Instant leaves the
// moment out, Realistic has delays everywhere, and SlowAWS is what speed is measured
// against.
type Options struct {
	Account string // of access keys nothing is known about; DefaultAccount if empty
	Region  string // of Cloud.Home; DefaultRegion if empty
	Seed    uint64 // for ids and for FlakyVisibility; equal seeds give equal ids

	// EC2 and ELB are eventually consistent: until so long after its creation
	// a thing is not found by the calls that use it.
	GroupVisibleAfter        time.Duration
	RuleVisibleAfter         time.Duration // in the Describe calls only; a rule works at once
	LoadBalancerVisibleAfter time.Duration
	// FlakyVisibility makes each call inside these windows decide at random,
	// so that a call can miss what a Describe just before it has found.
	FlakyVisibility bool

	// RegisterDelay is how long an instance says "registration is still in
	// progress" (up to about 30 s at AWS).
	RegisterDelay time.Duration
	// HealthTiming makes going in and out of service take as many health
	// checks as the thresholds say. Without it the first check decides.
	HealthTiming bool
	// UnhealthyTiming is HealthTiming for going out of service alone: an AWS in
	// which opening is quick and a flap is as harmless as its thresholds make it.
	UnhealthyTiming bool

	// DeregisterDelay is how long after a Deregister the sessions of the
	// instance are cut and it is gone from DescribeInstanceHealth; until then
	// it even gets new ones. The call is asynchronous (API reference). Half a second
	// if zero; at once if negative.
	DeregisterDelay time.Duration
	// DeleteDelay is how long the nodes of a deleted load balancer go on
	// delivering. AWS promises that they stop, and not when. A second if zero; none
	// if negative.
	DeleteDelay time.Duration
	// InterfaceDelay is how long after its creation a load balancer's network
	// interfaces show in DescribeNetworkInterfaces.
	InterfaceDelay time.Duration
	// InterfaceLinger is how long the network interfaces of a deleted load
	// balancer stay: minutes at AWS, 10 to 15 at worst. Three seconds if zero, for
	// tests in real time; they go at once if negative.
	InterfaceLinger time.Duration
	// StateDelay is how long an instance is pending, stopping or shutting down.
	StateDelay time.Duration
	// ConsoleDelay is how long after its launch an instance's console can be
	// read (minutes at AWS).
	ConsoleDelay time.Duration
	// TerminatedVisible is how long a terminated instance can be described;
	// one hour if zero.
	TerminatedVisible time.Duration

	// DNSDelay is how long after its creation a load balancer's name resolves
	// in LookupHost; a look-up before that is remembered as "no such host" for
	// DNSNegativeTTL, as resolvers do.
	DNSDelay       time.Duration
	DNSNegativeTTL time.Duration

	LoadBalancerLimit int // per account and region; 20 if zero
	RuleLimit         int // per group and direction; 60 if zero

	// DefaultVPCGroup makes ELB add a group of its own, open to all on the
	// listeners' ports, to every load balancer in a default VPC, as its guide
	// says of load balancers made by API; practice contradicts it.
	DefaultVPCGroup bool

	// TagLimit is how many tags a classic load balancer may have: 10 if zero,
	// as the API reference says; the guide says 50.
	TagLimit int

	// RequireTags are tag keys without which a service control policy denies
	// the creation of groups, load balancers and schedule groups.
	RequireTags []string
	// TagPolicy says which values a tag key may have; others get
	// TagPolicyViolation.
	TagPolicy map[string][]string
	// MissingIsNotFound has the caller's IAM policy be without conditions on
	// aws:ResourceTag. With them, as by default, calls about something that does
	// not exist, or is not to be seen yet, answer as for lack of permission.
	MissingIsNotFound bool

	// UnknownRoles makes Scheduler take roles that Cloud.AddRole did not make;
	// RoleVisibleAfter is how long it does not see a new one.
	UnknownRoles     bool
	RoleVisibleAfter time.Duration

	// Rate allows so many calls a second for each account, region and service,
	// and Burst more at once; zero means no limit. Beyond it EC2 answers
	// RequestLimitExceeded and ELB Throttling.
	Rate  float64
	Burst int

	// ELBBurst and ELBRate are Classic ELB's own budget of calls, for each
	// account and region: 40, refilled at 10 a second, if zero; a negative
	// ELBBurst is none. Beyond it ELB answers ThrottlingException.
	ELBBurst int
	ELBRate  float64

	// CallTime is how long every call takes, half of it before the effect;
	// CreateTime, if not zero, replaces it for CreateLoadBalancer. See SlowAWS.
	CallTime, CreateTime time.Duration

	// ClockSkew is how far the Cloud's clock is ahead. See Cloud.SetClockSkew.
	ClockSkew time.Duration

	// OutageSparesFilters makes a DescribeInstances with filters, but without
	// ids, work in a zone outage; AWS does not say whether it does.
	OutageSparesFilters bool

	// PageSize caps the pages of every Describe call, so that pagination shows
	// with little data; zero leaves AWS's own limits.
	PageSize int

	// StrictDeregister makes deregistering an instance that is not registered
	// an InvalidInstance error. What AWS does is not documented, so callers
	// have to live with both.
	StrictDeregister bool

	// Deny lists operations that IAM refuses, as "ec2:CreateSecurityGroup" or
	// "elasticloadbalancing:*". See also Cloud.Deny.
	Deny []string

	// Fault is asked about every call. See also Cloud.SetFault.
	Fault func(Call) Fault

	// DNSName names a new load balancer, in place of AWS's
	// NAME-NUMBER.REGION.elb.amazonaws.com. It is called with the Cloud locked
	// and must not call back.
	DNSName func(account, region, name string) string
	// Listening says whether something on the instance accepts connections on
	// a port, in place of Instance.Ports. It is called with the Cloud locked
	// and must not call back.
	Listening func(i Instance, port int) bool
}

// Realistic returns the delays of a middling day at AWS.
func Realistic() Options {
	return Options{
		GroupVisibleAfter: 2 * time.Second,
		RuleVisibleAfter:  time.Second,
		FlakyVisibility:   true,
		RegisterDelay:     15 * time.Second,
		HealthTiming:      true,
		DeregisterDelay:   time.Second,
		DeleteDelay:       2 * time.Second,
		InterfaceDelay:    2 * time.Second,
		InterfaceLinger:   4 * time.Minute,
		StateDelay:        20 * time.Second,
		DNSDelay:          time.Minute,
		DNSNegativeTTL:    time.Minute,
	}
}

// Instant returns the options of an AWS in which what is taken back or deleted is
// gone when the call returns, for tests that are about something else.
func Instant() Options {
	return Options{DeregisterDelay: -1, DeleteDelay: -1, InterfaceLinger: -1}
}

func (o Options) withDefaults() Options {
	usually(&o.DeregisterDelay, 500*time.Millisecond)
	usually(&o.DeleteDelay, time.Second)
	usually(&o.InterfaceLinger, 3*time.Second)
	if o.Account == "" {
		o.Account = DefaultAccount
	}
	if o.Region == "" {
		o.Region = DefaultRegion
	}
	if o.TerminatedVisible == 0 {
		o.TerminatedVisible = time.Hour
	}
	if o.LoadBalancerLimit == 0 {
		o.LoadBalancerLimit = 20
	}
	if o.TagLimit == 0 {
		o.TagLimit = 10
	}
	if o.RuleLimit == 0 {
		o.RuleLimit = 60
	}
	return o
}

// usually sets a delay that is not set; negative means none.
func usually(d *time.Duration, delay time.Duration) {
	switch {
	case *d == 0:
		*d = delay
	case *d < 0:
		*d = 0
	}
}
