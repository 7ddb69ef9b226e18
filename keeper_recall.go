package sshforward

import (
	"context"
	"slices"
	"time"
)

// knowsBetter reports whether AWS has another end of a lease than is remembered here:
// others may have opened or extended it since the store was read last, which its
// signed tags prove. It is asked before the lease ends for its time alone. What AWS
// does not tell within recallTimeout holds up no end.
func (k *Keeper) knowsBetter(ctx context.Context, l *Lease) bool {
	if !k.configured(l) {
		return false
	}
	found, err := k.lookedAt(ctx, l.Instance.Account)
	if err != nil {
		if ctx.Err() == nil {
			k.log.Warn("the store cannot be read, and AWS does not say whether a lease was extended; it ends", "lease", l.ID, "err", err)
		}
		return false
	}
	i := slices.IndexFunc(found, func(f Found) bool { return f.Lease.ID == l.ID })
	if i < 0 {
		return false
	}
	f, now := &found[i], time.Now()
	return k.ledger.learn(l.ID, func(l *Lease) bool {
		switch {
		case l.endsLater(f):
			l.restoreEnd(now, f.Lease.ExpiresAt)
		case l.opensLater(f, now), l.openedSince(f):
			l.restoreOpening(now, f)
			l.withdraw(NoticeRebuilt)
		default:
			return false
		}
		l.DueAt = l.nextDue(now)
		k.log.Warn("the store cannot be read, and the tags of a lease prove more than is remembered; they count",
			"lease", l.ID, "expires", l.ExpiresAt)
		return true
	})
}

func (k *Keeper) lookedAt(ctx context.Context, account string) ([]Found, error) {
	defer k.recalls.looking.lock(account)()
	if last, ok := k.recalls.get(account, time.Now()); ok {
		return last.found, last.err
	}
	ctx, cancel := context.WithTimeout(ctx, recallTimeout)
	defer cancel()
	survey, err := k.cloud.Survey(ctx, account, nil)
	k.recalls.set(account, recalled{survey.Found, err, time.Now()})
	return survey.Found, err
}
