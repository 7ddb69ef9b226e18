package provisioner

import (
	"errors"
	"slices"
	"sync"
	"time"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

// run is one step under way: what its concurrent calls have found so far.
// What one call learns is kept also when another fails, so that nothing that
// was made is forgotten.
type run struct {
	*account
	elb  *elb.Client // in place of the account's: a step goes before looks
	p    *Provisioner
	l    *sshforward.Lease
	name string // of the group and the load balancer
	now  time.Time

	deregistered bool // and read back next
	groupDeleted bool // AWS has said so of the recorded one, and of nothing else
	groupHeld    bool // by a load balancer that may not be deleted: the group stays, see revokeAllAccess

	mu     sync.Mutex
	res    sshforward.Resources
	wait   time.Duration
	detail sshforward.Text
	noted  map[string]bool // what stands in detail
	errs   []error
}

func (p *Provisioner) begin(l *sshforward.Lease, calls priority) (*run, error) {
	a, err := p.account(l.Instance.Account)
	if err != nil {
		return nil, err
	}
	return &run{
		account: a, elb: a.elbs[calls], p: p, l: l,
		name: sshforward.Name(p.deployment, l.ID),
		now:  time.Now(), res: l.Resources,
	}, nil
}

// beginWithEnd is for the steps that write tags: without an end in them nobody
// could tell when what carries them may go.
func (p *Provisioner) beginWithEnd(l *sshforward.Lease) (*run, error) {
	if l.End().IsZero() {
		return nil, &sshforward.Error{Code: sshforward.EINTERNAL, Message: sshforward.Textf("The lease has no end yet.")}
	}
	if l.Waiting() {
		return p.begin(l, forLooking) // what is built ahead holds up no opening
	}
	return p.begin(l, forOpening)
}

// together runs the tasks concurrently and waits for all of them; a failure
// of one does not end the others.
func (r *run) together(tasks ...func() error) {
	var wg sync.WaitGroup
	for _, task := range tasks {
		wg.Go(func() {
			defer safe.Catch(r.fail)
			r.fail(task())
		})
	}
	wg.Wait()
}

func (r *run) fail(err error) {
	if err == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errs = append(r.errs, err)
}

// learn notes a fact about the lease's resources.
func (r *run) learn(fact func(*sshforward.Resources)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	fact(&r.res)
}

// later says that the step is not complete and why; the longest wait counts.
func (r *run) later(wait time.Duration, format string, args ...any) {
	r.note(format, args...)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.wait = max(r.wait, wait)
}

// note adds to what the step says, once.
func (r *run) note(format string, args ...any) {
	more := sshforward.Textf(format, args...)
	r.mu.Lock()
	defer r.mu.Unlock()
	if sentence := more.String(); !r.noted[sentence] {
		if r.noted == nil {
			r.noted = make(map[string]bool)
		}
		r.noted[sentence] = true
		r.detail = r.detail.And(more)
	}
}

func (r *run) resources() sshforward.Resources {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.res
}

// pending reports whether anything failed or has to be waited for.
func (r *run) pending() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.wait > 0 || len(r.errs) > 0
}

// step is the outcome. Resources are set also when there is an error. Where calls
// had no turn, and nothing failed, the step waits in line.
func (r *run) step() (sshforward.StepResult, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	failures := slices.DeleteFunc(slices.Clone(r.errs), func(err error) bool { return errors.Is(err, errNoTurn) })
	switch {
	case len(failures) > 0:
		return sshforward.StepResult{Resources: r.res}, finalFirst(failures)
	case len(r.errs) > 0:
		return sshforward.StepResult{
			Resources: r.res, Wait: time.Second, InLine: true,
			Detail: sshforward.Textf("It waits for its turn: account %s has used up the calls that AWS takes about load balancers.", r.Name),
		}, nil
	}
	return sshforward.StepResult{Resources: r.res, Wait: r.wait, Detail: r.detail}, nil
}
