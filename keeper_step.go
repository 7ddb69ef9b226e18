package sshforward

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

// runStage does the current stage of opening, or of what is built ahead.
func (k *Keeper) runStage(ctx context.Context, l *Lease) error {
	stage, state := l.Stage, l.State
	var checked admitted
	do := func(ctx context.Context, l *Lease) (_ StepResult, err error) {
		if stage == StageCheck {
			checked, err = k.check(ctx, l)
			return StepResult{Resources: l.Resources, Detail: checked.warning}, err
		}
		// People are let in by a clock that the store has. Were it in memory alone,
		// the next process would start another one, and access would last longer
		// than people were told.
		if stage == StageClock {
			if err := k.ledger.settle(ctx, l.ID); err != nil {
				return StepResult{Resources: l.Resources}, err
			}
		}
		// Nothing is opened for whom Slack does not tell about: nobody could be
		// told that it is open.
		owner, err := k.slack.Person(ctx, l.Owner)
		if err == nil {
			err = owner.checkServed()
		}
		if err != nil {
			return StepResult{Resources: l.Resources}, err
		}
		return k.cloud.Open(ctx, l)
	}
	return k.runStep(ctx, l, string(stage), l.workBy(), do, func(l *Lease, now time.Time, r StepResult, err error) error {
		l.Resources = r.Resources // also when it failed half-way or came too late
		// What was checked before the last yes has to be checked after it.
		if l.Stage != stage || l.State != state && stage == StageCheck {
			l.builtMeanwhile(stage, r, err)
			return nil
		}
		return l.stageDone(now, checked, r, err, k.timing)
	})
}

// runExtend brings the end that stands in AWS up to the promised one.
func (k *Keeper) runExtend(ctx context.Context, l *Lease) error {
	end := l.ExpiresAt
	return k.runStep(ctx, l, "extend", end, k.cloud.Extend, func(l *Lease, now time.Time, r StepResult, err error) error {
		if l.State != Open {
			return errMoved
		}
		l.endMoved(now, end, r, err)
		return nil
	})
}

// runMove lets in another source instead of the former one.
func (k *Keeper) runMove(ctx context.Context, l *Lease) error {
	wish := l.Moved
	return k.runStep(ctx, l, "move", l.ExpiresAt, k.cloud.ChangeSource, func(l *Lease, now time.Time, r StepResult, err error) error {
		if l.State != Open || !l.sameMove(wish) {
			return errMoved // there is another wish by now
		}
		l.sourceChanged(now, r, err)
		return nil
	})
}

// runMend puts right what a sweep has found changed on an open lease. It is
// done here and not there, so that it cannot run beside a teardown.
func (k *Keeper) runMend(ctx context.Context, l *Lease) error {
	return k.runStep(ctx, l, "mend", l.workBy(), k.cloud.Mend, func(l *Lease, now time.Time, r StepResult, err error) error {
		l.Resources = r.Resources // what was put back has to be removed too
		switch {
		case l.State == Closing || l.State == Closed:
		case err != nil:
			l.retry(now, err)
		case r.Wait > 0:
			l.wait(now, r)
		default:
			l.mended(now)
		}
		return nil
	})
}

// runClose does one round of closing. What has made nothing needs no account to
// look into, which may not be configured any more.
func (k *Keeper) runClose(ctx context.Context, l *Lease) error {
	closing := k.cloud.Close
	if !k.configured(l) && l.StageSince.IsZero() && l.Resources == (Resources{}) {
		closing = func(context.Context, *Lease) (StepResult, error) {
			return StepResult{Resources: Resources{BalancerGone: true, RuleGone: true, GroupGone: true}}, nil
		}
	}
	return k.runStep(ctx, l, "close", time.Time{}, closing, func(l *Lease, now time.Time, r StepResult, err error) error {
		if l.State != Closing {
			return errMoved
		}
		l.tornDown(now, r, err, k.timing)
		return nil
	})
}

// runStep does one step in AWS and records what came of it, whatever that was.
// A step that is cut short by the stop of the process is not recorded: whoever
// comes next repeats it.
func (k *Keeper) runStep(ctx context.Context, l *Lease, name string, end time.Time,
	do func(context.Context, *Lease) (StepResult, error),
	record func(l *Lease, now time.Time, r StepResult, err error) error,
) error {
	result := StepResult{Resources: l.Resources}
	err := k.bounded(ctx, l, name, end, func(ctx context.Context) (err error) {
		result, err = do(ctx, l)
		return err
	})
	if cutShort(ctx, err) || errors.Is(err, errNoTurn) || errors.Is(err, errMoved) {
		return nil
	}
	_, werr := k.ledger.mustUpdate(context.WithoutCancel(ctx), l.ID, func(is *Lease, now time.Time) error {
		// Another replica has it by now, and finds what was made by its tags. A
		// round of closing counts, whoever does it.
		if l.State != Closing && is.Worker != l.Worker {
			return is.letGo(l.Worker, true, now)
		}
		return record(is, now, result, err)
	})
	return unlessMoved(werr)
}

// stepTimeout bounds one provisioner step or one call to Slack. A step polls
// nothing, so even a throttled one is done in a fraction of it.
const stepTimeout = time.Minute

// closeTimeout bounds one round of closing, which makes several calls in a row: an
// AWS that takes most of a minute for each must not begin them anew for ever.
const closeTimeout = 3 * time.Minute

