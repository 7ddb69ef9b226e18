package provisioner

import (
	"sync"
	"time"

	"github.com/sshforward/sshforward"
)

// pass is one step under way: what its concurrent calls have found so far.
// What one call learns is kept also when another fails, so that nothing that
// was made is forgotten.
type pass struct {
	*account
	p    *Provisioner
	l    *sshforward.Lease
	name string // of the group and the load balancer
	now  time.Time

	held bool // by a load balancer that may not be deleted: the group stays, see cutOff

	mu     sync.Mutex
	res    sshforward.Resources
	wait   time.Duration
	detail sshforward.Text
	noted  map[string]bool // what stands in detail
	errs   []error
}

func (p *Provisioner) begin(l *sshforward.Lease) (*pass, error) {
	a, err := p.account(l.Instance.Account)
	if err != nil {
		return nil, err
	}
	return &pass{
		account: a, p: p, l: l,
		name: sshforward.Name(p.deployment, l.ID),
		now:  time.Now(), res: l.Resources,
	}, nil
}

// beginWithEnd is for the steps that write tags: without an end in them nobody
// could tell when what carries them may go.
func (p *Provisioner) beginWithEnd(l *sshforward.Lease) (*pass, error) {
	if l.End().IsZero() {
		return nil, &sshforward.Error{Code: sshforward.EINTERNAL, Message: sshforward.Textf("The lease has no end yet.")}
	}
	return p.begin(l)
}

// together runs the tasks concurrently and waits for all of them; a failure
// of one does not end the others.
func (w *pass) together(tasks ...func() error) {
	var wg sync.WaitGroup
	for _, task := range tasks {
		wg.Go(func() { w.fail(task()) })
	}
	wg.Wait()
}

func (w *pass) fail(err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.errs = append(w.errs, err)
}

// learn notes a fact about the lease's resources.
func (w *pass) learn(fact func(*sshforward.Resources)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	fact(&w.res)
}

// later says that the step is not complete and why; the longest wait counts.
func (w *pass) later(wait time.Duration, format string, args ...any) {
	w.note(format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wait = max(w.wait, wait)
}

// note adds to what the step says, once.
func (w *pass) note(format string, args ...any) {
	more := sshforward.Textf(format, args...)
	w.mu.Lock()
	defer w.mu.Unlock()
	if sentence := more.String(); !w.noted[sentence] {
		if w.noted == nil {
			w.noted = make(map[string]bool)
		}
		w.noted[sentence] = true
		w.detail = w.detail.And(more)
	}
}

func (w *pass) known() sshforward.Resources {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.res
}

// pending reports whether anything failed or has to be waited for.
func (w *pass) pending() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.wait > 0 || len(w.errs) > 0
}

// step is the outcome. Resources are set also when there is an error.
func (w *pass) step() (sshforward.StepResult, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.errs) > 0 {
		return sshforward.StepResult{Resources: w.res}, finalFirst(w.errs)
	}
	return sshforward.StepResult{Resources: w.res, Wait: w.wait, Detail: w.detail}, nil
}
