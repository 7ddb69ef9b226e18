package sshforward

import (
	"cmp"
	"context"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	untilInService = 10 * time.Second // from registration
	lingering      = 5 * time.Second  // of the load balancer's interfaces
	pollEvery      = 5 * time.Second
)

// footprint is what one lease has in the cloud.
type footprint struct {
	group, rule, balancer, registered bool
	registeredAt, balancerGoneAt      time.Time
	until                             time.Time // in the tags
	tags                              *Lease    // the rest of what they say
	ingress                           []netip.Prefix
	widened, reshaped                 bool
	resolves                          bool   // its name
	out                               string // why the instance is out of service

	store int   // for which it was signed
	proof Proof // of the tags; empty: what follows from store
}

func (f *footprint) empty() bool { return !f.group && !f.rule && !f.balancer }

type call struct {
	op string // "find", "preflight", "place", "open/<stage>", "extend", "close", "survey", "mend"
	id string // of the lease or the account, or what was looked for
	at time.Time
}

// fakeCloud is a Provisioner and a Surveyor over a small cloud in memory. A step changes the
// cloud only if its context is still alive when the script lets it go on.
type fakeCloud struct {
	mu        sync.Mutex
	instances []Instance
	leases    map[string]*footprint
	calls     []call

	// Scripts, called outside the lock: before may fail, panic or hang; after
	// runs when the effect has happened, and may lose the answer.
	before func(ctx context.Context, op string, l *Lease) error
	after  func(op string, l *Lease) error
	// address, if set, is what load balancers are reached by.
	address string
	// truncate drops fractions of a second from the end in the tags.
	truncate bool
	// lingering, if longer than the usual, is how long interfaces linger.
	lingering time.Duration
	// store is the store that the bot has now: a lost one has another number.
	store int
	// quota is what preflight says of it.
	quota int
	// warnings are what the look after the last yes says.
	warnings []Text
	// silent is the error of an account that finds nothing, and has nothing.
	silent error
	// dropped is an account that is not configured any more.
	dropped string
	// unproven is what surveys report so.
	unproven []Unproven
	// unread is what surveys cannot read.
	unread []Part
	// lists, if set, may change what a survey lists of a lease, and leaves it
	// out by returning false: AWS's lists are right only eventually.
	lists func(f *Found) bool
}

func (c *fakeCloud) enter(ctx context.Context, op string, l *Lease) error {
	c.mu.Lock()
	c.calls = append(c.calls, call{op, l.ID, time.Now()})
	before := c.before
	c.mu.Unlock()
	if err := c.configured(cmp.Or(l.Instance.Account, l.ID)); err != nil {
		return err
	}
	if before != nil {
		if err := before(ctx, op, l); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (c *fakeCloud) configured(account string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dropped == "" || account != c.dropped {
		return nil
	}
	return Errorf(EINVALID, "The AWS account %q is not in my configuration.", account)
}

func (c *fakeCloud) leave(op string, l *Lease) error {
	c.mu.Lock()
	after := c.after
	c.mu.Unlock()
	if after != nil {
		return after(op, l)
	}
	return nil
}

// script changes what happens before a step; nil: nothing.
func (c *fakeCloud) script(before func(ctx context.Context, op string, l *Lease) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.before = before
}

// afterwards changes what happens after a step; nil: nothing.
func (c *fakeCloud) afterwards(after func(op string, l *Lease) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.after = after
}

// hang waits as a connection does that nobody answers.
func hang(ctx context.Context) error {
	<-ctx.Done()
	return &Error{Code: EUNAVAILABLE, Message: Textf("AWS did not answer in time."), Err: ctx.Err()}
}

// count returns how often op was called for a lease; "" for any.
func (c *fakeCloud) count(op, id string) int { return len(c.times(op, id)) }

func (c *fakeCloud) times(op, id string) []time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []time.Time
	for _, k := range c.calls {
		if (op == "" || k.op == op) && (id == "" || k.id == id) {
			out = append(out, k.at)
		}
	}
	return out
}

// left returns the leases that have something in the cloud.
func (c *fakeCloud) left() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for _, id := range slices.Sorted(maps.Keys(c.leases)) {
		if !c.leases[id].empty() {
			ids = append(ids, id)
		}
	}
	return ids
}

// reachable reports whether ssh gets through for a lease.
func (c *fakeCloud) reachable(id string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.leases[id]
	return f != nil && f.registered && f.balancer && f.rule && len(f.ingress) > 0
}

// set changes the instance with this id.
func (c *fakeCloud) set(id string, change func(*Instance)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range c.instances {
		if c.instances[i].ID == id {
			change(&c.instances[i])
		}
	}
}

func (c *fakeCloud) Find(ctx context.Context, ref string, settles func(Instance) bool) ([]Instance, error) {
	if err := c.enter(ctx, "find", &Lease{ID: ref}); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var found []Instance
	for _, in := range c.instances {
		if in.ID == ref || in.Name == ref {
			found = append(found, in.clone())
		}
	}
	switch {
	case len(found) > 0 && found[0].ID == ref && (settles == nil || settles(found[0])):
		return found, nil
	case len(found) == 0 && c.silent == nil:
		return nil, &Error{Code: ENOTFOUND, Message: Textf("There is no instance %s.", ref)}
	}
	return found, c.silent
}

func (c *fakeCloud) Instance(ctx context.Context, account, id string) (Instance, error) {
	if err := c.configured(account); err != nil {
		return Instance{}, err
	}
	found, err := c.Find(ctx, id, nil)
	for _, in := range found {
		if in.Account == account {
			return in, nil
		}
	}
	return Instance{}, cmp.Or(err, error(Errorf(ENOTFOUND, "There is no instance %s.", id)))
}

