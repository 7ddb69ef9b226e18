package sshforward

import (
	"context"
	"errors"
	"sync"
	"time"
)

// watchTimeout bounds the looks of one round through one account.
const watchTimeout = 20 * time.Second

// Watch looks how the instances of open leases fare, those that were not looked
// at for a while, and tells people when one stays out of service and when it is
// back. It ends nothing: what cannot be asked is asked again. It may be called
// as often as one likes.
func (k *Keeper) Watch(ctx context.Context) error {
	open, err := k.ledger.active(ctx, func(l *Lease) bool { return l.State == Open })
	if err != nil {
		return err
	}
	k.watches.keep(open)
	return k.eachAccount(ctx, watchTimeout, "watch account %s", func(ctx context.Context, account string) error {
		var (
			wg   sync.WaitGroup
			mu   sync.Mutex
			errs []error
		)
		for _, l := range open {
			if l.Instance.Account != account || !k.watches.enter(l, time.Now()) {
				continue
			}
			wg.Go(func() {
				defer k.watches.leave(l.ID)
				if err := k.watchLease(ctx, l); err != nil {
					mu.Lock()
					defer mu.Unlock()
					errs = append(errs, err)
				}
			})
		}
		wg.Wait()
		return errors.Join(errs...)
	})
}

func (k *Keeper) watchLease(ctx context.Context, l *Lease) (err error) {
	defer recovered(&err)
	now := time.Now()
	h, err := k.cloud.Health(ctx, l)
	if err != nil {
		if ErrorCode(err) == ENOTFOUND {
			return nil // a survey finds out what is gone
		}
		return err
	}
	since := k.watches.saw(l.ID, h.InService, now)
	change := func(l *Lease, now time.Time) error { return l.fares(now, since, h) }
	if l.Clone().fares(now, since, h) != nil {
		return nil // nothing to write
	}
	_, err = k.ledger.update(ctx, l.ID, change)
	k.wake(l.ID)
	return unlessMoved(err)
}
