package provisioner

import (
	"context"
	"slices"
	"sync"
	"time"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go/middleware"
)

const (
	// skewSamples is how many answers are looked at: one that was late on its way
	// says nothing of the clock.
	skewSamples = 9
	// skewWithin is how long a call may take to count.
	skewWithin = time.Second
)

// skew is how far the clock of AWS is ahead of this machine's, by the Date of its
// last answers. A Date has whole seconds, so that on average half of one has gone.
type skew struct {
	mu      sync.Mutex
	samples []time.Duration // the oldest first
}

func (s *skew) add(began, ended, theirs time.Time) {
	if ended.Sub(began) > skewWithin {
		return
	}
	off := theirs.Add(time.Second / 2).Sub(began.Add(ended.Sub(began) / 2).Round(0))
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.samples) == skewSamples {
		s.samples = slices.Delete(s.samples, 0, 1)
	}
	s.samples = append(s.samples, off)
}

// median is false before there are enough answers.
func (s *skew) median() (time.Duration, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.samples) < skewSamples {
		return 0, false
	}
	return slices.Sorted(slices.Values(s.samples))[skewSamples/2], true
}

// measure takes in the Date of each answer, also of a refusal.
func (s *skew) measure(stack *middleware.Stack) error {
	look := middleware.FinalizeMiddlewareFunc("sshforward:Skew", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		began := time.Now()
		out, meta, err := next.HandleFinalize(ctx, in)
		if theirs, ok := awsmiddleware.GetServerTime(meta); ok && !theirs.IsZero() {
			s.add(began, time.Now(), theirs)
		}
		return out, meta, err
	})
	return stack.Finalize.Insert(look, "Retry", middleware.After)
}