// bounded runs a step when its account has room for it, bounded in time by
// stepTimeout or closeTimeout and by the moment at which something more important is due, and
// with a panic turned into an error, so that one bad lease stays one bad lease.
func (k *Keeper) bounded(ctx context.Context, l *Lease, name string, end time.Time, do func(context.Context) error) (err error) {
	if !end.IsZero() {
		// Before there is room: neither the end nor a close may wait behind
		// what hangs in the same account.
		var early context.CancelFunc
		ctx, early = context.WithDeadline(ctx, end)
		defer early()
		defer k.workers.interruptible(l.ID, early)()
		if !k.membership.alone() {
			k.guardOwnership(ctx, l, early)
		}
		// A close that came just before found nothing to interrupt.
		if is, err := k.ledger.get(ctx, l.ID); err == nil && (is.State != l.State || is.Worker != l.Worker) {
			return errMoved
		}
	}
	release, err := k.workers.acquireStep(ctx, l)
	if err != nil {
		return err
	}
	defer release()
	defer k.workers.calling(l.ID)()
	timeout := stepTimeout
	if l.State == Closing {
		timeout = closeTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	defer func() {
		if _, said := errors.AsType[*Error](err); !said && errors.Is(err, context.DeadlineExceeded) {
			err = &Error{Code: EUNAVAILABLE, Message: Textf("AWS did not answer in time."), Err: err}
		}
		if err != nil && k.workers.ctx.Err() == nil {
			k.log.Log(ctx, level(l), "step failed", "lease", l.ID, "step", name, "attempt", l.Attempts+1, "err", err)
		}
	}()
	defer safe.Recover(&err)
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

// cutShort reports whether an effect failed only because the process stops.
func cutShort(ctx context.Context, err error) bool {
	return err != nil && (ctx.Err() != nil || errors.Is(err, errStopping))
}

// present is a lease's instance as it is now. ENOTFOUND if it is gone.
func (k *Keeper) present(ctx context.Context, l *Lease) (Instance, error) {
	in, err := k.cloud.Instance(ctx, l.Instance.Account, l.Instance.ID)
	if ErrorCode(err) == ENOTFOUND {
		err = &Error{Code: ENOTFOUND, Message: Textf("%s is gone.", l.Instance.ID), Err: err}
	}
	return in, err
}

// placementLasts is how long after the request it is believed that people will
// reach the load balancer where it is to stand.
const placementLasts = time.Minute

// check is the stage before anything is made, and once more the first one after
// the last yes: what the prompt said may be minutes old, and hours where approval
// was waited for.
func (k *Keeper) check(ctx context.Context, l *Lease) (admitted, error) {
	in, err := k.present(ctx, l)
	switch {
	case err != nil:
		return admitted{}, err
	case !in.Running:
		return admitted{}, notRunning(in)
	case in.Zone != l.Instance.Zone || in.VPC != l.Instance.VPC:
		return admitted{}, Errorf(ECONFLICT, "%s has moved since you asked. Ask again.", in.ID)
	}
	probe := l.Clone()
	probe.Instance = in
	rule, err := k.policy.Admit(ctx, k.slack, probe)
	checked := admitted{instance: in, rule: rule, placement: l.Placement}
	if err != nil || l.Waiting() {
		return checked, err // while a yes is missing, there is none to be counted
	}
	if !l.Urgent && rule.Approvals > 0 {
		// What approvers of another rule have said does not count for this one, nor
		// what those said who are not among its approvers any more.
		ok, err := rule.approvedBy(ctx, k.slack, l.Approved)
		if err == nil && (rule.Name != l.Rule || !ok) {
			err = Errorf(EFORBIDDEN, "The rule %q wants %d approvals now. Ask again.", rule.Name, rule.Approvals)
		}
		if err != nil {
			return checked, err
		}
	}
	if time.Since(l.RequestedAt) < placementLasts {
		return checked, nil
	}
	// A network that was closed meanwhile is not seen by the health check: it
	// would open, and nobody would get through.
	placed, err := k.cloud.PlaceAgain(ctx, probe)
	if err != nil {
		return checked, err
	}
	for _, w := range placed.Warnings {
		if !slices.ContainsFunc(l.Placement.Warnings, func(was Text) bool { return was.String() == w.String() }) {
			checked.warning = checked.warning.And(w)
		}
	}
	placed.Warnings = append(placed.Warnings, refusedTags(in)...)
	checked.placement = placed
	return checked, nil
}

// guardOwnership has a step ended when its lease is not this replica's any more, or
// may not be, for as long as ctx lasts.
func (k *Keeper) guardOwnership(ctx context.Context, l *Lease, end context.CancelFunc) {
	go func() {
		defer safe.Catch(k.workers.panicked)
		defer end()
		second := time.NewTicker(time.Second)
		defer second.Stop()
		for k.membership.mayOpen(time.Now()) {
			select {
			case <-ctx.Done():
				return
			case <-second.C:
			}
			is, err := k.ledger.get(ctx, l.ID)
			if ErrorCode(err) == ENOTFOUND || err == nil && (is.Worker != l.Worker || is.State == Closing || is.State == Closed) {
				return
			} // a store that does not answer says nothing; the membership ends by it
		}
	}()
}
