package provisioner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/sshforward/sshforward"
)

// Provisioner is the sshforward.Provisioner on AWS. It is safe for concurrent
// use.
type Provisioner struct {
	deployment string
	accounts   []*account
	signing    Signing
	lookup     func(ctx context.Context, host string) ([]string, error)
	log        *slog.Logger
	warned     sync.Map // of what Survey could not read, by account and id
	skew       skew
	consoles   sync.Map // host keys that were read, or "", by lease id until it closes
}

var _ sshforward.Provisioner = (*Provisioner)(nil)

// New makes the clients; it calls AWS for nothing. Credentials, endpoints
// (AWS_ENDPOINT_URL) and the rest come from the SDK's own loader.
func New(ctx context.Context, o Options) (*Provisioner, error) {
	if o.Deployment == "" {
		return nil, errors.New("no deployment is configured")
	}
	if len(o.Accounts) == 0 {
		return nil, errors.New("no AWS account is configured")
	}
	if err := o.Signing.check(); err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver.LookupHost
	}
	if o.HTTPClient == nil {
		o.HTTPClient = newHTTPClient(silenceAfter, pongWithin)
	}
	p := &Provisioner{deployment: o.Deployment, signing: o.Signing, lookup: o.Resolver, log: o.Logger}
	base, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(o.HTTPClient),
		config.WithRetryer(newRetryer),
		config.WithLogger(sdkLogger(o.Logger)),
		config.WithAPIOptions(append(countCalls(o.OnCall), p.skew.measure)),
	)
	if err != nil {
		return nil, fmt.Errorf("load AWS configuration: %w", err)
	}
	shared := budgets{share: o.Share, all: make(map[string]*budget)}
	for _, a := range o.Accounts {
		acct, err := newAccount(base, o.Deployment, a, shared)
		if err != nil {
			return nil, err
		}
		p.accounts = append(p.accounts, acct)
	}
	return p, nil
}

// sdkLogger takes what the SDK itself says, a connection that was cut while it
// read say, which it would write to standard error past the log. What comes of
// it is in the answer of the call, so that nobody is warned twice.
func sdkLogger(log *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(class logging.Classification, format string, v ...any) {
		log.Debug("the AWS SDK says", "class", string(class), "text", fmt.Sprintf(format, v...))
	})
}

// newHTTPClient is the SDK's own, which finds out by pings if a connection was
// forgotten on the way, by a NAT say: that takes everything and never answers.
func newHTTPClient(silence, pong time.Duration) *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.HTTP2 = &http.HTTP2Config{SendPingTimeout: silence, PingTimeout: pong}
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
