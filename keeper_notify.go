package sshforward

import (
	"context"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

// runCard shows the lease's card as it should be now.
func (k *Keeper) runCard(ctx context.Context, l *Lease) error {
	key, state := l.CardKey(), l.State
	var at Place
	return k.runSend(ctx, l, "card", func(ctx context.Context) (err error) {
		at.Channel, at.TS, err = k.slack.Card(ctx, l)
		return err
	}, func(l *Lease, now time.Time, err error) error {
		l.cardSent(now, at, key, state, err)
		return nil
	})
}

// runNotice sends a notice, unless it is not true any more.
func (k *Keeper) runNotice(ctx context.Context, l *Lease, n Notice) error {
	if l.stale(n.Kind) {
		_, err := k.ledger.mustUpdate(ctx, l.ID, func(l *Lease, _ time.Time) error { return l.noticeDropped(n) })
		return unlessMoved(err)
	}
	var at Place
	return k.runSend(ctx, l, string(n.Kind), func(ctx context.Context) (err error) {
		at, err = k.slack.Notice(ctx, l, n)
		return err
	}, func(l *Lease, now time.Time, err error) error { return l.noticeSent(now, n, at, err) })
}

// runSend does one call to Slack, bounded in time and in number, and records
// what came of it.
func (k *Keeper) runSend(ctx context.Context, l *Lease, what string, send func(context.Context) error,
	record func(l *Lease, now time.Time, err error) error,
) error {
	err := k.send(ctx, send)
	if cutShort(ctx, err) {
		return nil
	}
	if err != nil {
		k.log.Warn("could not tell Slack", "lease", l.ID, "step", what, "err", err)
	}
	// Slack may have it, so that is written also while stopping.
	_, werr := k.ledger.mustUpdate(context.WithoutCancel(ctx), l.ID, func(l *Lease, now time.Time) error { return record(l, now, err) })
	return unlessMoved(werr)
}

func (k *Keeper) send(ctx context.Context, do func(context.Context) error) (err error) {
	release, err := k.workers.acquireSend(ctx)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	defer safe.Recover(&err)
	return do(ctx)
}
