package sshforward

import (
	"context"
	"errors"
	"time"
)

// wake lets both lanes of a lease look whether there is something to do:
// Slack's bad days must not hold up AWS, nor the other way round.
func (k *Keeper) wake(id string) {
	k.crew.run(id, laneWork, func() { k.work(id) })
	k.wakeTalk(id)
}

// wakeAt wakes a lease when its time comes, if that is before the next tick.
func (k *Keeper) wakeAt(id string, at, now time.Time) {
	if wait := at.Sub(now); wait > 0 && wait <= ahead {
		time.AfterFunc(wait, func() { k.wake(id) })
	}
}

// wakeTalk is wake from within the other lane, which looks again by itself: to
// wake that one too would be a loop without a pause when it cannot get on.
func (k *Keeper) wakeTalk(id string) {
	k.crew.run(id, laneTalk, func() { k.talk(id) })
}

// work does what Next says until that lies in the future.
func (k *Keeper) work(id string) {
	ctx := k.crew.ctx
	for !k.crew.stopping() {
		l, err := k.load(ctx, id)
		if err != nil {
			if ErrorCode(err) != ENOTFOUND && ctx.Err() == nil {
				k.log.Error("read lease", "lease", id, "err", err)
			}
			return
		}
		now := time.Now()
		action := Next(l, now)
		if action.Kind == ActionNone || !due(action.At, now) {
			k.wakeAt(id, action.At, now)
			return
		}
		err = k.perform(ctx, l, action.Kind)
		k.wakeTalk(id) // whatever was written, people may have to hear of it
		if err != nil {
			if ctx.Err() == nil {
				k.log.Error("lease cannot be moved on", "lease", id, "step", string(action.Kind), "err", err)
			}
			return
		}
	}
}

// perform does one action: the effect, if it has one, and then the write.
func (k *Keeper) perform(ctx context.Context, l *Lease, do ActionKind) error {
	var err error
	switch do {
	case ActionLapse:
		_, err = k.mustUpdate(ctx, l.ID, ifStill(do, func(l *Lease, now time.Time) error {
			return l.end(now, Lapsed, "", Text{}, k.Timing)
		}))
	case ActionExpire:
		_, err = k.mustUpdate(ctx, l.ID, ifStill(do, func(l *Lease, now time.Time) error {
			return l.end(now, Expired, "", Text{}, k.Timing)
		}))
	case ActionGiveUp:
		_, err = k.mustUpdate(ctx, l.ID, ifStill(do, func(l *Lease, now time.Time) error {
			return l.end(now, Failed, "", l.tooSlow(k.Timing), k.Timing)
		}))
	case ActionRemind:
		_, err = k.mustUpdate(ctx, l.ID, ifStill(do, func(l *Lease, now time.Time) error {
			l.remind(now)
			return nil
		}))
	case ActionNudge:
		_, err = k.mustUpdate(ctx, l.ID, ifStill(do, func(l *Lease, now time.Time) error {
			l.nudge(now)
			return nil
		}))
	case ActionForget:
		if _, ok := k.crew.unsaved(l.ID); ok {
			// What memory has to tell goes into the audit record first.
			if l, err = k.update(ctx, l.ID, ifStill(do, func(*Lease, time.Time) error { return nil })); err != nil {
				return unlessMoved(err)
			}
		}
		if err = k.Store.Delete(ctx, l.ID, l.Revision); err == nil {
			k.crew.saved(l.ID) // or memory would be forgotten for ever
		}
	case ActionAdvance:
		return k.advance(ctx, l)
	case ActionExtend:
		return k.moveEnd(ctx, l)
	case ActionMend:
		return k.mend(ctx, l)
	case ActionClose:
		return k.teardown(ctx, l)
	}
	return unlessMoved(err)
}

// ifStill guards a transition that was decided on an older copy: an extend
// that came between wins over an expiry that was about to be written.
func ifStill(do ActionKind, change func(*Lease, time.Time) error) func(*Lease, time.Time) error {
	return func(l *Lease, now time.Time) error {
		if a := Next(l, now); a.Kind != do || !due(a.At, now) {
			return errMoved
		}
		return change(l, now)
	}
}

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

// ahead is how far a tick looks ahead. What comes due before the next one
// is given a timer, so that an end does not wait for the tick after it.
const ahead = time.Second
