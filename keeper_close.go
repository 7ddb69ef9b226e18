package sshforward

import (
	"context"
	"errors"
	"time"
)

func (cmd CloseLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	if cmd.All {
		return k.closeAll(ctx, c)
	}
	found, err := k.named(ctx, c, cmd.Ref)
	if err != nil {
		return Reply{}, err
	}
	if len(found) > 1 {
		return Reply{Leases: found, Choose: true}, nil
	}
	admin, err := k.checkMayManage(ctx, c, found[0])
	if err != nil {
		return Reply{}, err
	}
	l, recorded, err := k.closeOne(ctx, c, found[0], admin)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Lease: l, Unrecorded: !recorded}, nil
}

// closeAll ends all that the caller has.
func (k *Keeper) closeAll(ctx context.Context, c Caller) (Reply, error) {
	mine, err := k.ledger.active(ctx, func(l *Lease) bool { return l.Owner == c.User && l.State != Closing })
	if err != nil {
		return Reply{}, err
	}
	var (
		errs []error
		all  = true
	)
	for i, l := range mine {
		closed, recorded, err := k.closeOne(ctx, c, l, false)
		if done, ok := asRepeated(err); ok {
			closed, recorded, err = done, true, nil
		}
		switch {
		case err == nil:
			mine[i], all = closed, all && recorded
		case ErrorCode(err) != ECONFLICT: // it had ended already
			errs = append(errs, err)
		}
	}
	return Reply{Leases: mine, Unrecorded: !all}, errors.Join(errs...)
}

// closeOne decides the end of one lease, and reports whether the store has it.
// ECONFLICT if it had ended already.
func (k *Keeper) closeOne(ctx context.Context, c Caller, l *Lease, admin bool) (closed *Lease, recorded bool, err error) {
	closed, recorded, err = k.ledger.endBy(ctx, actor{ActClose, c}, l.ID, func(l *Lease, now time.Time) error {
		reason := ClosedByUser
		switch {
		case l.State == Requested || l.State == Pending:
			reason = Cancelled
		case admin:
			reason = ClosedByAdmin
		}
		return l.end(now, reason, c.User, Text{}, k.timing)
	})
	if err != nil {
		return nil, false, err
	}
	k.workers.interrupt(l.ID)
	k.wake(l.ID)
	return closed, recorded, nil
}
