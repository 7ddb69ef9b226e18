package sshforward

import (
	"cmp"
	"context"
	"errors"
	"net/netip"
	"slices"
	"time"
)

// do checks a request as far as it can be checked before anything is made, and
// records it. Nothing happens in AWS before the requester confirms it.
func (cmd OpenLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	if err := k.askedBefore(ctx, c); err != nil {
		return Reply{}, err
	}
	var found Instance
	r, err := cmd.request(ctx, k, c, &found)
	if _, ok := asRepeated(err); ok {
		return r, err
	}
	there := found.ID != ""
	if _, ok := errors.AsType[refusal](err); ok && !there {
		found, there = k.meant(ctx, c, cmd)
	}
	if there {
		err = k.suggest(ctx, c, cmd, found, err)
	}
	return r, err
}

// request notes in found which instance it is about, once that is known.
func (cmd OpenLease) request(ctx context.Context, k *Keeper, c Caller, found *Instance) (Reply, error) {
	l, err := k.asked(ctx, c, cmd)
	if err != nil {
		return Reply{}, err
	}
	if err := k.admitShape(l); err != nil {
		return Reply{}, err
	}

	if err := k.mayAsk(ctx, c); err != nil {
		return Reply{}, err
	}
	candidates, err := k.find(ctx, l, cmd.Instance)
	if err != nil {
		return Reply{}, err
	}
	if len(candidates.choose) > 0 {
		return Reply{Instances: candidates.choose, Choose: true}, nil
	}
	l.Instance, *found = candidates.one, candidates.one
	rule, err := k.policy.Admit(ctx, k.slack, l)
	if err != nil {
		return Reply{}, notThere(cmd.Instance, err)
	}
	if has, err := k.alike(ctx, l); has != nil || err != nil {
		return Reply{Lease: has}, err
	}
	if !l.Instance.Running {
		return Reply{}, notRunning(l.Instance)
	}
	l.Max = rule.Max
	l.applyRule(rule)
	if err := k.approvable(ctx, l, rule); err != nil {
		return Reply{}, err
	}
	if err := k.roomFor(ctx, l); err != nil {
		return Reply{}, err
	}
	if l.Placement, err = k.cloud.Preflight(ctx, l.Instance, l.Sources); err != nil {
		return Reply{}, err
	}
	l.Notes = l.Placement.Notes
	account := k.accounts[l.Instance.Account]
	l.ListenerPort = cmp.Or(account.ListenerPort, 22)
	l.SSHUser, l.HostKeyAlias = sshUser(l.Instance, account), hostKeyAlias(l.Instance, account)
	l.Placement.Warnings = append(l.Placement.Warnings, refusedTags(l.Instance)...)

	defer k.confirming.lock(c.User)()
	if err := k.roomToWait(ctx, c); err != nil {
		return Reply{}, err
	}
	l.RequestedAt = time.Now()
	l.ConfirmBy = l.RequestedAt.Add(k.timing.Confirm)
	if l.Prepare = k.prepareAt(l, rule); l.Prepare == PreparePrompt {
		begin, done := k.prepareIfRoom(ctx, l)
		defer done()
		begin(l, l.RequestedAt)
	}
	for n := 0; ; n++ {
		l.ID, l.Envelopes = leaseID(c.Envelope, n), nil
		err := k.ledger.insert(ctx, l, l.RequestedAt, actor{ActOpen, c}, false)
		if ErrorCode(err) == ECONFLICT {
			if err := k.askedBefore(ctx, c); err != nil {
				return Reply{}, err
			}
			continue // another lease has the id; draw again
		}
		return k.reply(l, err)
	}
}

// askedBefore returns an error that is [repeated] if the envelope has made a lease.
func (k *Keeper) askedBefore(ctx context.Context, c Caller) error {
	for n := 0; c.Envelope != ""; n++ {
		l, err := k.ledger.get(ctx, leaseID(c.Envelope, n))
		switch {
		case ErrorCode(err) == ENOTFOUND:
			return nil
		case err != nil:
			return err
		case l.cameIn(c.Envelope):
			return repeated{l}
		}
	}
	return nil
}

// Amend returns a request that was read with mistakes as policy would let the
// caller have it, for a suggestion; as it is where that cannot be told just now.
func (k *Keeper) Amend(ctx context.Context, c Caller, cmd OpenLease) OpenLease {
	if checkServed(ctx, k.slack, c.User) != nil {
		return cmd
	}
	cmd = k.policy.Correct(cmd, k.timing)
	found, there := Instance{}, true
	if cmd.Instance != "" {
		found, there = k.meant(ctx, c, cmd)
	}
	if there {
		if better, ok := k.amended(ctx, c, cmd, found, k.wouldRefuse(ctx, c, cmd, found)); ok {
			return better
		}
	}
	return cmd
}

