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
	found, err := k.resolve(ctx, c, cmd.Ref)
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
	l, err := k.closeOne(ctx, c, found[0], admin)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Lease: l}, nil
}

// closeAll ends all that the caller has.
func (k *Keeper) closeAll(ctx context.Context, c Caller) (Reply, error) {
	mine, err := k.ledger.active(ctx, func(l *Lease) bool { return l.Owner == c.User && l.State != Closing })
	if err != nil {
		return Reply{}, err
	}
	var errs []error
	for i, l := range mine {
		closed, err := k.closeOne(ctx, c, l, false)
		switch {
		case err == nil:
			mine[i] = closed
		case ErrorCode(err) != ECONFLICT: // it had ended already
			errs = append(errs, err)
		}
	}
	return Reply{Leases: mine}, errors.Join(errs...)
}

// closeOne decides the end of one lease. ECONFLICT if it had ended already.
func (k *Keeper) closeOne(ctx context.Context, c Caller, l *Lease, admin bool) (*Lease, error) {
	closed, err := k.ledger.updateBy(ctx, actor{ActClose, c}, l.ID, func(l *Lease, now time.Time) error {
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
		return nil, err
	}
	k.workers.interrupt(l.ID)
	k.wake(l.ID)
	return closed, nil
}
