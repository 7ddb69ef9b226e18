package sshforward

import (
	"context"
	"time"
)

func (cmd ConfirmLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
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
	l, err = k.ledger.updateBy(ctx, actor{ActConfirm, c}, l.ID, func(l *Lease, now time.Time) error { return l.confirm(now, k.timing) })
	return k.reply(l, err)
}

func (cmd CancelLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	l, err := k.lease(ctx, cmd.ID)
	if err != nil {
		return Reply{}, err
	}
	if l.Owner != c.User {
		return Reply{}, Errorf(EFORBIDDEN, "Only the person who typed the command may cancel it.")
	}
	l, err = k.ledger.updateBy(ctx, actor{ActCancel, c}, l.ID, func(l *Lease, now time.Time) error {
		if l.State != Requested && l.State != Pending {
			return l.stateConflict()
		}
		return l.end(now, Cancelled, c.User, Text{}, k.timing)
	})
	return k.reply(l, err)
}

func (cmd ApproveLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	return k.decide(ctx, actor{ActApprove, c}, cmd.ID, cmd.Extend, func(l *Lease, now time.Time) error {
		if cmd.Extend > 0 {
			return l.grant(now, c.User, cmd.Extend)
		}
		return l.approve(now, c.User, k.timing)
	})
}

func (cmd DenyLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	return k.decide(ctx, actor{ActDeny, c}, cmd.ID, cmd.Extend, func(l *Lease, now time.Time) error {
		if cmd.Extend > 0 {
			return l.refuse(now, c.User, cmd.Because, cmd.Extend)
		}
		return l.deny(now, c.User, cmd.Because, k.timing)
	})
}

// decide takes an approver's yes or no, to the lease or to an extension of it.
// Membership is asked for before the write and the state is checked within it.
func (k *Keeper) decide(ctx context.Context, by actor, id string, extend time.Duration, apply change) (Reply, error) {
	l, err := k.lease(ctx, id)
	if err != nil {
		return Reply{}, err
	}
	if err := l.checkNotRequester(by.User, extend); err != nil {
		return Reply{}, err
	}
	rule, err := k.ruleOf(l)
	if err != nil {
		return Reply{}, err
	}
	if err := rule.admitApprover(ctx, k.slack, by.User); err != nil {
		return Reply{}, err
	}
	l, err = k.ledger.updateBy(ctx, by, l.ID, func(l *Lease, now time.Time) error {
		if err := l.checkNotRequester(by.User, extend); err != nil { // it may be another wish by now
			return err
		}
		l.applyRule(rule)
		return apply(l, now)
	})
	return k.reply(l, err)
}
