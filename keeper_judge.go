package sshforward

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

const (
	// judgeTimeout bounds what one round of judging waits for Slack.
	judgeTimeout = 20 * time.Second
	// unjudgedFor is how long it cannot be told whether policy would still let
	// a lease in before that is an alarm.
	unjudgedFor = 30 * time.Second
	// blindFor is the same for an account that does not tell which tags there
	// are: AWS has bad minutes, and each lease in it is one alarm.
	blindFor = 5 * time.Minute
)

// verdict is what policy says to one lease now.
type verdict struct {
	lease *Lease
	rule  *Rule
	err   error // see Policy.stillAdmits
	blind bool  // the instance could not be read: only the owner was judged
}

// judge asks policy anew about the leases of an account, by the tags that a
// survey has seen, and about those whose tags it could not see as far as that goes.
// What it would not let in is ended when two looks at least listDelay apart say so:
// whoever changes tags may be at it.
func (k *Keeper) judge(ctx context.Context, account string, live map[string]*Lease, r round) error {
	var errs []error
	blind := make(map[string]*Lease)
	for _, v := range k.verdicts(ctx, live, r) {
		if v.blind {
			blind[v.lease.ID] = v.lease
		}
		errs = append(errs, k.sentence(ctx, v, r))
	}
	if len(blind) > 0 {
		errs = append(errs, k.cannotSurvey(ctx, account, blind, r.Err()))
	}
	return errors.Join(errs...)
}

// verdicts asks about all leases at once, so that Slack's silence about one
// person does not hold up the others.
func (k *Keeper) verdicts(ctx context.Context, live map[string]*Lease, r round) []verdict {
	ctx, cancel := context.WithTimeout(ctx, judgeTimeout)
	defer cancel()
	var (
		wg  sync.WaitGroup
		mu  sync.Mutex
		out []verdict
	)
	add := func(v verdict) {
		mu.Lock()
		defer mu.Unlock()
		out = append(out, v)
	}
	for _, l := range live {
		wg.Go(func() {
			defer safe.Catch(func(err error) { add(verdict{lease: l, err: err}) })
			v := verdict{lease: l}
			switch in, seen := r.Instances[l.Instance.ID]; {
			case l.Waiting() && l.Prepared.Begun() && seen: // it costs money, so it is not left to the last yes
				probe := l.Clone()
				probe.Instance = in
				v.rule, v.err = k.policy.stillAllows(ctx, k.slack, probe)
			case l.State == Requested || l.State == Pending:
				v.err = checkServed(ctx, k.slack, l.Owner) // the rest is judged at the last yes
			case (l.State == Opening || l.State == Open) && !seen && r.Hides(PartInstances):
				v.err, v.blind = checkServed(ctx, k.slack, l.Owner), true
			case l.State != Opening && l.State != Open || !seen:
				return // it ends anyway, or drift tells what became of the instance
			default:
				probe := l.Clone()
				probe.Instance = in
				v.rule, v.err = k.policy.stillAdmits(ctx, k.slack, probe)
			}
			add(v)
		})
	}
	wg.Wait()
	return out
}

// sentence does to a lease what a verdict says.
func (k *Keeper) sentence(ctx context.Context, v verdict, r round) error {
	l := v.lease
	switch code := ErrorCode(v.err); {
	case code == EUNAVAILABLE || code == EINTERNAL:
		if l.State != Open || !r.lasts("unjudged "+l.ID, unjudgedFor) {
			return nil
		}
		return k.cannotJudge(ctx, l, v.err)
	case code != "":
		if !r.lasts("not admitted "+l.ID, listDelay) {
			return nil
		}
		k.log.Warn("policy would not let in any more what is there", "lease", l.ID, "user", l.Owner, "instance", l.Instance.ID, "err", v.err)
		return k.pass(ctx, l, func(l *Lease, now time.Time) error { return l.reject(now, ErrorMessage(v.err), k.timing) })
	case v.blind:
		r.hold("not admitted "+l.ID, "too long "+l.ID)
		return nil
	case l.State != Open:
		return nil
	}
	if l.Unjudged {
		if err := k.pass(ctx, l, func(l *Lease, now time.Time) error { l.judged(now, true); return nil }); err != nil {
			return err
		}
	}
	if v.rule.latest(l, time.Now()).IsZero() || !r.lasts("too long "+l.ID, listDelay) {
		return nil
	}
	return k.pass(ctx, l, func(l *Lease, now time.Time) error {
		if v.rule.latest(l, now).IsZero() {
			return errMoved
		}
		l.shorten(now, v.rule)
		return nil
	})
}

// cannotJudge says once that it cannot be told whether policy would still let
// in an open lease. It runs to its end.
func (k *Keeper) cannotJudge(ctx context.Context, l *Lease, why error) error {
	if l.Unjudged {
		return nil
	}
	k.log.Error("it cannot be told whether policy would still let an open lease in; it runs to its end", "lease", l.ID, "err", why)
	return k.pass(ctx, l, func(l *Lease, now time.Time) error { l.judged(now, false); return nil })
}

// cannotSurvey is cannotJudge for leases of an account that has not told for a while
// which tags their instances have.
func (k *Keeper) cannotSurvey(ctx context.Context, account string, live map[string]*Lease, why error) error {
	if !k.sightings.blind(account, time.Now(), blindFor) {
		return nil
	}
	var errs []error
	for _, l := range live {
		if l.State == Open {
			errs = append(errs, k.cannotJudge(ctx, l, why))
		}
	}
	return errors.Join(errs...)
}

// pass carries out a sentence on a lease that is still in the state in which it
// was judged.
func (k *Keeper) pass(ctx context.Context, l *Lease, change change) error {
	state := l.State
	is, err := k.ledger.mustUpdate(ctx, l.ID, func(l *Lease, now time.Time) error {
		if l.State != state {
			return errMoved
		}
		return change(l, now)
	})
	if err == nil && is.State != state {
		k.workers.interrupt(l.ID)
	}
	k.wake(l.ID)
	return unlessMoved(err)
}
