package sshforward

import (
	"context"
	"slices"
)

// roomFor refuses one lease more than policy allows a person. EQUOTA.
func (k *Keeper) roomFor(ctx context.Context, l *Lease) error {
	if k.policy.LeasesPerUser == 0 {
		return nil
	}
	mine, err := k.counted(ctx, l.Owner, nil)
	if err != nil {
		return err
	}
	return k.checkRoom(mine)
}

func (k *Keeper) checkRoom(mine []*Lease) error {
	if len(mine) < k.policy.LeasesPerUser {
		return nil
	}
	return Errorf(EQUOTA, "You have %d open already, and policy allows %d at a time. Close one first.", len(mine), k.policy.LeasesPerUser).
		try("close", mine[0].ID, "")
}

// counted are the leases that count for a person's quota, and those of the given
// ones that may come to do so at any moment.
func (k *Keeper) counted(ctx context.Context, user string, promised []string) ([]*Lease, error) {
	return k.ledger.active(ctx, func(l *Lease) bool {
		counts := l.State == Pending || l.State == Opening || l.State == Open
		return l.Owner == user && (counts || l.State == Requested && slices.Contains(promised, l.ID))
	})
}

// promise has a lease that is about to be confirmed count for its owner's quota.
// EQUOTA if there is no room. It is written before the lease is: whoever dies in
// between leaves a promise that is dropped when the request has lapsed, and never a
// lease too many, however many replicas look at the same time.
func (k *Keeper) promise(ctx context.Context, l *Lease) error {
	if k.policy.LeasesPerUser == 0 {
		return nil
	}
	for {
		// What is promised first, and the leases second: one that was confirmed
		// since is among those.
		held, err := k.quotas.Held(ctx, l.Owner)
		if err != nil {
			return err
		}
		mine, err := k.counted(ctx, l.Owner, held.Leases)
		if err != nil {
			return err
		}
		mine = slices.DeleteFunc(mine, func(m *Lease) bool { return m.ID == l.ID })
		if err := k.checkRoom(mine); err != nil {
			return err
		}
		held.Leases = []string{l.ID}
		for _, m := range mine {
			held.Leases = append(held.Leases, m.ID)
		}
		err = k.quotas.SetHeld(ctx, &held)
		if ErrorCode(err) != ECONFLICT {
			return err
		}
	}
}
