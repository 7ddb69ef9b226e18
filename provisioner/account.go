package provisioner

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// account has its own clients, and so its own retry state: throttling in one
// account does not slow another.
type account struct {
	Account
	config    aws.Config // for clients that the bot itself does not need
	ec2       *ec2.Client
	elb       *elb.Client             // for looking
	elbs      [priorities]*elb.Client // all have one budget
	budget    *budget
	scheduler *scheduler.Client
	sts       *sts.Client

	quota    quota
	refusals refusals

	zonesMu sync.Mutex
	zones   map[string]string // zone name -> type; see zoneTypes

	// scheduleGroupMu is held while the schedule group is asked for and made.
	scheduleGroupMu   contextMutex
	ownsScheduleGroup bool // seen once; false: not known
}

// withTags adds the configured tags to the bot's own, which go first.
func (a *account) withTags(own map[string]string) map[string]string {
	all := maps.Clone(a.Tags)
	if all == nil {
		return own
	}
	maps.Copy(all, own)
	return all
}

// An HTTP/2 connection that says nothing for silenceAfter is pinged, and ended
// without an answer within pongWithin; the next call makes a new one.
const (
	silenceAfter = 10 * time.Second
	pongWithin   = 5 * time.Second
)

// Retrying inside the SDK is for hiccups only: beyond it the keeper backs off,
// where it does not hold a worker.
const (
	maxAttempts = 3
	maxBackoff  = 2 * time.Second
)

func newAccount(base aws.Config, deployment string, a Account, shared budgets) (*account, error) {
	cfg := base.Copy()
	if a.Region != "" {
		cfg.Region = a.Region
	}
	if a.Region = cfg.Region; a.Region == "" {
		return nil, fmt.Errorf("account %s: no region is configured", a.Name)
	}
	cfg.APIOptions = append(slices.Clone(cfg.APIOptions), new(pace).limit)
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
	out := &account{
		Account: a, config: cfg, budget: shared.of(a),
		ec2: ec2.NewFromConfig(cfg), scheduler: scheduler.NewFromConfig(cfg), sts: sts.NewFromConfig(cfg),
		scheduleGroupMu: newContextMutex(),
	}
	for p := range priorities {
		out.elbs[p] = elb.NewFromConfig(cfg, func(o *elb.Options) { o.APIOptions = append(o.APIOptions, out.budget.limit(p)) })
	}
	out.elb = out.elbs[forLooking]
	return out, nil
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
