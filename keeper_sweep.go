package sshforward

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"slices"
	"time"
)

// Sweep surveys every account, all of them at the same time, and puts right
// what is not as the store says: it rebuilds what a lost store has forgotten,
// tears down what no live lease owns, mends or closes open leases that have
// drifted, and ends what policy would not let in any more. What cannot be read of
// an account is in the error; nothing follows from it, and it holds up neither the
// rest nor the other accounts. An account that another Sweep is still busy with is
// passed over, so that Sweep may be called as often as the others need it. One that
// has no lease, and in which the last look has found nothing, is looked at every
// timing.Sweep only. Of several replicas one looks at each account.
func (k *Keeper) Sweep(ctx context.Context) error {
	return k.eachAccount(ctx, sweepTimeout, "sweep account %s", func(ctx context.Context, account string) error {
		if !k.membership.chosen(account, time.Now()) || !k.sightings.enter(account) {
			return nil
		}
		defer k.sightings.leave(account)
		return k.sweepAccount(ctx, account)
	})
}

const (
	// sweepTimeout bounds one round through one account, and surveyTimeout the look
	// at it: there is time left to act on what could be read.
	sweepTimeout  = 3 * time.Minute
	surveyTimeout = 2 * time.Minute
)

func (k *Keeper) sweepAccount(ctx context.Context, account string) error {
	rebuilt, err := k.rebuilds.Rebuilt(ctx, account)
	if err != nil {
		return err
	}
	all, err := k.snapshots.take(ctx)
	if err != nil {
		return err
	}
	open := all[account]
	if len(open) == 0 && k.sightings.rest(account, time.Now(), k.timing.Sweep) {
		return nil
	}
	k.recall(open)
	// The cloud first and the store second: whatever was made since is in the
	// store by then, so nothing new is taken for an orphan.
	survey, err := k.survey(ctx, account, open)
	if err != nil {
		return errors.Join(err, k.cannotSurvey(ctx, account, open, err))
	}
	if all, err = k.snapshots.take(ctx); err != nil {
		return err
	}
	live := all[account]
	r := k.sightings.begin(account, survey)
	k.reportUnproven(account, r)
	var errs []error
	var others []*Found // of another bot's that lives
	found := make(map[string]*Found)
	for i := range survey.Found {
		f := &survey.Found[i]
		found[f.Lease.ID] = f
		if live[f.Lease.ID] == nil {
			theirs, err := k.claim(ctx, f, r, rebuilt)
			if errs = append(errs, err); theirs {
				others = append(others, f)
			}
		}
	}
	for id, l := range live {
		if f := found[id]; f != nil && l.openedSince(f) {
			errs = append(errs, k.disown(ctx, l, f))
			continue
		}
		// What was opened after the survey began is not in it.
		if f := found[id]; f != nil && l.State == Open {
			errs = append(errs, k.restore(ctx, l, f))
		}
		switch was := open[id]; {
		case was == nil || was.Waiting() != l.Waiting() || !l.Waiting() && was.State != Open:
		case l.listedBy(r.At):
			errs = append(errs, k.drift(ctx, l, found[id], r))
		case l.Waiting() && found[id] != nil && found[id].Unlocked:
			errs = append(errs, k.ajar(ctx, l))
		}
	}
	errs = append(errs, k.judge(ctx, account, live, r))
	k.elsewhere(ctx, account, others, r)
	if survey.Hides(PartBalancers, PartGroups, PartRules) {
		r.holdAll("orphan ", "elsewhere ", "told elsewhere ", "unproven ") // they may be in what was not read
	}
	k.sightings.end(account, r)
	err = errors.Join(errs...)
	if err == nil && !rebuilt && !survey.Hides(PartBalancers, PartGroups) {
		err = k.rebuilds.SetRebuilt(ctx, account)
	}
	return errors.Join(survey.Err(), err)
}

func (k *Keeper) survey(ctx context.Context, account string, stored map[string]*Lease) (Survey, error) {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	return k.cloud.Survey(ctx, account, slices.Collect(maps.Values(stored)))
}

