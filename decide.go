package sshforward

import (
	"context"
	"time"
)

// The commands in this file are the yes and no of people: of the requester to
// the prompt, of approvers, and of whoever wants more time.

func (k *Keeper) confirm(ctx context.Context, c Caller, cmd ConfirmLease) (Reply, error) {
	// Before the lease is read: the second of two clicks has to see what the
	// first one did, and not count it as one lease too many.
	defer k.confirming.lock(c.User)()
	l, err := k.lease(ctx, cmd.ID)
	if err != nil {
		return Reply{}, err
	}
	if l.Owner != c.User {
		return Reply{}, Errorf(EFORBIDDEN, "Only the person who typed the command may confirm it.")
	}
	if l.State == Requested {
		if err := k.roomFor(ctx, l); err != nil {
			return Reply{}, err
		}
		if l.Urgent && !cmd.Urgent {
			return Reply{Lease: l}, nil // it wants the second yes first
		}
	}
	l, err = k.updateBy(ctx, deed{ActConfirm, c}, l.ID, func(l *Lease, now time.Time) error { return l.confirm(now, k.Timing) })
	return k.reply(l, err)
}

// roomFor refuses one lease more than policy allows a person. EQUOTA.
func (k *Keeper) roomFor(ctx context.Context, l *Lease) error {
	if k.Policy.LeasesPerUser == 0 {
		return nil
	}
	mine, err := k.active(ctx, func(m *Lease) bool {
		return m.Owner == l.Owner && (m.State == Pending || m.State == Opening || m.State == Open)
	})
	if err != nil {
		return err
	}
	if len(mine) >= k.Policy.LeasesPerUser {
		return Errorf(EQUOTA, "You have %d open already, and policy allows %d at a time. Close one first: /sshforward close %s", len(mine), k.Policy.LeasesPerUser, mine[0].ID)
	}
	return nil
}

func (k *Keeper) cancel(ctx context.Context, c Caller, id string) (Reply, error) {
	l, err := k.lease(ctx, id)
	if err != nil {
		return Reply{}, err
	}
	if l.Owner != c.User {
		return Reply{}, Errorf(EFORBIDDEN, "Only the person who typed the command may cancel it.")
	}
	l, err = k.updateBy(ctx, deed{ActCancel, c}, l.ID, func(l *Lease, now time.Time) error {
		if l.State != Requested && l.State != Pending {
			return l.so()
		}
		return l.end(now, Cancelled, c.User, Text{}, k.Timing)
	})
	return k.reply(l, err)
}

// decide takes an approver's yes or no, to the lease or to an extension of it.
// Membership is asked for before the write and the state is checked within it.
func (k *Keeper) decide(ctx context.Context, by deed, id string, extend time.Duration, change func(*Lease, time.Time) error) (Reply, error) {
	l, err := k.lease(ctx, id)
	if err != nil {
		return Reply{}, err
	}
	if err := l.notOwn(by.User, extend); err != nil {
		return Reply{}, err
	}
	rule, err := k.ruleOf(l)
	if err != nil {
		return Reply{}, err
	}
	ok, err := Member(ctx, k.Directory, by.User, rule.Approvers)
	if err != nil {
		return Reply{}, err
	}
	if !ok {
		return Reply{}, Errorf(EFORBIDDEN, "The rule %q does not name you among its approvers.", rule.Name)
	}
	l, err = k.updateBy(ctx, by, l.ID, func(l *Lease, now time.Time) error {
		if err := l.notOwn(by.User, extend); err != nil { // it may be another wish by now
			return err
		}
		l.under(rule)
		return change(l, now)
	})
	return k.reply(l, err)
}

// notOwn refuses a decision about what the user asked for. EFORBIDDEN.
func (l *Lease) notOwn(user string, extend time.Duration) error {
	if l.Owner == user || extend > 0 && l.Asked.User == user {
		return Errorf(EFORBIDDEN, "You asked for this yourself, so somebody else has to decide.")
	}
	return nil
}

// ruleOf returns the rule that decides about a lease now, which need not be
// the one that it was asked for under. EFORBIDDEN if there is none any more.
func (k *Keeper) ruleOf(l *Lease) (*Rule, error) {
	rule, ok := k.Policy.Match(l.Instance)
	if !ok {
		return nil, Errorf(EFORBIDDEN, "No rule of the policy allows access to %s any more.", l.Instance.ID)
	}
	return rule, nil
}

// under takes over what a rule says. The total is never raised: what was agreed
// on is the most there is, and stands in AWS for the day when the store is lost.
// Nor does it fall below what was promised already.
func (l *Lease) under(r *Rule) {
	l.Rule, l.Approvers, l.Approvals, l.ExtendApprovals = r.Name, r.Approvers, r.Approvals, r.ExtendApprovals
	l.Max = max(min(l.Max, r.total(l.Urgent)), l.ExpiresAt.Sub(l.OpenedAt))
}

func (k *Keeper) extend(ctx context.Context, c Caller, cmd ExtendLease) (Reply, error) {
	if cmd.Duration <= 0 {
		return Reply{}, Errorf(EINVALID, "Say by how long, for example: /sshforward extend %s 30m", cmd.Ref)
	}
	found, err := k.resolve(ctx, c, cmd.Ref)
	if err != nil {
		return Reply{}, err
	}
	if len(found) > 1 {
		return Reply{Leases: found, Choose: true}, nil
	}
	if _, err := k.mayEnd(ctx, c, found[0]); err != nil {
		return Reply{}, err
	}
	rule, err := k.mayGoOn(ctx, found[0])
	if err != nil {
		return Reply{}, err
	}
	l, err := k.updateBy(ctx, deed{ActExtend, c}, found[0].ID, func(l *Lease, now time.Time) error {
		l.under(rule)
		return l.extend(now, c.User, cmd.Duration)
	})
	return k.reply(l, err)
}

// mayGoOn refuses more time to whom policy would not let in any more, whoever
// asks for it. EFORBIDDEN, or EUNAVAILABLE if a user group cannot be resolved.
func (k *Keeper) mayGoOn(ctx context.Context, l *Lease) (*Rule, error) {
	rule, err := k.ruleOf(l)
	if err != nil || len(rule.Users) == 0 {
		return rule, err
	}
	ok, err := Member(ctx, k.Directory, l.Owner, rule.Users)
	if err == nil && !ok {
		err = Errorf(EFORBIDDEN, "The rule %q decides about %s, and the requester is not among the people it lets in any more.", rule.Name, l.Instance.ID)
	}
	return rule, err
}
