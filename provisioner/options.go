package provisioner

import (
	"context"
	"log/slog"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// DeadMan has EventBridge Scheduler delete a lease's load balancer some time
// after the lease's end, in case that the bot is not there to do it.
//
// Each lease has one one-time schedule, named as its load balancer. Schedules
// cannot carry tags, but their group can: sshforward-<deployment>, which has
// the deployment's tag. A name in that group is the proof of ownership.
type DeadMan struct {
	RoleARN string        // which Scheduler assumes; it needs to delete the load balancers and nothing else
	Grace   time.Duration // after the lease's end, for the bot to do it itself
}

// Account is one AWS account in one region, as configured.
type Account struct {
	Name       string // what leases call it; no two have the same
	Region     string // empty: what the SDK's own configuration says
	RoleARN    string // assumed, if set
	ExternalID string // for RoleARN, if set

	// ListenerPort and SSHUser are what a lease gets that is rebuilt from
	// tags which do not say; otherwise the lease says.
	ListenerPort int
	SSHUser      string

	// Tags are put on everything that is made, beside the bot's own, for
	// organisations that demand some. The bot reads none of them.
	Tags map[string]string
	// Subnets are the only ones that a load balancer may stand in, whatever
	// their route tables say; all public ones if empty.
	Subnets []string

	// WaitDNS bounds the wait for a load balancer's name to resolve; zero
	// does not look at all.
	WaitDNS time.Duration

	// DeadMan ends access when the bot is gone for good; nil for none, and
	// then nothing of EventBridge Scheduler is called.
	DeadMan *DeadMan
}

// Options is what New needs. Deployment and Accounts have no default. What they
// say is checked where it is read: New looks only at what it cannot do without.
type Options struct {
	Deployment string // 1 to 12 of a-z, 0-9 and -
	Accounts   []Account
	Signing    Signing // what is rebuilt needs it; without it, nothing is

	// Resolver looks a name up; net.DefaultResolver.LookupHost if nil.
	Resolver func(ctx context.Context, host string) ([]string, error)
	// OnCall, if set, is told of each attempt of each call, for metrics: the
	// service and operation as in IAM policies, and AWS's error code: "" for
	// success, the HTTP status if there is no code, "unreachable" if there is
	// no answer. It must be safe for concurrent use.
	OnCall func(service, operation, code string)
	// Share, if set, is among how many replicas the budget of API calls is divided.
	Share func() int
	// HTTPClient replaces the SDK's own.
	HTTPClient aws.HTTPClient
	// Logger is slog.Default() if nil.
	Logger *slog.Logger
}

// Signing is what proves that the bot wrote a lease's tags. Structure (see
// ownership.go) is enough to take something down; to go on with it, after
// the store was lost, takes a signature over everything that is read then.
type Signing struct {
	// Key signs; at least MinKey bytes. Empty: nothing is signed, and what is
	// found is not checked.
	Key []byte
	// Store is the random id of the store that the leases are in. It tells the
	// leases of another bot of the same deployment from one's own.
	Store string
}

// MinKey is how long a key is at least, in bytes.
const MinKey = 32