// reportUnproven says what carries the deployment's tag and is nobody's: in the
// log when a round first sees it, and how much there is in a metric.
func (k *Keeper) reportUnproven(account string, r round) {
	for _, u := range r.Unproven {
		if r.first("unproven " + u.ID) {
			k.log.Warn("something carries this deployment's tag and is not provably a lease's; left alone",
				"account", account, "kind", u.Kind, "id", u.ID, "tag", u.Lease, "why", u.Why)
		}
	}
	if k.onUnproven != nil && !r.Hides(PartBalancers, PartGroups, PartRules) {
		k.onUnproven(account, len(r.Unproven))
	}
}

// recall wakes what the index on time does not find, because it was written when
// the clock was ahead.
func (k *Keeper) recall(live map[string]*Lease) {
	now := time.Now()
	for id, l := range live {
		if due(l.nextDue(now), now) {
			k.look(id)
		}
	}
}

// claim decides about something that no live lease owns. What proves by its
// signature that it is a lease of this store, or, if the account was never looked
// at with this store, of one that was lost, is taken over and runs to its end. A
// lease of another store that lives is theirs, and left alone until its end has
// passed. All else is an orphan, and torn down once it has been one for a while.
func (k *Keeper) claim(ctx context.Context, f *Found, r round, rebuilt bool) (theirs bool, err error) {
	stored, err := k.ledger.get(ctx, f.Lease.ID)
	if err != nil && ErrorCode(err) != ENOTFOUND {
		return false, err
	}
	if stored == nil {
		switch lost := !rebuilt; {
		case f.unsure(&r.Survey):
			return false, nil // what it lacks may be in what was not read
		case f.Proof == ProofValid, f.Proof == ProofElsewhere && lost:
			return false, k.adopt(ctx, f, r.Survey)
		case f.Proof == ProofElsewhere && !due(f.Lease.ExpiresAt, r.At):
			return true, nil
		}
	}
	if stored != nil && (stored.State != Closed || r.At.Before(stored.ClosedAt.Add(listDelay))) {
		return false, nil // of another account's name, or AWS still lists what is gone
	}
	if !r.lasts("orphan "+f.Lease.ID, k.timing.Sweep) {
		return false, nil
	}
	return false, k.tearDown(ctx, f, stored, r)
}

// tearDown removes what no live lease owns, whether it is in the store as closed or
// not at all.
func (k *Keeper) tearDown(ctx context.Context, f *Found, stored *Lease, r round) (err error) {
	k.log.Warn("tearing down what no live lease owns",
		"lease", f.Lease.ID, "user", f.Lease.Owner, "instance", f.Lease.Instance.ID, "proof", string(f.Proof))
	if stored == nil {
		l := k.revive(f, r.Survey)
		l.Why = Textf("It was found in AWS without a record of mine.")
		if f.Proof != ProofElsewhere {
			l.Why = Textf("It was found in AWS without a record of mine, and nothing proves what its tags say.")
		}
		err = k.create(ctx, l, Lost)
	} else {
		err = k.reopen(ctx, f)
	}
	if err == nil && k.onOrphan != nil {
		k.onOrphan()
	}
	return err
}

// reopen closes a closed lease once more, of which something is still there.
func (k *Keeper) reopen(ctx context.Context, f *Found) error {
	_, err := k.ledger.mustUpdate(ctx, f.Lease.ID, func(l *Lease, now time.Time) error { return l.reopen(now, f) })
	k.wake(f.Lease.ID)
	return unlessMoved(err)
}

// adopt takes over a lease that the store does not know. What is whole and has
// time left goes on; the rest is closed.
func (k *Keeper) adopt(ctx context.Context, f *Found, s Survey) error {
	l := k.revive(f, s)
	now := time.Now()
	served := f.Balancer && f.Registered || s.Hides(PartBalancers)
	whole := l.State == Open && served && f.Group && !f.Reshaped && !due(l.ExpiresAt, now)
	k.log.Warn("rebuilding a lease from its tags",
		"lease", l.ID, "user", l.Owner, "instance", l.Instance.ID, "whole", whole, "expires", l.ExpiresAt)
	if !whole {
		l.Why = Textf("My records were lost, and by its tags it was not open yet, not whole any more, or over.")
		if f.Reshaped {
			l.owe(NoticeReshaped, now)
		}
		return k.create(ctx, l, Lost)
	}
	l.owe(NoticeRebuilt, now)
	return k.create(ctx, l, "")
}

