package dynamo

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"

	"github.com/sshforward/sshforward/internal/safe"
)

// Options say where the table is. The credentials are what the SDK's own loader
// finds, and so is the endpoint (AWS_ENDPOINT_URL_DYNAMODB, for a stand-in).
type Options struct {
	Table  string
	Region string // "": as the SDK's loader finds it

	// Create makes the table if there is none, and waits until it can be used.
	// What the endpoint does not know of what protects it, a stand-in for
	// example, is a warning.
	Create bool

	// ToLoad opens a table that an earlier [Store.Load] has not filled to the end.
	ToLoad bool

	// HTTPClient is for stand-ins within the process; nil for the SDK's own.
	HTTPClient aws.HTTPClient

	// AWS is instead of what the SDK's loader finds; nil for that. Region and
	// HTTPClient go before what it says.
	AWS *aws.Config

	// Logger, nil for the default one.
	Logger *slog.Logger

	// OnCall, if set, is told of each attempt of each call, for metrics: the
	// service, the operation, and AWS's code if it failed.
	OnCall func(service, operation, code string)

	// OnClock, if set, is told with each answer by how much the clock of AWS is
	// ahead of this machine's, to about a second.
	OnClock func(ahead time.Duration)

	attempts int // of each call; 0: attempts
}

const (
	// What the SDK tries by itself: at most so often, with a pause of up to
	// firstPause, twice that, and so on. Its own pauses, of up to a second at once,
	// are for services that take longer than DynamoDB.
	attempts   = 6
	firstPause = 50 * time.Millisecond
	// answerWithin is far above what DynamoDB takes: some milliseconds.
	answerWithin = 5 * time.Second
)

// Open returns the store in a table, which has to be there if Create is not set:
// [ErrNoTable] if it is not, [ErrSchema] if it is something else.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, err := newStore(ctx, o)
	if err != nil {
		return nil, err
	}
	if o.Create {
		err = s.create(ctx)
	} else {
		err = s.check(ctx)
	}
	if err == nil {
		err = s.whole(ctx, o.ToLoad)
	}
	if err == nil {
		s.id, err = s.identify(ctx)
	}
	if err != nil {
		s.end()
		return nil, fmt.Errorf("table %s: %w", o.Table, err)
	}
	go func() {
		defer safe.Catch(func(err error) { s.log.Error("the audit record is not written any more", "err", err) })
		defer close(s.teller.ended)
		s.teller.run(s.ctx)
	}()
	return s, nil
}

func newStore(ctx context.Context, o Options) (*Store, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	if o.HTTPClient == nil {
		o.HTTPClient = newHTTPClient()
	}
	var cfg aws.Config
	if o.AWS != nil {
		cfg = o.AWS.Copy()
	} else {
		var err error
		if cfg, err = config.LoadDefaultConfig(ctx); err != nil {
			return nil, fmt.Errorf("load AWS configuration: %w", err)
		}
	}
	if o.Region != "" {
		cfg.Region = o.Region
	}
	cfg.HTTPClient, cfg.Logger = o.HTTPClient, sdkLogger(o.Logger)
	cfg.APIOptions = append(cfg.APIOptions, countCalls(o.OnCall, o.OnClock)...)
	c := &client{table: o.Table, log: o.Logger}
	c.retryer = retry.NewStandard(func(r *retry.StandardOptions) {
		r.MaxAttempts = cmp.Or(o.attempts, attempts)
		r.Backoff = retry.BackoffDelayerFunc(func(attempt int, _ error) (time.Duration, error) {
			return rand.N(firstPause << (attempt - 1)), nil
		})
	})
	c.db = dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.Retryer = c.retryer })
	s := &Store{client: c, teller: newTeller(c)}
	s.ctx, s.end = context.WithCancel(context.Background())
	return s, nil
}

// newHTTPClient is the SDK's own, which gives up a connection that was forgotten
// on the way, by a NAT say.
func newHTTPClient() *awshttp.BuildableClient {
	return awshttp.NewBuildableClient().WithTimeout(answerWithin).WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = 100
	})
}

// sdkLogger takes what the SDK itself says, which it would write to standard
// error past the log. What comes of it is in the answer of the call.
func sdkLogger(log *slog.Logger) logging.Logger {
	return logging.LoggerFunc(func(class logging.Classification, format string, v ...any) {
		log.Debug("the AWS SDK says", "class", string(class), "text", fmt.Sprintf(format, v...))
	})
}
