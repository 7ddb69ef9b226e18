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
		if l.Urgent && !cmd.Urgent {
			return Reply{Lease: l}, k.roomFor(ctx, l) // it wants the second yes first
		}
		if err := k.promise(ctx, l); err != nil {
			return Reply{}, err
		}
	}
	var heard Place
	if l.State == Requested && l.Urgent && !due(l.ConfirmBy, time.Now()) {
		if heard, err = k.announceUrgent(ctx, l); err != nil {
			return Reply{}, err
		}
	}
	begin := func(*Lease, time.Time) {}
	if rule, err := k.ruleOf(l); err == nil && l.needsApproval() && k.prepareAt(l, rule) != "" && !l.Prepared.Begun() {
		var done func()
		begin, done = k.prepareIfRoom(ctx, l)
		defer done()
	}
	l, err = k.ledger.updateBy(ctx, actor{ActConfirm, c}, l.ID, func(l *Lease, now time.Time) error {
		l.Broadcast = heard
		if err := l.confirm(now, k.timing); err != nil || l.State != Pending {
			return err
		}
		begin(l, now)
		return nil
	})
	return k.reply(l, err)
}

// announceUrgent tells the operators' channel that somebody goes past approval,
// before anything is opened. If nobody would hear of it, the answer is no. A
// process that dies in between has told of something that did not happen, which
// is better than the other way round.
func (k *Keeper) announceUrgent(ctx context.Context, l *Lease) (at Place, err error) {
	err = k.send(ctx, l.ID, sendAlarm, func(ctx context.Context, l *Lease) (err error) {
		at, err = k.slack.Notice(ctx, l, Notice{Kind: NoticeUrgent, At: time.Now()})
		return err
	})
	if err == nil {
		return at, nil
	}
	k.unheard(l, NoticeUrgent, err)
	e := &Error{Code: EUNAVAILABLE, Err: err, RetryAfter: retryAfter(err), Message: Textf("Nobody would hear of it: " +
		"Slack does not take the notice in the operators' channel, so I open nothing without approval. " +
		"Leave out the word urgent to ask the approvers, or have an operator see to that channel.")}
	return Place{}, e
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

// do counts the yes with those that were given before and are still good. What
// else may have changed is looked at by the first stage of the opening; an
// extension has none, so the requester and the instance are looked at here.
func (cmd ApproveLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	l, rule, err := k.deciding(ctx, c, cmd.ID, cmd.Extend)
	if err != nil {
		return Reply{}, err
	}
	in, said := l.Instance, l.Approved
	if cmd.Extend > 0 {
		said = l.Asked.Approved
		if in, rule, err = k.judgeNow(ctx, l); err != nil {
			return Reply{}, err
		}
		if err := rule.admitApprover(ctx, k.slack, c.User); err != nil {
			return Reply{}, err
		}
	}
	bad, err := rule.notApprovers(ctx, k.slack, said)
	if err != nil {
		return Reply{}, err
	}
	from, err := rule.answers(ctx, k.slack, append(usersOf(said), c.User))
	if err != nil {
		return Reply{}, err
	}
	return k.decide(ctx, actor{ActApprove, c}, l.ID, cmd.Extend, func(l *Lease, now time.Time) error {
		l.dropApprovals(rule, bad)
		if cmd.Extend > 0 {
			l.Instance.Tags = in.Tags
			l.applyRule(rule)
			return l.grant(now, c.User, from, cmd.Extend)
		}
		l.applyRule(rule)
		return l.approve(now, c.User, from, k.timing)
	})
}

func (cmd DenyLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	l, _, err := k.deciding(ctx, c, cmd.ID, cmd.Extend)
	if err != nil {
		return Reply{}, err
	}
	return k.decide(ctx, actor{ActDeny, c}, l.ID, cmd.Extend, func(l *Lease, now time.Time) error {
		if cmd.Extend > 0 {
			return l.refuse(now, c.User, cmd.Because, cmd.Extend)
		}
		return l.deny(now, c.User, cmd.Because, k.timing)
	})
}

// do shows the other approvers that somebody looks at it.
func (cmd ClaimLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	l, _, err := k.deciding(ctx, c, cmd.ID, cmd.Extend)
	if err != nil {
		return Reply{}, err
	}
	return k.decide(ctx, actor{ActClaim, c}, l.ID, cmd.Extend, func(l *Lease, now time.Time) error {
		return l.claim(now, c.User, cmd.Extend)
	})
}

// deciding returns the lease that somebody decides about, or about whose
// extension, and the rule that makes them one of its approvers.
func (k *Keeper) deciding(ctx context.Context, c Caller, id string, extend time.Duration) (*Lease, *Rule, error) {
	l, err := k.lease(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	if err := l.checkNotRequester(c.User, extend); err != nil {
		return nil, nil, err
	}
	rule, err := k.ruleOf(l)
	if err != nil {
		return nil, nil, err
	}
	return l, rule, rule.admitApprover(ctx, k.slack, c.User)
}

// decide records an approver's yes or no. Slack was asked before the write, and
// the state is checked within it: it may be another wish by now.
func (k *Keeper) decide(ctx context.Context, by actor, id string, extend time.Duration, change change) (Reply, error) {
	l, err := k.ledger.updateBy(ctx, by, id, func(l *Lease, now time.Time) error {
		if err := l.checkNotRequester(by.User, extend); err != nil {
			return err
		}
		return change(l, now)
	})
	return k.reply(l, err)
}