// restore takes over what the tags of a lease prove and its record, an old backup's,
// does not have: that it was opened since, or an end that is later.
func (k *Keeper) restore(ctx context.Context, l *Lease, f *Found) error {
	now := time.Now()
	if !l.endsLater(f) && !l.opensLater(f, now) {
		return nil
	}
	k.log.Warn("the tags of a lease prove more than its record; they count",
		"lease", l.ID, "state", string(l.State), "recorded", l.ExpiresAt, "expires", f.Lease.ExpiresAt)
	_, err := k.ledger.update(ctx, l.ID, func(l *Lease, now time.Time) error {
		switch {
		case l.endsLater(f):
			l.restoreEnd(now, f.Lease.ExpiresAt)
		case l.opensLater(f, now):
			l.restoreOpening(now, f)
		default:
			return errMoved
		}
		return nil
	})
	k.wake(l.ID)
	return unlessMoved(err)
}

// disown ends what was opened since the record, an old backup's, was written, in
// which a yes is missing.
func (k *Keeper) disown(ctx context.Context, l *Lease, f *Found) error {
	k.log.Warn("the tags of a lease prove that it was opened, and its record lacks a yes; it ends", "lease", l.ID, "state", string(l.State))
	_, err := k.ledger.mustUpdate(ctx, l.ID, func(l *Lease, now time.Time) error {
		if !l.openedSince(f) {
			return errMoved
		}
		return l.disown(now, f, k.timing)
	})
	k.workers.interrupt(l.ID)
	k.wake(l.ID)
	return unlessMoved(err)
}

// revive fills in what the tags do not say. What is not proven is not acted on:
// whose it is, where it was asked for and where its card is could be anybody's
// words, so it is nobody's, and is told to the operators alone.
func (k *Keeper) revive(f *Found, s Survey) *Lease {
	l := f.Lease.Clone()
	if f.Proof != ProofValid && f.Proof != ProofElsewhere {
		l.Owner, l.Team, l.Channel, l.Direct, l.Card = "", "", "", false, Card{}
		l.SSHUser, l.Rule, l.Approved = "", "", nil
		l.Alleged = f.Says
	}
	now := time.Now()
	account := k.accounts[l.Instance.Account]
	in, seen := s.Instances[l.Instance.ID]
	if seen {
		l.Instance = in
	}
	if l.ListenerPort == 0 {
		l.ListenerPort = cmp.Or(account.ListenerPort, 22)
	}
	if !SafeUser(l.SSHUser) {
		l.SSHUser = sshUser(l.Instance, account)
	}
	l.HostKeyAlias = hostKeyAlias(l.Instance, account)
	l.Rule = cmp.Or(l.Rule, "rebuilt from tags") // unless one decides about it now
	l.RequestedAt, l.ConfirmBy, l.ConfirmedAt, l.NextTryAt = now, now, now, now
	l.Reminders = k.timing.Reminders
	if l.State == Open {
		l.RequestedAt = l.OpenedAt
		l.Max = max(l.Max, l.ExpiresAt.Sub(l.OpenedAt))
		if rule, ok := k.policy.Match(l.Instance); ok && seen {
			l.rebuiltUnder(rule)
		}
		if l.Duration > time.Minute {
			l.Duration = l.Duration.Truncate(time.Minute) // tags are rounded to seconds
		}
	}
	return l
}

// create writes a lease that was found, closing it if there is a reason to. Then
// it has to end, be there a disk to write on or not.
func (k *Keeper) create(ctx context.Context, l *Lease, reason Reason) error {
	now := time.Now()
	var err error
	if reason == "" {
		err = k.ledger.insert(ctx, l, now, actor{})
	} else {
		l.State, l.Stage, l.Reason, l.ClosingAt, l.NextTryAt = Closing, "", reason, now, now
		l.StageSince = now // the last of it may just have been made
		err = k.ledger.mustInsert(ctx, l, now)
	}
	if err != nil && ErrorCode(err) != ECONFLICT {
		return err
	}
	k.wake(l.ID)
	return nil
}
