package fakeaws

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"time"

	"github.com/sshforward/sshforward/internal/standin"
)

// Call is one request that reached the Cloud. Params are the form values of a
// query API; for the Scheduler, "Body" is the JSON and path and query
// parameters stand beside it. Code is the error code answered, empty for
// success; Lost says that the answer never arrived.
type Call struct {
	Seq                int
	At                 time.Time
	Service, Operation string
	Account, Region    string
	Params             url.Values
	Code               string
	Lost               bool
}

// String is "service:Operation", as in IAM policies.
func (c Call) String() string { return c.Service + ":" + c.Operation }

// Fault is what goes wrong with a call. The zero value is nothing. The parts
// happen in the order of the fields.
type Fault struct {
	Before func()        // runs before anything else; may panic or end the goroutine
	Delay  time.Duration // before the call takes effect
	// Arrives says that the Delay is spent at AWS and not on the way: the call
	// takes effect then, even if the caller gave up meanwhile.
	Arrives bool
	Unsent  bool // the connection fails before the call takes effect

	// Code makes the call fail without effect. Status is 400 if zero (or what
	// AWS uses with that code).
	Code    string
	Message string
	Status  int

	After     func()        // runs when the effect is there and the answer is not out
	SlowReply time.Duration // before the answer
	Lost      bool          // the effect is there, the answer is a broken connection
}

// Throttled is the fault of too many calls, with the code the service uses.
func Throttled(service string) Fault {
	e := throttled(service)
	return Fault{Code: e.code, Message: e.message, Status: e.status}
}

// SetFault replaces what is asked about each call; nil means no faults. The
// function is called without any lock held, and after the call was recorded.
func (c *Cloud) SetFault(f func(Call) Fault) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = f
}

// Calls returns the calls so far, oldest first; beyond a hundred thousand the
// oldest are forgotten. Those under way have no code yet.
func (c *Cloud) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.calls.All()
}

// ForgetCalls empties the list that Calls returns.
func (c *Cloud) ForgetCalls() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls.Forget()
}

// Chaos makes faults at random: throttling, server errors, answers lost after
// the effect and connections lost before it. What happens to the nth call of
// an operation depends on the seed alone, not on how calls interleave.
type Chaos struct{ chance *standin.Chance }

// NewChaos disturbs the given share of calls (0 to 1). A seed of zero is
// replaced by a random one; print the Chaos to be able to repeat a run.
func NewChaos(seed uint64, rate float64) *Chaos {
	for seed == 0 {
		seed = rand.Uint64()
	}
	return &Chaos{standin.NewChance(seed, rate)}
}

// String says how to get the same faults again.
func (c *Chaos) String() string {
	return fmt.Sprintf("fakeaws.NewChaos(%d, %g)", c.chance.Seed, c.chance.Rate)
}

// Fault is for Options.Fault and Cloud.SetFault.
func (c *Chaos) Fault(call Call) Fault {
	rnd := c.chance.Of(call.String())
	if rnd == nil {
		return Fault{}
	}
	switch rnd.IntN(5) {
	case 0, 1:
		return Throttled(call.Service)
	case 2:
		return Fault{Code: "InternalError", Message: "An internal error has occurred", Status: 500}
	case 3:
		return Fault{Unsent: true}
	default:
		return Fault{Lost: true}
	}
}
