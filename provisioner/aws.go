package provisioner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/sshforward/sshforward"
)

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

	// Resolver looks a name up; net.DefaultResolver.LookupHost if nil.
	Resolver func(ctx context.Context, host string) ([]string, error)
	// OnCall, if set, is told of each attempt of each call, for metrics: the
	// service and operation as in IAM policies, and AWS's error code: "" for
	// success, the HTTP status if there is no code, "unreachable" if there is
	// no answer. It must be safe for concurrent use.
	OnCall func(service, operation, code string)
	// HTTPClient replaces the SDK's own.
	HTTPClient aws.HTTPClient
	// Logger is slog.Default() if nil.
	Logger *slog.Logger
}

// Provisioner is the sshforward.Provisioner on AWS. It is safe for concurrent
// use.
type Provisioner struct {
	deployment string
	accounts   []*account
	lookup     func(ctx context.Context, host string) ([]string, error)
	log        *slog.Logger
	warned     sync.Map // of what Survey could not read, by account and id
}

var _ sshforward.Provisioner = (*Provisioner)(nil)

// account has its own clients, and so its own retry state: throttling in one
// account does not slow another.
type account struct {
	Account
	ec2       *ec2.Client
	elb       *elb.Client
	scheduler *scheduler.Client
	sts       *sts.Client

	zonesMu sync.Mutex
	zones   map[string]string // zone name -> type; see zoneTypes

	known groupKnown
}

// callTimeout bounds one attempt, so that a connection that says nothing is
// tried again while the step still has time.
const callTimeout = 20 * time.Second

// Retrying inside the SDK is for hiccups only: beyond it the keeper backs off,
// where it does not hold a worker.
const (
	maxAttempts = 3
	maxBackoff  = 2 * time.Second
)

// New makes the clients; it calls AWS for nothing. Credentials, endpoints
// (AWS_ENDPOINT_URL) and the rest come from the SDK's own loader.
func New(ctx context.Context, o Options) (*Provisioner, error) {
	if o.Deployment == "" {
		return nil, errors.New("no deployment is configured")
	}
	if len(o.Accounts) == 0 {
		return nil, errors.New("no AWS account is configured")
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver.LookupHost
	}
	if o.HTTPClient == nil {
		o.HTTPClient = awshttp.NewBuildableClient().WithTimeout(callTimeout)
	}
	base, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(o.HTTPClient),
		config.WithRetryer(newRetryer),
		config.WithAPIOptions(countCalls(o.OnCall)),
	)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	p := &Provisioner{deployment: o.Deployment, lookup: o.Resolver, log: o.Logger}
	for _, a := range o.Accounts {
		acct, err := newAccount(base, o.Deployment, a)
		if err != nil {
			return nil, err
		}
		p.accounts = append(p.accounts, acct)
	}
	return p, nil
}

func newAccount(base aws.Config, deployment string, a Account) (*account, error) {
	cfg := base.Copy()
	if a.Region != "" {
		cfg.Region = a.Region
	}
	if a.Region = cfg.Region; a.Region == "" {
		return nil, fmt.Errorf("account %s: no region is configured", a.Name)
	}
	if a.RoleARN != "" {
		role := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), a.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = "sshforward-" + deployment
			if a.ExternalID != "" {
				o.ExternalID = aws.String(a.ExternalID)
			}
		})
		cfg.Credentials = aws.NewCredentialsCache(role, func(o *aws.CredentialsCacheOptions) {
			o.ExpiryWindow = time.Minute // not in the middle of a step
		})
	}
	return &account{
		Account: a, ec2: ec2.NewFromConfig(cfg), elb: elb.NewFromConfig(cfg), scheduler: scheduler.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg),
		known: groupKnown{turn: make(chan struct{}, 1)},
	}, nil
}

// newRetryer is called once for each client.
func newRetryer() aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts = maxAttempts
		o.MaxBackoff = maxBackoff
		// The SDK's token bucket stops retries when many calls fail; attempts
		// are bounded here and the keeper backs off, so it would only turn
		// one bad minute into failures of leases that could go on.
		o.RateLimiter = ratelimit.None
		o.Retryables = append(o.Retryables, retry.RetryableErrorCode{Codes: moreRetryable})
	})
}

// account returns the configured account that a lease or an instance names.
func (p *Provisioner) account(name string) (*account, error) {
	for _, a := range p.accounts {
		if a.Name == name {
			return a, nil
		}
	}
	return nil, &sshforward.Error{
		Code:    sshforward.EINVALID,
		Message: sshforward.Textf("The AWS account %q is not in my configuration.", name),
	}
}
