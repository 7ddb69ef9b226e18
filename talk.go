package sshforward

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"
)

// talk sends what is owed to people until that lies in the future. A thing is
// recorded as sent only after Slack took it, so a crash in between repeats it:
// for the card that is an update with the same content.
func (k *Keeper) talk(id string) {
	ctx := k.crew.ctx
	for !k.crew.stopping() {
		l, err := k.load(ctx, id)
		if err != nil {
			return // the other lane reads the same lease and says so
		}
		t, now := NextDelivery(l), time.Now()
		if t.At.IsZero() || !due(t.At, now) {
			k.wakeAt(id, t.At, now)
			return
		}
		record := k.sendNotice
		if t.Card {
			record = k.sendCard
		}
		if err := record(ctx, l, t.Notice); err != nil && !errors.Is(err, errMoved) {
			if ctx.Err() == nil {
				k.log.Error("record what was said", "lease", id, "err", err)
			}
			return
		}
	}
}

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

// unheardAfter is how long after the end of a lease to keep trying to tell.
const unheardAfter = 24 * time.Hour

// unheard reports whether to stop trying to tell: there was nowhere to say it
// all that time.
func (l *Lease) unheard(now time.Time) bool {
	return l.State == Closed && now.Sub(l.ClosedAt) >= unheardAfter
}

// talkBackoff is Backoff for Slack: a minute at most while somebody waits for
// the word, an hour once the lease has been over for one.
func (l *Lease) talkBackoff(now time.Time, attempts int, atLeast time.Duration) time.Duration {
	if attempts < StuckAfter {
		return Backoff(attempts, atLeast)
	}
	if l.State == Closed && now.Sub(l.ClosedAt) > time.Hour {
		return time.Hour
	}
	return max(time.Minute, min(atLeast, 2*time.Minute))
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
