package sshforward

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

// runCard shows the lease's card as it should be now.
func (k *Keeper) runCard(ctx context.Context, l *Lease) error {
	var (
		at Place
		as cardShown
	)
	return k.runSend(ctx, l.ID, "card", sendShown, func(ctx context.Context, l *Lease) (err error) {
		as = l.cardNow()
		at.Channel, at.TS, err = k.slack.Card(ctx, l)
		return err
	}, func(l *Lease, now time.Time, err error) error {
		l.cardSent(now, at, as, err)
		return nil
	})
}

// runNotice sends a notice, unless it is not true any more.
func (k *Keeper) runNotice(ctx context.Context, l *Lease, n Notice) error {
	if l.stale(n.Kind) {
		_, err := k.ledger.mustUpdate(ctx, l.ID, func(l *Lease, _ time.Time) error { return l.noticeDropped(n) })
		return unlessMoved(err)
	}
	if n.To == toApprovers {
		return k.askDirectly(ctx, l, n)
	}
	var (
		at  Place
		key string
	)
	kind := sendNotice
	if n.Kind.Alarm() {
		kind = sendAlarm
	}
	return k.runSend(ctx, l.ID, string(n.Kind), kind, func(ctx context.Context, l *Lease) (err error) {
		if l.owed(n) == nil || l.stale(n.Kind) {
			return errMoved
		}
		key = l.noticeKey(n)
		at, err = k.slack.Notice(ctx, l, n)
		return err
	}, func(l *Lease, now time.Time, err error) error {
		if err != nil && n.Kind.Alarm() {
			k.unheard(l, n.Kind, err)
		}
		return l.noticeSent(now, n, at, key, err)
	})
}

// runEdits brings messages up to date, all at the same time: one after the
// other, the last of them would keep its buttons for a while.
func (k *Keeper) runEdits(ctx context.Context, l *Lease) error {
	var (
		all  sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	failed := func(err error) {
		mu.Lock()
		defer mu.Unlock()
		errs = append(errs, err)
	}
	for _, p := range l.toEdit(time.Now()) {
		all.Go(func() {
			defer safe.Catch(failed)
			failed(k.runEdit(ctx, l.ID, p.Place))
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

func (k *Keeper) runEdit(ctx context.Context, id string, at Place) error {
	var key string
	return k.runSend(ctx, id, "edit", sendShown, func(ctx context.Context, l *Lease) error {
		p := l.posted(at)
		if p == nil || !l.outdated(*p) {
			return errMoved
		}
		key = l.postedKey(*p)
		return k.slack.Edit(ctx, l, *p)
	}, func(l *Lease, now time.Time, err error) error { return l.edited(now, at, key, err) })
}

// unheard makes known where else it can be that whoever is on call was not told.
func (k *Keeper) unheard(l *Lease, kind NoticeKind, why error) {
	k.log.Error("an alarm is not heard: Slack does not take it in the operators' channel", "lease", l.ID, "alarm", string(kind), "err", why)
	if k.onUnheard != nil {
		k.onUnheard()
	}
}

// runSend does one call to Slack, bounded in time and in number, and records
// what came of it. What is sent is made of the lease as it is when there is room,
// which may be minutes after the wish to send it. Send returns errMoved if there
// is nothing to send any more.
func (k *Keeper) runSend(ctx context.Context, id, what string, kind sendKind, send func(context.Context, *Lease) error,
	record func(l *Lease, now time.Time, err error) error,
) error {
	defer k.workers.calling(id)() // until it is recorded, or another replica would send it again
	err := k.send(ctx, id, kind, send)
	if cutShort(ctx, err) || errors.Is(err, errMoved) {
		return nil
	}
	if after := retryAfter(err); after > 0 {
		k.log.Debug("Slack is told later: it takes no more just now", "lease", id, "step", what, "retry_in", after)
	} else if err != nil {
		k.log.Warn("could not tell Slack", "lease", id, "step", what, "err", err)
	}
	// Slack may have it, so that is written also while stopping.
	_, werr := k.ledger.mustUpdate(context.WithoutCancel(ctx), id, func(l *Lease, now time.Time) error { return record(l, now, err) })
	return unlessMoved(werr)
}

func (k *Keeper) send(ctx context.Context, id string, kind sendKind, do func(context.Context, *Lease) error) (err error) {
	release, err := k.workers.acquireSend(ctx, kind)
	if err != nil {
		return err
	}
	defer release()
	l, err := k.ledger.get(ctx, id)
	if err != nil {
		if ErrorCode(err) == ENOTFOUND {
			return errMoved
		}
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	defer safe.Recover(&err)
	return do(ctx, l)
}
