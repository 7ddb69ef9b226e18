package sshforward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

const (
	// stepTimeout bounds one provisioner step or one call to Slack. A step
	// polls nothing, so even a throttled one is done in a fraction of it.
	stepTimeout = time.Minute
	// dueAtOnce bounds what one tick starts; the rest follows a second later.
	dueAtOnce = 10_000
)

// Tick starts work on every lease that is due. It does not wait for the work.
func (k *Keeper) Tick(ctx context.Context) error {
	ids, err := k.Store.Due(ctx, time.Now(), dueAtOnce)
	if err != nil {
		return fmt.Errorf("look for due leases: %w", err)
	}
	for _, id := range ids {
		k.wake(id)
	}
	for _, id := range k.crew.unsavedIDs() {
		k.crew.run(id, laneWork, func() { k.flush(id) })
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
	for {
		l, err := k.load(ctx, id)
		if err != nil {
			return nil, err
		}
		now, was := time.Now(), *l
		if err := change(l, now); err != nil {
			return nil, err
		}
		l.DueAt = l.nextDue(now)
		switch err := k.Store.Put(ctx, l); {
		case err == nil:
			k.crew.saved(id)
			k.tell(&was, l)
			return l, nil
		case ErrorCode(err) == ECONFLICT:
			k.crew.saved(id) // another writer could write, so memory is older
		default:
			return l, fmt.Errorf("write lease %s: %w", id, err)
		}
	}
}

// mustUpdate is update for what must not depend on being able to write: access
// ends also on a full disk, and what was said is not said again every second.
// If the store cannot take the write, the lease goes on in memory. Nothing is
// lost if the process dies then, since what the store has leads to the same
// end again.
func (k *Keeper) mustUpdate(ctx context.Context, id string, change func(*Lease, time.Time) error) (*Lease, error) {
	l, err := k.update(ctx, id, change)
	if l != nil && err != nil && ctx.Err() == nil {
		if k.crew.keep(l) {
			k.log.Error("the store cannot be written; the lease goes on in memory", "lease", id, "err", err)
		}
		return l, nil
	}
	return l, err
}

// tell logs a change of state and feeds the metrics.
func (k *Keeper) tell(was, l *Lease) {
	if was.State != l.State {
		k.log.Info("lease is "+string(l.State), "lease", l.ID, "user", l.Owner, "instance", l.Instance.ID, "reason", string(l.Reason), "expires", l.ExpiresAt)
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
		action := Next(l, time.Now())
		if action.Do == DoNothing || !due(action.At, time.Now()) {
			return
		}
		if err := k.perform(ctx, l, action.Do); err != nil {
			if ctx.Err() == nil {
				k.log.Error("lease cannot be moved on", "lease", id, "step", string(action.Do), "err", err)
			}
			return
		}
	}
}

// perform does one action: the effect, if it has one, and then the write.
func (k *Keeper) perform(ctx context.Context, l *Lease, do Do) error {
	var err error
	switch do {
	case DoLapse:
		_, err = k.mustUpdate(ctx, l.ID, ifStill(do, func(l *Lease, now time.Time) error {
			return l.end(now, Lapsed, "", "", k.Timing)
		}))
	case DoExpire:
		_, err = k.mustUpdate(ctx, l.ID, ifStill(do, func(l *Lease, now time.Time) error {
			return l.end(now, Expired, "", "", k.Timing)
		}))
	case DoGiveUp:
		_, err = k.mustUpdate(ctx, l.ID, ifStill(do, func(l *Lease, now time.Time) error {
			return l.end(now, Failed, "", l.tooSlow(k.Timing), k.Timing)
		}))
	case DoRemind:
		_, err = k.mustUpdate(ctx, l.ID, ifStill(do, func(l *Lease, now time.Time) error {
			l.remind(now)
			return nil
		}))
	case DoForget:
		err = k.Store.Delete(ctx, l.ID, l.Revision)
	case DoAdvance:
		return k.advance(ctx, l)
	case DoExtend:
		return k.moveEnd(ctx, l)
	case DoClose:
		return k.teardown(ctx, l)
	}
	k.wake(l.ID) // the other lane may have something to say now
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}

// errMoved ends an update whose reason went away meanwhile.
var errMoved = errors.New("the lease has moved on")

// ifStill guards a transition that was decided on an older copy: an extend
// that came between wins over an expiry that was about to be written.
func ifStill(do Do, change func(*Lease, time.Time) error) func(*Lease, time.Time) error {
	return func(l *Lease, now time.Time) error {
		if a := Next(l, now); a.Do != do || !due(a.At, now) {
			return errMoved
		}
		return change(l, now)
	}
}

// tooSlow says why an opening was given up.
func (l *Lease) tooSlow(t Timing) string {
	why := fmt.Sprintf("It was not ready within %s.", FormatDuration(t.Opening))
	switch {
	case l.LastError != "":
		why += " " + l.LastError
	case l.Detail != "":
		why += " " + l.Detail
	}
	return why
}

// advance does the current stage of opening.
func (k *Keeper) advance(ctx context.Context, l *Lease) error {
	stage, end := l.Stage, l.OpenBy
	if !l.ExpiresAt.IsZero() {
		end = l.ExpiresAt
	}
	step := Step{Resources: l.Resources}
	var fresh Instance
	err := k.step(ctx, l, string(stage), end, func(ctx context.Context) (err error) {
		if stage == StageCheck {
			fresh, err = k.check(ctx, l)
			return err
		}
		step, err = k.Provisioner.Open(ctx, l)
		return err
	})
	if ctx.Err() != nil {
		return nil // stopping; whoever comes next repeats the stage
	}
	_, werr := k.update(ctx, l.ID, func(l *Lease, now time.Time) error {
		l.Resources = step.Resources // also when it failed half-way or came too late
		if l.State != Opening || l.Stage != stage {
			return nil
		}
		switch {
		case err != nil && (Final(err) || ErrorCode(err) == ECONFLICT):
			return l.end(now, Failed, "", ErrorMessage(err), k.Timing)
		case err != nil:
			l.retry(now, err)
		case step.Wait > 0:
			l.wait(now, step)
		default:
			if stage == StageCheck {
				l.Instance = fresh
			}
			if step.Detail != "" {
				l.Notes = append(l.Notes, step.Detail)
			}
			l.advance(now)
		}
		return nil
	})
	k.wake(l.ID)
	return werr
}

// moveEnd brings the end that stands in AWS up to the promised one.
func (k *Keeper) moveEnd(ctx context.Context, l *Lease) error {
	step := Step{Resources: l.Resources}
	err := k.step(ctx, l, "extend", l.ExpiresAt, func(ctx context.Context) (err error) {
		step, err = k.Provisioner.Extend(ctx, l)
		return err
	})
	if ctx.Err() != nil {
		return nil
	}
	_, werr := k.update(ctx, l.ID, func(l *Lease, now time.Time) error {
		if l.State != Open {
			return errMoved
		}
		l.Resources.Until = step.Resources.Until
		if err != nil {
			l.retry(now, err)
		} else {
			l.Attempts, l.LastError = 0, ""
			l.NextTryAt = now.Add(step.Wait)
		}
		return nil
	})
	k.wake(l.ID)
	if errors.Is(werr, errMoved) {
		return nil
	}
	return werr
}

// teardown does one pass of closing.
func (k *Keeper) teardown(ctx context.Context, l *Lease) error {
	step := Step{Resources: l.Resources}
	err := k.step(ctx, l, "close", time.Time{}, func(ctx context.Context) (err error) {
		step, err = k.Provisioner.Close(ctx, l)
		return err
	})
	if ctx.Err() != nil {
		return nil
	}
	_, werr := k.mustUpdate(ctx, l.ID, func(l *Lease, now time.Time) error {
		l.tornDown(now, step, err, k.Timing)
		return nil
	})
	k.wake(l.ID)
	return werr
}

// step runs one effect: in its account's turn, bounded in time by stepTimeout
// and by the moment at which something more important is due, and with a panic
// turned into an error, so that one bad lease stays one bad lease.
func (k *Keeper) step(ctx context.Context, l *Lease, name string, end time.Time, do func(context.Context) error) (err error) {
	release, err := k.crew.turn(ctx, l)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	if !end.IsZero() {
		var early context.CancelFunc
		ctx, early = context.WithDeadline(ctx, end)
		defer early()
		defer k.crew.interruptible(l.ID, early)()
	}
	log := k.log.With("lease", l.ID, "step", name)
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Code: EINTERNAL, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
		if err != nil && k.crew.ctx.Err() == nil {
			log.Log(ctx, level(l), "step failed", "attempt", l.Attempts+1, "err", err)
		}
	}()
	return do(ctx)
}

// level makes the first failures of a step warnings: they are AWS's everyday
// life. A stuck lease is an error.
func level(l *Lease) slog.Level {
	if l.Attempts+1 >= StuckAfter {
		return slog.LevelError
	}
	return slog.LevelWarn
}