// meant is the instance that a request is about, if it is one and can be told just
// now; false if there is none that the caller could open.
func (k *Keeper) meant(ctx context.Context, c Caller, cmd OpenLease) (Instance, bool) {
	l, err := k.asked(ctx, c, k.policy.Correct(cmd, k.timing))
	if err == nil {
		err = k.mayAsk(ctx, c)
	}
	if err != nil {
		return Instance{}, !Final(err)
	}
	if len(l.Sources) == 0 {
		l.Sources = []netip.Prefix{k.policy.Sources.Example()}
	}
	found, err := k.find(ctx, l, cmd.Instance)
	return found.one, err == nil || ErrorCode(err) != ENOTFOUND
}

// mostWaiting is how many requests of a person may wait for a confirmation or an
// approval: each is something that others are shown.
const mostWaiting = 5

// mayAsk refuses what would cost calls to AWS for nothing. EQUOTA, EFORBIDDEN.
func (k *Keeper) mayAsk(ctx context.Context, c Caller) error {
	if !k.opens.take(c.User, time.Now()) {
		return Errorf(EQUOTA, "You have asked %d times within a minute, which is the most. Wait a little.", opensPerMinute)
	}
	if err := k.roomToWait(ctx, c); err != nil {
		return err
	}
	p, err := k.slack.Person(ctx, c.User)
	if err != nil {
		return cannotTell(err)
	}
	if p.Guest && !slices.ContainsFunc(k.policy.Rules, func(r Rule) bool { return r.Guests }) {
		return Errorf(EFORBIDDEN, "No rule of the policy lets in guests of the workspace.")
	}
	return nil
}

// roomToWait refuses one request more than may wait. Requests to several replicas at
// the same moment may be one too many each; no access comes of that. EQUOTA.
func (k *Keeper) roomToWait(ctx context.Context, c Caller) error {
	waiting, err := k.ledger.active(ctx, func(l *Lease) bool {
		return l.Owner == c.User && (l.State == Requested || l.State == Pending)
	})
	if err == nil && len(waiting) >= mostWaiting {
		err = Errorf(EQUOTA, "You have %d requests that wait for a confirmation or an approval, which is the most. Take one back first.",
			len(waiting)).try("close", waiting[0].ID, "")
	}
	return err
}

// alike returns what the same person has of the same kind already: the same
// instance and port, from the same addresses. Who has a request that waits for
// approval may still ask to go past that.
func (k *Keeper) alike(ctx context.Context, l *Lease) (*Lease, error) {
	found, err := k.ledger.active(ctx, func(m *Lease) bool {
		live := m.State == Pending && m.Urgent == l.Urgent || m.State == Opening || m.State == Open
		return live && m.Owner == l.Owner && m.Instance.Account == l.Instance.Account && m.Instance.ID == l.Instance.ID &&
			m.TargetPort == l.TargetPort && covers(m.Sources, l.Sources) && covers(l.Sources, m.Sources)
	})
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found[0], nil
}

// approvable refuses what nobody could approve, before anybody waits for it. If
// Slack does not tell who is in a group, it is left to the approvers.
func (k *Keeper) approvable(ctx context.Context, l *Lease, rule *Rule) error {
	if l.Urgent {
		return nil
	}
	return rule.approvable(ctx, k.slack, l.Owner)
}

// candidates are what a name or an id can mean: one instance, or several of which
// the caller has to choose.
type candidates struct {
	one    Instance
	choose []Instance
}

// find looks the instance up. Where a Name tag matches several, those that the
// caller could not open anyway are left out: the list is a help, and not a way
// to learn what there is. A name that is written in another case is offered.
func (k *Keeper) find(ctx context.Context, l *Lease, ref string) (candidates, error) {
	found, err := k.search(ctx, l.Owner, ref)
	if err != nil {
		return candidates{}, err
	}
	if found.like {
		return candidates{choose: found.instances}, nil
	}
	if len(found.instances) == 1 {
		return candidates{one: found.instances[0]}, nil
	}
	var allowed, known []Instance
	var refused error
	for _, in := range found.instances {
		probe := l.Clone()
		probe.Instance = in
		_, err := k.policy.Admit(ctx, k.slack, probe)
		if _, ok := errors.AsType[refusal](err); ok {
			known = append(known, in) // with other terms it would be let in
		}
		switch {
		case err == nil:
			allowed = append(allowed, in)
		case refused == nil || ErrorCode(err) == EUNAVAILABLE:
			refused = err
		}
	}
	switch len(allowed) {
	case 0:
		if len(known) == 1 {
			return candidates{one: known[0]}, nil // which says what to change
		}
		return candidates{}, notThere(ref, refused)
	case 1:
		return candidates{one: allowed[0]}, nil
	}
	return candidates{choose: allowed}, nil
}
