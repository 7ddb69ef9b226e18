package provisioner

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/aws/smithy-go/middleware"
)

const (
	// attemptLimit bounds one attempt, so that a connection that says nothing is
	// tried again while the step still has time.
	attemptLimit = 20 * time.Second
	// promptly is how soon an AWS answers that is not slow.
	promptly = attemptLimit / 2
)

// pace is how an account's AWS answers. Where it takes longer than an attempt may,
// beginning anew would never hear an answer: from then on an attempt has what is
// left of the step, until an answer comes promptly.
type pace struct{ slow atomic.Bool }

// errNoAnswer is for an attempt that was cut. The SDK repeats it.
type errNoAnswer struct{}

// Error implements error.
func (errNoAnswer) Error() string { return "no answer in time" }

// RetryableError tells the SDK's retryer to try again.
func (errNoAnswer) RetryableError() bool { return true }

// limit sits inside the SDK's retry loop.
func (p *pace) limit(s *middleware.Stack) error {
	return s.Finalize.Insert(middleware.FinalizeMiddlewareFunc("sshforward:Attempt", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		bound, cancel := ctx, context.CancelFunc(func() {})
		if !p.slow.Load() {
			bound, cancel = context.WithTimeout(ctx, attemptLimit)
		} else if _, ends := ctx.Deadline(); !ends {
			bound, cancel = context.WithTimeout(ctx, time.Minute) // nobody waits for ever
		}
		defer cancel()
		began := time.Now()
		out, meta, err := next.HandleFinalize(bound, in)
		switch cut := bound.Err() != nil && errors.Is(err, bound.Err()); {
		case cut && ctx.Err() == nil:
			p.slow.Store(true)
			return out, meta, errNoAnswer{}
		case !cut && time.Since(began) < promptly:
			p.slow.Store(false)
		}
		return out, meta, err
	}), "Retry", middleware.After)
}
