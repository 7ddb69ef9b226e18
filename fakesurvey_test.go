package sshforward

import (
	"context"
	"maps"
	"slices"
	"testing/synctest"
	"time"
)

// tagsOf is what the tags of a lease's group say about it.
func tagsOf(l *Lease) *Lease {
	return &Lease{
		ID: l.ID, State: Opening, Team: l.Team, Owner: l.Owner, Channel: l.Channel, Approved: slices.Clone(l.Approved),
		Terms: Terms{
			Max: l.Max, Rule: TagValue(l.Rule), Urgent: l.Urgent,
			Instance:     Instance{Account: l.Instance.Account, Region: l.Instance.Region, ID: l.Instance.ID},
			ListenerPort: l.ListenerPort, TargetPort: l.TargetPort, SSHUser: l.SSHUser,
		},
	}
}

func (c *fakeCloud) Survey(ctx context.Context, account string, stored []*Lease) (Survey, error) {
	s := Survey{At: time.Now(), Instances: make(map[string]Instance)}
	if err := c.enter(ctx, "survey", &Lease{ID: account}); err != nil {
		return Survey{}, err
	}
	c.mu.Lock()
	var instances []string
	for _, l := range stored {
		instances = append(instances, l.Instance.ID)
	}
	for _, id := range slices.Sorted(maps.Keys(c.leases)) {
		f := c.leases[id]
		if f.empty() || f.tags.Instance.Account != account {
			continue
		}
		found := f.found(c.store)
		if found.hide(c.unread) {
			continue
		}
		if c.lists == nil || c.lists(&found) {
			s.Found = append(s.Found, found)
			instances = append(instances, found.Lease.Instance.ID)
		}
	}
	s.Unproven = slices.Clone(c.unproven)
	for _, part := range c.unread {
		why := &Error{Code: EUNAVAILABLE, Message: Textf("AWS could not %s just now (%s).", "look", "Unavailable")}
		s.Unread = append(s.Unread, Unread{part, why})
	}
	for _, in := range c.instances {
		if in.Account == account && slices.Contains(instances, in.ID) && !s.Hides(PartInstances) {
			s.Instances[in.ID] = in.clone()
		}
	}
	c.mu.Unlock()
	return s, c.leave("survey", &Lease{ID: account})
}

// hide leaves out what could not be read, and reports whether nothing is left.
func (f *Found) hide(unread []Part) bool {
	for _, part := range unread {
		switch part {
		case PartBalancers:
			f.Balancer, f.Registered, f.Reshaped = false, false, false
		case PartGroups:
			*f = Found{Lease: f.Lease, Balancer: f.Balancer, Registered: f.Registered, Reshaped: f.Reshaped, DeadMan: f.DeadMan}
		case PartRules:
			f.Rule, f.Ingress, f.Widened = false, nil, false
		case PartDeadMan:
			f.DeadMan = false
		}
	}
	return !f.Balancer && !f.Group && !f.Rule
}

// hide has surveys not read some parts from now on.
func (c *fakeCloud) hide(parts ...Part) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.unread = parts
}

func (f *footprint) found(store int) Found {
	proof := f.proof
	switch {
	case proof != "":
	case f.store != store:
		proof = ProofElsewhere
	default:
		proof = ProofValid
	}
	l := f.tags.Clone()
	l.ExpiresAt, l.Sources = f.until, slices.Clone(f.ingress)
	l.Resources = Resources{GroupID: "sg-" + l.ID, Until: f.until}
	if f.rule {
		l.Resources.InstanceRuleID = "sgr-" + l.ID
	}
	if f.balancer {
		l.Resources.DNSName = l.ID + ".elb.example"
	}
	return Found{
		Lease: l, Balancer: f.balancer, Registered: f.registered, Group: f.group, Rule: f.rule,
		Ingress: slices.Clone(f.ingress), Widened: f.widened, Reshaped: f.reshaped, Unlocked: f.widened || len(f.ingress) > 0,
		Proof: proof,
	}
}

func (c *fakeCloud) Mend(ctx context.Context, l *Lease) (StepResult, error) {
	if err := c.enter(ctx, "mend", l); err != nil {
		return StepResult{Resources: l.Resources}, err
	}
	c.mu.Lock()
	f := c.leases[l.ID]
	f.widened = false
	s := StepResult{Resources: l.Resources}
	if l.Locked() {
		f.ingress = nil
	} else {
		c.letIn(f, l)
	}
	if l.State == Opening || l.Waiting() && !l.Prepared.Ready() {
		c.mu.Unlock()
		return s, c.leave("mend", l)
	}
	f.rule, f.registered = true, true
	s.Resources.InstanceRuleID = "sgr-again-" + l.ID
	c.mu.Unlock()
	return s, c.leave("mend", l)
}

// meddle is what somebody else does to what a lease has in the cloud.
func (c *fakeCloud) meddle(id string, do func(*footprint)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	do(c.leases[id])
}

// distort changes what surveys list; nil: nothing.
func (c *fakeCloud) distort(lists func(*Found) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lists = lists
}

// sweep looks at all accounts once and lets what follows happen.
func (w *world) sweep() {
	w.t.Helper()
	if err := w.keeper().Sweep(context.Background()); err != nil {
		w.t.Errorf("sweep: %v", err)
	}
	synctest.Wait()
}

// sweepFor lets time pass and sweeps in every interval of it.
func (w *world) sweepFor(d, every time.Duration) {
	w.t.Helper()
	for ; d > 0; d -= every {
		w.pass(min(d, every))
		w.sweep()
	}
}

// heardOf is what was said about a lease, as far as it is of these kinds.
func (w *world) heardOf(id string, kinds ...NoticeKind) []string {
	var out []string
	for _, what := range w.slack.heard(id) {
		if slices.Contains(kinds, NoticeKind(what)) {
			out = append(out, what)
		}
	}
	return out
}

// terminate takes an instance away.
func (c *fakeCloud) terminate(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.instances = slices.DeleteFunc(c.instances, func(in Instance) bool { return in.ID == id })
}
