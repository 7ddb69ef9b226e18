package fakedynamo

import (
	"fmt"
	"time"

	"github.com/sshforward/sshforward/internal/standin"
)

// Call is one request that reached the DB. Client is who made it: the name that
// was given to DB.HTTPClient, or else the access key id. Code is the error code
// answered, empty for success; Lost says that the answer never arrived. Body is
// there for SetFault alone.
type Call struct {
	Seq       int
	At        time.Time
	Client    string
	Operation string
	Table     string
	Index     string
	Body      string
	Code      string
	Lost      bool
}

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
	// DynamoDB uses with that code).
	Code    string
	Message string
	Status  int

	// Stale makes a Query or Scan of an index answer what was so long ago (at most
	// a minute), consistent or not. DynamoDB never does that to a local index: it
	// is for the test that finds out whether a test would notice.
	Stale time.Duration
	// Unprocessed is how many parts of a batch are left undone.
	Unprocessed int

	After     func()        // runs when the effect is there and the answer is not out
	SlowReply time.Duration // before the answer
	Lost      bool          // the effect is there, the answer is a broken connection
}

// The faults of too many calls: of a table (or of one of its partitions), and of
// an account.
func Throttled() Fault {
	return Fault{Code: "ProvisionedThroughputExceededException", Message: "The level of configured provisioned throughput for the table " +
		"was exceeded. Consider increasing your provisioning level with the UpdateTable API."}
}

// ThrottledByRate is the other one, which on-demand tables answer.
func ThrottledByRate() Fault {
	return Fault{Code: "ThrottlingException", Message: "Throughput exceeds the current capacity of your table or index. DynamoDB is " +
		"automatically scaling your table or index so please try again shortly."}
}

// SetFault replaces what is asked about each call; nil means no faults. The
// function is called without any lock held, and after the call was recorded.
func (d *DB) SetFault(f func(Call) Fault) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault = f
}

// SetClockSkew makes the DB's clock differ from the machine's, which shows in the
// Date of every answer and in which signatures are still good.
func (d *DB) SetClockSkew(skew time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opts.ClockSkew = skew
}

// Calls returns the calls so far, oldest first and without their bodies; beyond a
// hundred thousand the oldest are forgotten.
func (d *DB) Calls() []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.calls.All()
}

// ForgetCalls empties the list that Calls returns.
func (d *DB) ForgetCalls() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.calls.Forget()
}

// Chaos makes faults at random: throttling, server errors, answers lost after the
// effect, connections lost before it, and calls that take effect after their
// caller has given up. What happens to the nth call of a client depends on the
// seed alone, not on how calls of several interleave.
type Chaos struct{ chance *standin.Chance }

// NewChaos disturbs the given share of calls (0 to 1).
func NewChaos(seed uint64, rate float64) *Chaos {
	return &Chaos{standin.NewChance(seed, rate)}
}

// String says how to get the same faults again.
func (c *Chaos) String() string {
	return fmt.Sprintf("fakedynamo.NewChaos(%d, %g)", c.chance.Seed, c.chance.Rate)
}

// Fault is for Options.Fault and DB.SetFault.
func (c *Chaos) Fault(call Call) Fault {
	rnd := c.chance.Of(call.Client + " " + call.Operation)
	if rnd == nil {
		return Fault{}
	}
	switch rnd.IntN(7) {
	case 0:
		return Throttled()
	case 1:
		return ThrottledByRate()
	case 2:
		return Fault{Code: "InternalServerError", Message: "The request processing has failed because of an unknown error."}
	case 3:
		return Fault{Unsent: true}
	case 4:
		return Fault{Delay: time.Duration(rnd.IntN(3000)) * time.Millisecond, Arrives: true}
	case 5:
		return Fault{Unprocessed: 1 + rnd.IntN(3), SlowReply: time.Duration(rnd.IntN(500)) * time.Millisecond}
	}
	return Fault{Lost: true}
}
