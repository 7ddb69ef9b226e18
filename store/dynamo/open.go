package dynamo

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/smithy-go/logging"

	"github.com/sshforward/sshforward"
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
}

// Store is a [sshforward.Store] in a DynamoDB table. Open makes one; it is safe
// for concurrent use, and there may be as many on one table as there are
// replicas.
type Store struct {
	db      *dynamodb.Client
	table   string
	id      string
	log     *slog.Logger
	retryer aws.RetryerV2
	teller  *teller

	ctx     context.Context // of the store, ends with Close
	end     context.CancelFunc
	closing sync.Once
	ended   chan struct{} // closed when the teller has returned
}

var _ sshforward.Store = (*Store)(nil)

const (
	// attempts and longestPause bound what the SDK tries by itself: some seconds.
	attempts     = 5
	longestPause = 2 * time.Second
	// answerWithin is far above what DynamoDB takes: some milliseconds.
	answerWithin = 5 * time.Second
	// closeWithin is how long Close waits for what is to be told. What is not
	// waits in the table.
	closeWithin = 1500 * time.Millisecond
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
		err = s.identify(ctx)
	}
	if err != nil {
		s.end()
		return nil, fmt.Errorf("table %s: %w", o.Table, err)
	}
	go func() {
		defer safe.Catch(func(err error) { s.log.Error("the audit record is not written any more", "err", err) })
		defer close(s.ended)
		s.teller.run(s.ctx)
	}()
	return s, nil
}

// whole refuses a table that has a part of what is to be in it.
func (s *Store) whole(ctx context.Context, toLoad bool) error {
	it, err := s.get(ctx, pkMeta, skLoading)
	if err == nil && it != nil && !toLoad {
		return ErrLoading
	}
	return err
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
	s := &Store{table: o.Table, log: o.Logger, ended: make(chan struct{})}
	s.retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.MaxBackoff = attempts, longestPause
	})
	s.db = dynamodb.NewFromConfig(cfg, func(o *dynamodb.Options) { o.Retryer = s.retryer })
	s.ctx, s.end = context.WithCancel(context.Background())
	s.teller = newTeller(s)
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

// Close tells what is left to tell, as far as that is possible soon, and ends the
// store. What is used afterwards fails with [ErrClosed].
func (s *Store) Close() error {
	s.closing.Do(func() {
		ctx, cancel := context.WithTimeout(s.ctx, closeWithin)
		defer cancel()
		if !s.teller.idle() {
			_ = s.teller.flush(ctx)
		}
		s.end()
		<-s.ended
	})
	return nil
}
