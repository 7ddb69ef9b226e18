package sshforward

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

// watchTimeout bounds the looks of one round through one account.
const watchTimeout = 20 * time.Second

// Watch looks how the instances of open leases fare, those that were not looked
// at for a while, and tells people when one stays out of service and when it is
// back. It looks up the names that ssh has to do without as yet. It ends
// nothing: what cannot be asked is asked again. It may be called as often as one
// likes.
func (k *Keeper) Watch(ctx context.Context) error {
	now := time.Now()
	open, err := k.ledger.active(ctx, func(l *Lease) bool { return l.State == Open && k.membership.works(l, now) })
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
			if l.Instance.Account != account {
				continue
			}
			health, name := k.watches.enter(l, time.Now())
			if !health && !name {
				continue
			}
			wg.Go(func() {
				defer safe.Catch(k.workers.panicked)
				defer k.watches.leave(l.ID)
				if name {
					k.watchName(ctx, l)
				}
				if !health {
					return
				}
				if err := k.watchHealth(ctx, l); err != nil {
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

// watchName has the command say the name as soon as it resolves.
func (k *Keeper) watchName(ctx context.Context, l *Lease) {
	if !k.cloud.Resolves(ctx, l) {
		return
	}
	_, err := k.ledger.update(ctx, l.ID, func(l *Lease, _ time.Time) error {
		if l.State != Open || l.Resources.Resolved {
			return errMoved
		}
		l.Resources.Resolved = true
		return nil
	})
	if err := unlessMoved(err); err != nil {
		k.log.Warn("that a name resolves cannot be written", "lease", l.ID, "err", err)
	}
	k.wake(l.ID)
}

func (k *Keeper) watchHealth(ctx context.Context, l *Lease) (err error) {
	defer safe.Recover(&err)
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
