package sshforward

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// advance does the current stage of opening.
func (k *Keeper) advance(ctx context.Context, l *Lease) error {
	stage, end := l.Stage, l.OpenBy
	if !l.ExpiresAt.IsZero() && l.ExpiresAt.Before(end) {
		end = l.ExpiresAt
	}
	step := StepResult{Resources: l.Resources}
	var fresh Instance
	err := k.step(ctx, l, string(stage), end, func(ctx context.Context) (err error) {
		if stage == StageCheck {
			fresh, err = k.check(ctx, l)
			return err
		}
		step, err = k.Provisioner.Open(ctx, l)
		return err
	})
	if cutShort(ctx, err) {
		return nil // whoever comes next repeats the stage
	}
	_, werr := k.mustUpdate(context.WithoutCancel(ctx), l.ID, func(l *Lease, now time.Time) error {
		l.Resources = step.Resources // also when it failed half-way or came too late
		if l.State != Opening || l.Stage != stage {
			return nil
		}
		switch {
		case err != nil && stage != StageCheck && ErrorCode(err) == EFORBIDDEN && now.Sub(l.StageSince) < listDelay:
			// IAM may not see yet the tags of what was made a moment ago.
			l.retry(now, err)
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
			if !step.Detail.IsZero() {
				l.Hint = step.Detail
			}
			l.advance(now)
		}
		return nil
	})
	return werr
}

// moveEnd brings the end that stands in AWS up to the promised one.
func (k *Keeper) moveEnd(ctx context.Context, l *Lease) error {
	step, asked := StepResult{Resources: l.Resources}, l.ExpiresAt
	err := k.step(ctx, l, "extend", asked, func(ctx context.Context) (err error) {
		step, err = k.Provisioner.Extend(ctx, l)
		return err
	})
	if cutShort(ctx, err) {
		return nil
	}
	_, werr := k.mustUpdate(context.WithoutCancel(ctx), l.ID, func(l *Lease, now time.Time) error {
		if l.State != Open {
			return errMoved
		}
		l.Resources.Until = step.Resources.Until
		if err != nil {
			l.retry(now, err)
		} else {
			if step.Wait == 0 {
				// Done is done, also where what stands there is rounded:
				// comparing that with ExpiresAt would move it for ever.
				l.Resources.Until = asked
			}
			l.Attempts, l.LastError = 0, Text{}
			l.NextTryAt = now.Add(step.Wait)
			if l.Drift == (Drift{}) {
				l.calm(now) // or the alarm is about the mending
			}
		}
		return nil
	})
	return unlessMoved(werr)
}

// mend puts right what a sweep has found changed on an open lease. It is done
// here and not there, so that it cannot run beside a teardown.
func (k *Keeper) mend(ctx context.Context, l *Lease) error {
	step := StepResult{Resources: l.Resources}
	err := k.step(ctx, l, "mend", l.ExpiresAt, func(ctx context.Context) (err error) {
		step, err = k.Surveyor.Mend(ctx, l)
		return err
	})
	if cutShort(ctx, err) {
		return nil
	}
	_, werr := k.mustUpdate(context.WithoutCancel(ctx), l.ID, func(l *Lease, now time.Time) error {
		l.Resources = step.Resources // what was put back has to be removed too
		if l.State != Open {
			return nil
		}
		if err != nil {
			l.retry(now, err)
		} else {
			l.mended(now)
		}
		return nil
	})
	return werr
}

// teardown does one pass of closing.
func (k *Keeper) teardown(ctx context.Context, l *Lease) error {
	step := StepResult{Resources: l.Resources}
	err := k.step(ctx, l, "close", time.Time{}, func(ctx context.Context) (err error) {
		step, err = k.Provisioner.Close(ctx, l)
		return err
	})
	if cutShort(ctx, err) {
		return nil
	}
	_, werr := k.mustUpdate(context.WithoutCancel(ctx), l.ID, func(l *Lease, now time.Time) error {
		if l.State != Closing {
			return errMoved
		}
		l.tornDown(now, step, err, k.Timing)
		return nil
	})
	return unlessMoved(werr)
}

// step runs one effect: in its account's turn, bounded in time by stepTimeout
// and by the moment at which something more important is due, and with a panic
// turned into an error, so that one bad lease stays one bad lease.
func (k *Keeper) step(ctx context.Context, l *Lease, name string, end time.Time, do func(context.Context) error) (err error) {
	if !end.IsZero() {
		// Before the turn is waited for: neither the end nor a close may wait
		// behind what hangs in the same account.
		var early context.CancelFunc
		ctx, early = context.WithDeadline(ctx, end)
		defer early()
		defer k.crew.interruptible(l.ID, early)()
		// A close that came just before found nothing to interrupt.
		if is, err := k.load(ctx, l.ID); err == nil && is.State != l.State {
			return errMoved
		}
	}
	release, err := k.crew.turn(ctx, l)
	if err != nil {
		return err
	}
	defer release()
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	log := k.log.With("lease", l.ID, "step", name)
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Code: EINTERNAL, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
		if _, said := errors.AsType[*Error](err); !said && errors.Is(err, context.DeadlineExceeded) {
			err = &Error{Code: EUNAVAILABLE, Message: Textf("AWS did not answer in time."), Err: err}
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

// check is the stage before anything is made: what the prompt said may be
// minutes old, and hours where approval was waited for.
func (k *Keeper) check(ctx context.Context, l *Lease) (Instance, error) {
	found, err := k.Provisioner.Find(ctx, l.Instance.ID)
	if err != nil {
		return Instance{}, err
	}
	for _, in := range found {
		if in.Account != l.Instance.Account {
			continue
		}
		if !in.Running {
			return in, notRunning(in)
		}
		if in.Zone != l.Instance.Zone || in.VPC != l.Instance.VPC {
			return in, Errorf(ECONFLICT, "%s has moved since you asked. Type the command again.", in.ID)
		}
		probe := l.Clone()
		probe.Instance = in
		rule, err := k.Policy.Admit(ctx, k.Directory, probe)
		if err != nil {
			return in, err
		}
		// What approvers of another rule have said does not count for this one.
		if !l.Urgent && rule.Approvals > 0 && (rule.Name != l.Rule || rule.Approvals > len(l.Approved)) {
			return in, Errorf(EFORBIDDEN, "The rule %q wants %d approvals now. Type the command again.", rule.Name, rule.Approvals)
		}
		return in, nil
	}
	return Instance{}, Errorf(ENOTFOUND, "%s is gone.", l.Instance.ID)
}

// stepTimeout bounds one provisioner step or one call to Slack. A step
// polls nothing, so even a throttled one is done in a fraction of it.
const stepTimeout = time.Minute

// cutShort reports whether an effect failed only because the process stops.
func cutShort(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, errStopping))
}
