package sshforward

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

func (k *Keeper) sendCard(ctx context.Context, l *Lease, _ Notice) error {
	face := l.CardKey()
	var channel, ts string
	err := k.say(ctx, l, "card", func(ctx context.Context) (err error) {
		channel, ts, err = k.Notifier.Card(ctx, l)
		return err
	})
	if cutShort(ctx, err) {
		return nil
	}
	ctx = context.WithoutCancel(ctx) // Slack has it, so that is written also while stopping
	_, werr := k.mustUpdate(ctx, l.ID, func(l *Lease, now time.Time) error {
		switch {
		case err != nil && l.unheard(now):
			l.Card.Shown = face
			return nil
		case err != nil:
			l.Card.Attempts++
			l.Card.NextTryAt = now.Add(l.talkBackoff(now, l.Card.Attempts, retryAfter(err)))
			return nil
		}
		l.Card = Card{Channel: channel, TS: ts, Shown: face, SentAt: now}
		return nil
	})
	return werr
}

func (k *Keeper) sendNotice(ctx context.Context, l *Lease, n Notice) error {
	var err error
	var place Place
	stale := l.stale(n.Kind)
	if !stale {
		err = k.say(ctx, l, string(n.Kind), func(ctx context.Context) (err error) {
			place, err = k.Notifier.Notice(ctx, l, n)
			return err
		})
	}
	if cutShort(ctx, err) {
		return nil
	}
	ctx = context.WithoutCancel(ctx) // Slack has it, so that is written also while stopping
	_, werr := k.mustUpdate(ctx, l.ID, func(l *Lease, now time.Time) error {
		if n.Kind == NoticeUrgent && err == nil && !stale {
			l.Broadcast = place
		}
		for i := range l.Owed {
			if l.Owed[i].Kind != n.Kind || !l.Owed[i].At.Equal(n.At) {
				continue
			}
			if err == nil || l.unheard(now) {
				l.settle(n.Kind)
			} else {
				l.Owed[i].Attempts++
				l.Owed[i].NextTryAt = now.Add(l.talkBackoff(now, l.Owed[i].Attempts, retryAfter(err)))
			}
			return nil
		}
		if n.Kind == NoticeStuck && err == nil && !stale && !l.Alarmed {
			l.owe(NoticeFreed, now) // it was taken back too late to go unheard
			return nil
		}
		return errMoved // a newer one of its kind took its place
	})
	return werr
}

// say runs one call to Slack, bounded in time and in number.
func (k *Keeper) say(ctx context.Context, l *Lease, what string, do func(context.Context) error) (err error) {
	release, err := k.crew.word(ctx)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Code: EINTERNAL, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
		if err != nil && k.crew.ctx.Err() == nil {
			k.log.Warn("could not tell Slack", "lease", l.ID, "step", what, "err", err)
		}
	}()
	return do(ctx)
}
