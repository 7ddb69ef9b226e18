package sshforward

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// stepTimeout bounds one provisioner step or one call to Slack. A step
	// polls nothing, so even a throttled one is done in a fraction of it.
	stepTimeout = time.Minute
	// dueAtOnce bounds what one tick starts; the rest follows a second later.
	dueAtOnce = 10_000
	// ahead is how far a tick looks ahead. What comes due before the next one
	// is given a timer, so that an end does not wait for the tick after it.
	ahead = time.Second
)

// Tick starts work on every lease that is due. It does not wait for the work.
func (k *Keeper) Tick(ctx context.Context) error {
	// First what the store could not take: its old copy there may be due for
	// ever, and waking that alone would leave no room in the lane for this.
	for _, id := range k.crew.unsavedIDs() {
		k.crew.run(id, laneWork, func() { k.flush(id) })
	}
	ids, err := k.Store.Due(ctx, time.Now().Add(ahead), dueAtOnce)
	if err != nil {
		return fmt.Errorf("look for due leases: %w", err)
	}
	for _, id := range ids {
		k.wake(id)
	}
	return nil
}

// flush tries once more to write what the store could not take, and goes on.
func (k *Keeper) flush(id string) {
	if _, err := k.update(k.crew.ctx, id, func(*Lease, time.Time) error { return nil }); err == nil {
		k.log.Info("the store can be written again", "lease", id)
	}
	k.work(id)
}

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

// Stop takes no new work and waits for the running steps; when ctx ends it
// cuts them short, which is as safe as a crash.
func (k *Keeper) Stop(ctx context.Context) { k.crew.stop(ctx) }

// load reads a lease, preferring what could not be written yet.
func (k *Keeper) load(ctx context.Context, id string) (*Lease, error) {
	if l, ok := k.crew.unsaved(id); ok {
		return l, nil
	}
	return k.Store.Lease(ctx, id)
}

// update applies a transition to the lease as it is now and writes the result.
// If another writer is first, the transition is applied to what that one wrote;
// it is the transition that says whether it still makes sense then.
func (k *Keeper) update(ctx context.Context, id string, change func(*Lease, time.Time) error) (*Lease, error) {
	return k.write(ctx, deed{}, id, change, false)
}

// updateBy is update for what a person does.
func (k *Keeper) updateBy(ctx context.Context, by deed, id string, change func(*Lease, time.Time) error) (*Lease, error) {
	return k.write(ctx, by, id, change, false)
}

// mustUpdate is update for what must not depend on being able to write: access
// ends also on a full disk, and what was said is not said again every second.
// If the store cannot take the write, the lease goes on in memory. Nothing is
// lost if the process dies then, since what the store has leads to the same
// end again.
func (k *Keeper) mustUpdate(ctx context.Context, id string, change func(*Lease, time.Time) error) (*Lease, error) {
	return k.write(ctx, deed{}, id, change, true)
}

func (k *Keeper) write(ctx context.Context, by deed, id string, change func(*Lease, time.Time) error, must bool) (*Lease, error) {
	// The store has its revisions; the copy in memory has none, so without
	// this one lane could put back what the other one moved on.
	defer k.writing.lock(id)()
	for {
		l, err := k.load(ctx, id)
		if err != nil {
			return nil, err
		}
		now, was := time.Now().Round(0), *l // wall time, also where it stays in memory
		if err := change(l, now); err != nil {
			return nil, err
		}
		l.DueAt = l.nextDue(now)
		events := happened(&was, l, now, by, k.Prices)
		all := append(k.crew.untold(id), events...)
		switch err := k.Store.Put(ctx, l, all...); {
		case err == nil:
			k.crew.saved(id)
		case ErrorCode(err) == ECONFLICT:
			// Another writer could write, so memory is older; or what is in
			// memory did get through, and its events with it.
			k.crew.saved(id)
			continue
		case must && ctx.Err() == nil:
			if k.crew.keep(l, all) {
				k.log.Error("the store cannot be written; the lease goes on in memory", "lease", id, "err", err)
			}
		default:
			return nil, fmt.Errorf("write lease %s: %w", id, err)
		}
		k.heard(events)
		k.tell(&was, l)
		return l, nil
	}
}

// tell logs a change of state and feeds the metrics.
func (k *Keeper) tell(was, l *Lease) {
	if was.State != l.State {
		log := k.log.With("lease", l.ID, "user", l.Owner, "instance", l.Instance.ID)
		if l.Reason != "" {
			log = log.With("reason", string(l.Reason))
		}
		if !l.ExpiresAt.IsZero() {
			log = log.With("expires", l.ExpiresAt)
		}
		if l.State == Closed && !l.AccessEndedAt.IsZero() {
			log = log.With("access_ended", l.AccessEndedAt, "overstay", l.Overstay())
		}
		log.Info("lease is " + string(l.State))
	}
	if was.State == Opening && l.State == Open && k.OnOpened != nil {
		lastYes := l.ConfirmedAt
		if n := len(l.Approved); n > 0 {
			lastYes = l.Approved[n-1].At
		}
		k.OnOpened(l.OpenedAt.Sub(lastYes))
	}
	if was.AccessEndedAt.IsZero() && !l.AccessEndedAt.IsZero() && !l.ExpiresAt.IsZero() && k.OnOverstay != nil {
		k.OnOverstay(l.Overstay())
	}
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
		if err := k.perform(ctx, l, action.Kind); err != nil {
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
	k.wakeTalk(l.ID)
	return unlessMoved(err)
}

// errMoved ends an update whose reason went away meanwhile.
var errMoved = errors.New("the lease has moved on")

func unlessMoved(err error) error {
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}

// cutShort reports whether an effect failed only because the process stops.
func cutShort(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, errStopping))
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
