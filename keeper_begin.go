package sshforward

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

// beginTimeout is how long the end of what is overdue at the start may wait for a
// look at its account.
const beginTimeout = 5 * time.Second

// Begin has what is overdue when the process starts looked at in AWS before it ends:
// where an old backup was put back as the store, a lease may have been opened or
// extended since, which its signed tags prove. It is called before the first Tick
// and does not wait for the looks; each account has beginTimeout, all of them at
// the same time. What cannot be read is ended as if nothing had been looked at.
func (k *Keeper) Begin(ctx context.Context) error {
	now := time.Now()
	overdue, err := k.ledger.active(ctx, func(l *Lease) bool {
		a := Next(l, now)
		return k.held.holds(a.Kind) && due(a.At, now) && (l.State == Open || l.State == Opening) && k.configured(l)
	})
	if err != nil {
		return fmt.Errorf("look for what is overdue: %w", err)
	}
	accounts := make(map[string]map[string]*Lease)
	for _, l := range overdue {
		account := l.Instance.Account
		if accounts[account] == nil {
			accounts[account] = make(map[string]*Lease)
		}
		accounts[account][l.ID] = l
	}
	for account, leases := range accounts {
		ids := slices.Collect(maps.Keys(leases))
		k.held.add(ids...)
		go func() {
			defer safe.Catch(k.workers.panicked)
			defer func() {
				k.held.release(ids...)
				for _, id := range ids {
					k.wake(id)
				}
			}()
			if err := k.lookFirst(ctx, account, leases); err != nil && ctx.Err() == nil {
				k.log.Warn("what is overdue at the start could not be looked at; it ends", "account", account, "err", err)
			}
		}()
	}
	return nil
}

func (k *Keeper) lookFirst(ctx context.Context, account string, leases map[string]*Lease) error {
	ctx, cancel := context.WithTimeout(ctx, beginTimeout)
	defer cancel()
	survey, err := k.cloud.Survey(ctx, account, slices.Collect(maps.Values(leases)))
	if err != nil {
		return err
	}
	for i := range survey.Found {
		f := &survey.Found[i]
		l := leases[f.Lease.ID]
		if l == nil {
			continue
		}
		if err := k.restore(context.WithoutCancel(ctx), l, f); err != nil {
			return err
		}
	}
	return survey.Err()
}
