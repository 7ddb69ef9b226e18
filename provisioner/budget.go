package provisioner

import (
	"container/list"
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go/middleware"

	"github.com/sshforward/sshforward/internal/safe"
)

// Classic ELB has a budget of API calls of its own, for each account and region,
// which all its callers share: 40 calls, refilled at 10 a second. AWS does not
// document it; operators of Kubernetes' AWS provider have learnt it.
const (
	budgetSize = 40
	budgetRate = 10 // a second
	// budgetReserve is what openings and looks leave for closing, and half of
	// the budget: looks that can wait do so while there is less.
	budgetReserve = budgetSize / 2
	// inLineAtMost is how long a call waits for its turn. Then the step ends, so that
	// the lease can say what it waits for, and is begun again.
	inLineAtMost = 20 * time.Second
)

// errNoTurn: a call was not made, because others used the budget up. That is no
// failure of the step that it belongs to.
var errNoTurn = errors.New("its turn in the budget of API calls did not come")

// priority says whose calls go first when the budget is short.
type priority int

const (
	forClosing priority = iota // may use all that there is
	forOpening
	forLooking
	priorities
)

// budget is the bot's share of the calls of Classic ELB in one account and region:
// a token bucket whose refill goes to closing first and to looks last. Whoever has
// no token waits in line.
type budget struct {
	share func() int // among how many it is divided; nil: one

	mu     sync.Mutex
	tokens float64
	at     time.Time // when tokens was right
	lines  [priorities]list.List
	timer  *time.Timer // runs grant when there may be a token for somebody in line
}

func newBudget(share func() int) *budget {
	b := &budget{share: share, at: time.Now()}
	b.tokens = budgetSize / b.among()
	return b
}

// among is by what the budget is divided.
func (b *budget) among() float64 {
	if b.share == nil {
		return 1
	}
	return float64(max(1, b.share()))
}

// take waits for a token; errNoTurn if none came in time.
func (b *budget) take(ctx context.Context, p priority) error {
	turn := make(chan struct{})
	b.mu.Lock()
	place := b.lines[p].PushBack(turn)
	b.grant()
	b.mu.Unlock()
	patience := time.NewTimer(inLineAtMost)
	defer patience.Stop()
	select {
	case <-turn:
		return nil
	case <-patience.C:
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	select {
	case <-turn: // it came at the same moment
		return nil
	default:
		b.lines[p].Remove(place)
		return errNoTurn
	}
}

// grant hands tokens to those in line, and comes back for the rest. The lock is
// held.
func (b *budget) grant() {
	b.refill()
	for p := range priorities {
		needs := 1.0
		if p != forClosing {
			needs += budgetReserve / b.among()
		}
		for line := &b.lines[p]; line.Len() > 0; {
			if b.tokens < needs {
				b.comeBack(needs - b.tokens)
				return // a lower one has to wait for this one
			}
			b.tokens--
			close(line.Remove(line.Front()).(chan struct{}))
		}
	}
}

func (b *budget) comeBack(missing float64) {
	wait := time.Duration(missing*b.among()/budgetRate*float64(time.Second)) + time.Millisecond
	if b.timer != nil {
		b.timer.Stop()
	}
	b.timer = time.AfterFunc(wait, func() {
		defer safe.Catch(func(error) {}) // whoever waits gives up with its context
		b.mu.Lock()
		defer b.mu.Unlock()
		b.grant()
	})
}

func (b *budget) refill() {
	now := time.Now()
	among := b.among()
	b.tokens = min(budgetSize/among, b.tokens+now.Sub(b.at).Seconds()*budgetRate/among)
	b.at = now
}

// exceeded is what AWS says when somebody else has used the budget up.
func (b *budget) exceeded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	b.tokens = min(b.tokens, 0)
}

// plenty reports whether more than half of the budget is left, so that a look
// which can wait need not.
func (b *budget) plenty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refill()
	return b.tokens > budgetReserve/b.among()
}

// limit has each attempt of a client's calls wait for its token: it sits inside the
// SDK's retry loop.
func (b *budget) limit(p priority) func(*middleware.Stack) error {
	wait := middleware.FinalizeMiddlewareFunc("sshforward:Budget", func(
		ctx context.Context, in middleware.FinalizeInput, next middleware.FinalizeHandler,
	) (middleware.FinalizeOutput, middleware.Metadata, error) {
		if err := b.take(ctx, p); err != nil {
			return middleware.FinalizeOutput{}, middleware.Metadata{}, err
		}
		out, meta, err := next.HandleFinalize(ctx, in)
		if _, throttled := retry.DefaultThrottleErrorCodes[codeOf(err)]; throttled {
			b.exceeded()
		}
		return out, meta, err
	})
	return func(s *middleware.Stack) error { return s.Finalize.Insert(wait, "Retry", middleware.After) }
}

// budgets are those of a Provisioner, by account and region. What is configured as
// two accounts may be one.
type budgets struct {
	share func() int
	all   map[string]*budget
}

func (b budgets) of(a Account) *budget {
	key := accountID(a.RoleARN) + "/" + a.Region
	if b.all[key] == nil {
		b.all[key] = newBudget(b.share)
	}
	return b.all[key]
}

// accountID is the account that a role's ARN names; empty if there is none.
func accountID(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}
