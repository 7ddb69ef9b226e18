package sshforward

import (
	"context"
	"sync"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

// Help looks at all that stands between the owner of an open lease and a login,
// for somebody who cannot get in. What cannot be seen is left out, and no error.
// EINVALID or ENOTFOUND if there is no such lease, ECONFLICT if it is not open,
// EQUOTA if somebody asks too often.
func (k *Keeper) Help(ctx context.Context, c Caller, id string) (Help, error) {
	h, err := look(ctx, k, c, func() (Help, error) { return k.help(ctx, c, id) })
	return h, k.looked(ctx, c, id, err)
}

func (k *Keeper) help(ctx context.Context, c Caller, id string) (Help, error) {
	l, err := k.visible(ctx, c, id)
	if err != nil {
		return Help{}, err
	}
	if l.State != Open {
		return Help{}, l.stateConflict()
	}
	if !k.opens.take(c.User, time.Now()) {
		return Help{}, Errorf(EQUOTA, "You have asked %d times within a minute, which is the most. Wait a little.", opensPerMinute)
	}
	out := Help{Lease: l}
	var wg sync.WaitGroup
	wg.Go(func() {
		defer safe.Catch(k.workers.panicked)
		if h, err := k.cloud.Health(ctx, l); err == nil {
			out.Health = &h
		} else {
			k.log.Info("health could not be asked for", "lease", l.ID, "err", err)
		}
	})
	wg.Go(func() {
		defer safe.Catch(k.workers.panicked)
		s, err := k.cloud.Survey(ctx, l.Instance.Account, []*Lease{l})
		if err == nil && s.Hides(PartBalancers, PartGroups, PartRules) {
			err = s.Err()
		}
		if err != nil {
			k.log.Info("what a lease has could not be listed", "lease", l.ID, "err", err)
			return
		}
		out.Found = &Found{Lease: l} // nothing, unless something is listed
		for i := range s.Found {
			if s.Found[i].Lease.ID == l.ID {
				out.Found = &s.Found[i]
			}
		}
	})
	wg.Go(func() {
		defer safe.Catch(k.workers.panicked)
		saved, err := k.sources.Source(ctx, c.User)
		if err == nil {
			out.Sources = saved
		}
	})
	wg.Wait()
	return out, ctx.Err()
}
