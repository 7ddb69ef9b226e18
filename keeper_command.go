package sshforward

import (
	"context"
	"slices"
)

// Command is one thing a person asked for, typed or clicked. A new one needs
// its type with act and target in command.go, its do in a file of its own here,
// and what the user interface makes of it.
type Command interface {
	act() Act
	target() target
	do(ctx context.Context, k *Keeper, c Caller) (Reply, error)
}

// look answers a query of those whom the bot serves.
func look[T any](ctx context.Context, k *Keeper, c Caller, query func() (T, error)) (found T, err error) {
	if err := checkServed(ctx, k.slack, c.User); err != nil {
		return found, err
	}
	return query()
}

// lease reads one lease by an id as people type it.
func (k *Keeper) lease(ctx context.Context, typed string) (*Lease, error) {
	id, ok := ParseID(typed)
	if !ok {
		return nil, Errorf(EINVALID, "%q is not a lease id.", typed).try("list", "", "")
	}
	l, err := k.ledger.get(ctx, id)
	if ErrorCode(err) == ENOTFOUND {
		return nil, noLease(id, err)
	}
	return l, err
}

func noLease(id string, why error) error {
	none := Errorf(ENOTFOUND, "There is no lease %s.", id).try("list", "", "")
	none.Err = why
	return none
}

// visible is lease for who wants to look at one. A guest sees their own, and those
// that they may approve; of the others they cannot tell that there are any.
func (k *Keeper) visible(ctx context.Context, c Caller, typed string) (*Lease, error) {
	l, err := k.lease(ctx, typed)
	if err != nil || l.Owner == c.User {
		return l, err
	}
	if guest, err := k.isGuest(ctx, c); err != nil || !guest {
		return l, err
	}
	switch approver, err := IsMember(ctx, k.slack, c.User, l.Approvers); {
	case err != nil:
		return nil, err
	case !approver:
		return nil, noLease(l.ID, nil)
	}
	return l, nil
}

// isGuest reports whether somebody is a guest of the workspace.
func (k *Keeper) isGuest(ctx context.Context, c Caller) (bool, error) {
	p, err := k.slack.Person(ctx, c.User)
	if err != nil {
		return false, cannotTell(err)
	}
	return p.Guest, nil
}

// named is resolve for who wants to change one: whoever may not even see a
// lease is told that there is none.
func (k *Keeper) named(ctx context.Context, c Caller, ref string) ([]*Lease, error) {
	found, err := k.resolve(ctx, c, ref)
	if err != nil || !slices.ContainsFunc(found, func(l *Lease) bool { return l.Owner != c.User }) {
		return found, err
	}
	// What only ends access is not held up by Slack.
	if guest, err := k.isGuest(ctx, c); err != nil || !guest {
		return found, nil
	}
	if admin, err := IsMember(ctx, k.slack, c.User, k.policy.Admins); err != nil || admin {
		return found, nil
	}
	if found = filter(found, func(l *Lease) bool { return l.Owner == c.User }); len(found) == 0 {
		if id, ok := ParseID(ref); ok {
			return nil, noLease(id, nil)
		}
		return nil, Errorf(ENOTFOUND, "There is no open lease called %s.", ref).try("list", "", "all")
	}
	return found, nil
}

// resolve finds the active leases that ref means: a lease id; an instance by
// id or name; or, when ref is empty, what the caller has. A lease of the
// caller's goes before other people's. ENOTFOUND if there is none.
func (k *Keeper) resolve(ctx context.Context, c Caller, ref string) ([]*Lease, error) {
	if id, ok := ParseID(ref); ok {
		l, err := k.ledger.get(ctx, id)
		if err == nil {
			return []*Lease{l}, nil
		}
		if ErrorCode(err) != ENOTFOUND {
			return nil, err
		}
	}
	called := func(name string) func(*Lease) bool {
		return func(l *Lease) bool {
			return ref == "" && l.Owner == c.User || ref != "" && (l.Instance.ID == name || l.Instance.Name == name)
		}
	}
	found, err := k.ledger.active(ctx, called(ref))
	if err == nil && len(found) == 0 && InstanceRef(ref) != ref {
		found, err = k.ledger.active(ctx, called(InstanceRef(ref)))
	}
	if err != nil {
		return nil, err
	}
	if ref != "" {
		if mine := filter(found, func(l *Lease) bool { return l.Owner == c.User }); len(mine) > 0 {
			found = mine
		}
	}
	if live := filter(found, func(l *Lease) bool { return l.State != Closing }); len(live) > 0 {
		found = live
	}
	if len(found) == 0 {
		if ref == "" {
			return nil, Errorf(ENOTFOUND, "You have no lease.").try("list", "", "all")
		}
		return nil, Errorf(ENOTFOUND, "There is no open lease called %s.", ref).try("list", "", "all")
	}
	return found, nil
}

func filter[T any](all []T, keep func(T) bool) []T {
	var out []T
	for _, l := range all {
		if keep(l) {
			out = append(out, l)
		}
	}
	return out
}

// checkMayManage refuses all but the requester and admins. EFORBIDDEN, or
// EUNAVAILABLE if a user group cannot be resolved.
func (k *Keeper) checkMayManage(ctx context.Context, c Caller, l *Lease) (admin bool, err error) {
	if l.Owner == c.User {
		return false, nil
	}
	admin, err = IsMember(ctx, k.slack, c.User, k.policy.Admins)
	if err == nil && !admin {
		err = Errorf(EFORBIDDEN, "Lease %s is not yours; only its requester or an admin may do that.", l.ID)
	}
	return admin, err
}

// ruleOf returns the rule that decides about a lease now, which need not be
// the one that it was asked for under. EFORBIDDEN if there is none any more.
func (k *Keeper) ruleOf(l *Lease) (*Rule, error) {
	rule, ok := k.policy.Match(l.Instance)
	if !ok {
		return nil, Errorf(EFORBIDDEN, "No rule of the policy allows access to %s any more.", l.Instance.ID)
	}
	return rule, nil
}

// judgeNow asks policy about a lease by its instance as it is now. Errors are
// those of [Policy.stillAdmits] and [Finder.Find]: what cannot be told is no.
func (k *Keeper) judgeNow(ctx context.Context, l *Lease) (Instance, *Rule, error) {
	in, err := k.present(ctx, l)
	if err != nil {
		return in, nil, err
	}
	probe := l.Clone()
	probe.Instance = in
	rule, err := k.policy.stillAdmits(ctx, k.slack, probe)
	return in, rule, err
}

// reply answers with the lease after a command, and lets its work begin.
func (k *Keeper) reply(l *Lease, err error) (Reply, error) {
	if err != nil {
		return Reply{}, err
	}
	if l.State == Closing {
		k.workers.interrupt(l.ID) // what is being built of it is not waited for
	}
	k.wake(l.ID)
	return Reply{Lease: l}, nil
}

// perRule returns whether a rule passes a check. Each rule is checked once,
// however many instances or leases it decides about; one that cannot be told
// about now does not pass.
func perRule(check func(*Rule) error) func(*Rule) bool {
	passed := make(map[*Rule]bool)
	return func(r *Rule) bool {
		ok, known := passed[r]
		if !known {
			ok = check(r) == nil
			passed[r] = ok
		}
		return ok
	}
}