func (c *fakeCloud) Preflight(ctx context.Context, in Instance, _ []netip.Prefix) (Placement, error) {
	if err := c.enter(ctx, "preflight", &Lease{ID: in.ID}); err != nil {
		return Placement{}, err
	}
	return Placement{Subnet: "subnet-public", Quota: c.quota, Notes: []Text{Textf("The quota could not be checked.")}}, nil
}

func (c *fakeCloud) PlaceAgain(ctx context.Context, l *Lease) (Placement, error) {
	if err := c.enter(ctx, "place", l); err != nil {
		return Placement{}, err
	}
	return Placement{Subnet: "subnet-public", Quota: c.quota, Warnings: c.warnings}, nil
}

func (c *fakeCloud) end(l *Lease) time.Time {
	if c.truncate {
		return l.End().Truncate(time.Second)
	}
	return l.End()
}

func (c *fakeCloud) Open(ctx context.Context, l *Lease) (StepResult, error) {
	op := "open/" + string(l.Stage)
	if err := c.enter(ctx, op, l); err != nil {
		return StepResult{Resources: l.Resources}, err
	}
	s := c.open(l)
	return s, c.leave(op, l)
}

func (c *fakeCloud) open(l *Lease) StepResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.leases[l.ID]
	if f == nil {
		f = &footprint{store: c.store}
		c.leases[l.ID] = f
	}
	s := StepResult{Resources: l.Resources}
	switch l.Stage {
	case StageGroup:
		f.group, f.until = true, c.end(l)
		f.tags = tagsOf(l)
		s.Resources.GroupID, s.Resources.Until = "sg-"+l.ID, f.until
	case StageBalancer:
		f.rule, f.balancer = true, true
		s.Resources.InstanceRuleID, s.Resources.DNSName = "sgr-"+l.ID, l.ID+".elb.example"
	case StageRegister:
		if !f.registered {
			f.registered, f.registeredAt = true, time.Now()
		}
	case StageService:
		if time.Since(f.registeredAt) < untilInService {
			s.Wait, s.Detail = pollEvery, Textf("Waiting for the health check.")
		}
	case StageName:
		s.Resources.Address, s.Resources.Resolved = c.address, f.resolves
	case StageClock:
		f.until = c.end(l)
		f.tags.State, f.tags.OpenedAt = Open, l.OpenedAt
		s.Resources.Until = f.until
		c.letIn(f, l)
	}
	return s
}

// letIn is the one place that lets anybody in.
func (c *fakeCloud) letIn(f *footprint, l *Lease) {
	if l.Locked() {
		panic("lease " + l.ID + " is " + string(l.State) + " and locked, and somebody is let in")
	}
	f.ingress = slices.Clone(l.Sources)
}

func (c *fakeCloud) ChangeSource(ctx context.Context, l *Lease) (StepResult, error) {
	if err := c.enter(ctx, "move", l); err != nil {
		return StepResult{Resources: l.Resources}, err
	}
	c.mu.Lock()
	c.letIn(c.leases[l.ID], l)
	c.mu.Unlock()
	return StepResult{Resources: l.Resources}, c.leave("move", l)
}

func (c *fakeCloud) Extend(ctx context.Context, l *Lease) (StepResult, error) {
	if err := c.enter(ctx, "extend", l); err != nil {
		return StepResult{Resources: l.Resources}, err
	}
	c.mu.Lock()
	f := c.leases[l.ID]
	f.until = c.end(l)
	s := StepResult{Resources: l.Resources}
	s.Resources.Until = f.until
	c.mu.Unlock()
	return s, c.leave("extend", l)
}

func (c *fakeCloud) Close(ctx context.Context, l *Lease) (StepResult, error) {
	if err := c.enter(ctx, "close", l); err != nil {
		return StepResult{Resources: l.Resources}, err
	}
	s := c.close(l)
	return s, c.leave("close", l)
}

func (c *fakeCloud) close(l *Lease) StepResult {
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.leases[l.ID]
	if f == nil {
		f = &footprint{store: c.store}
		c.leases[l.ID] = f
	}
	if f.balancer {
		f.balancerGoneAt = time.Now()
	}
	f.registered, f.balancer, f.rule = false, false, false
	s := StepResult{Resources: l.Resources}
	s.Resources.BalancerGone, s.Resources.RuleGone = true, true
	if f.group && !f.balancerGoneAt.IsZero() && time.Since(f.balancerGoneAt) < max(lingering, c.lingering) {
		s.Wait, s.Detail = pollEvery, Textf("Waiting for the load balancer's interfaces to go.")
		return s
	}
	f.group = false
	s.Resources.GroupGone = true
	return s
}

func (c *fakeCloud) Health(ctx context.Context, l *Lease) (Health, error) {
	if err := c.enter(ctx, "health", l); err != nil {
		return Health{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	f := c.leases[l.ID]
	if f == nil || !f.balancer {
		return Health{}, &Error{Code: ENOTFOUND, Message: Textf("The lease's %s is gone.", "load balancer")}
	}
	for _, in := range c.instances {
		if in.ID == l.Instance.ID && !in.Running {
			return Health{Why: Textf("Instance is in stopped state."), State: in.State}, nil
		}
	}
	if f.out != "" {
		return Health{Why: Textf("%s", f.out), State: "running"}, nil
	}
	return Health{InService: true}, nil
}

func (c *fakeCloud) Resolves(_ context.Context, l *Lease) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leases[l.ID].resolves
}

// List is the Lister.
func (c *fakeCloud) List(ctx context.Context, account string) ([]Instance, error) {
	if err := c.enter(ctx, "list", &Lease{ID: account}); err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Instance
	for _, in := range c.instances {
		if in.Account == account && in.Running {
			out = append(out, in.clone())
		}
	}
	return out, nil
}
