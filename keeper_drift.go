package sshforward

import (
	"context"
	"time"
)

// drift compares a lease that is open, or built ahead, with what there is. What
// could not be read is taken to be as it was.
func (k *Keeper) drift(ctx context.Context, l *Lease, f *Found, r round) error {
	if f == nil {
		f = new(Found)
	}
	if ended, err := k.gone(ctx, l, f, r); ended || err != nil {
		return err
	}
	// What is built ahead is looked at again at the last yes.
	if in, there := r.Instances[l.Instance.ID]; there && !l.Waiting() {
		if !in.Running {
			return k.stopped(ctx, l, in, r)
		}
		if err := k.runs(ctx, l, in); err != nil {
			return err
		}
	}
	if l.Drift != (Drift{}) {
		return nil // it is being mended
	}
	d := k.compare(l, f, r)
	if d == (Drift{}) {
		return nil
	}
	if d.Missing && l.Mended {
		return k.lose(ctx, l, r, Textf("Its rules were removed again after I had put them back."))
	}
	if d == (Drift{Unsigned: true}) {
		k.log.Info("the tags of an open lease are signed anew", "lease", l.ID, "proof", string(f.Proof))
	} else {
		k.log.Warn("a lease has drifted",
			"lease", l.ID, "state", string(l.State), "missing", d.Missing, "widened", d.Widened, "unarmed", d.Unarmed, "retagged", d.Retagged)
	}
	_, err := k.ledger.update(ctx, l.ID, func(l *Lease, now time.Time) error {
		if !l.listedBy(r.At) {
			return errMoved
		}
		l.drifted(now, d)
		return nil
	})
	k.wake(l.ID)
	return unlessMoved(err)
}

// ajar has the door of a lease locked again of which a yes is missing: somebody
// else lets people in.
func (k *Keeper) ajar(ctx context.Context, l *Lease) error {
	_, err := k.ledger.update(ctx, l.ID, func(l *Lease, now time.Time) error { return l.ajar(now) })
	if err == nil {
		k.log.Warn("the security group of a lease lets somebody in though a yes is missing", "lease", l.ID, "state", string(l.State))
	}
	k.wake(l.ID)
	return unlessMoved(err)
}

// gone closes a lease whose instance, load balancer or group is gone. It reports
// whether it is so, or may be.
func (k *Keeper) gone(ctx context.Context, l *Lease, f *Found, r round) (ended bool, err error) {
	in, there := r.Instances[l.Instance.ID]
	// What is gone and what is shutting down are told apart: being the one
	// does not count for the patience with the other.
	slow, fast := "gone for 10s "+l.ID, "shutting down "+l.ID
	switch why := Textf("The instance %s was terminated.", l.Instance.ID); {
	case !there && !r.Hides(PartInstances):
		return k.loseAfter(ctx, l, r, slow, listDelay, why)
	case in.State == "terminated" || in.State == "shutting-down":
		return k.loseAfter(ctx, l, r, fast, 0, why)
	case !f.Balancer && !r.Hides(PartBalancers):
		return k.loseAfter(ctx, l, r, slow, listDelay, Textf("Its load balancer was deleted by somebody else."))
	case !f.Group && !r.Hides(PartGroups):
		return k.loseAfter(ctx, l, r, slow, listDelay, Textf("Its security group was deleted by somebody else."))
	case f.Reshaped: // that it is so is seen once and for all, and it may let in anybody
		why = Textf("Somebody else gave its load balancer other groups or listeners, or put another in its place.")
		return true, k.lose(ctx, l, r, why, NoticeReshaped)
	case r.Hides(PartInstances, PartBalancers, PartGroups):
		r.hold(slow)
	}
	return false, nil
}

func (k *Keeper) loseAfter(ctx context.Context, l *Lease, r round, what string, patience time.Duration, why Text) (bool, error) {
	if !r.lasts(what, patience) {
		return true, nil
	}
	return true, k.lose(ctx, l, r, why)
}

// compare says what somebody else has changed on an open lease.
func (k *Keeper) compare(l *Lease, f *Found, r round) (d Drift) {
	seesRules, seesBalancer := !r.Hides(PartGroups, PartRules), !r.Hides(PartBalancers)
	locked := l.Locked()
	if seesRules {
		d.Missing = !f.Rule || !locked && !l.Moving() && !covers(f.Ingress, l.Sources)
		d.Widened = f.Widened || !covers(l.Admitted(), f.Ingress)
	}
	d.Widened = d.Widened || locked && f.Unlocked
	d.Missing = d.Missing || seesBalancer && !f.Registered
	d.Unarmed = !f.DeadMan && !r.Hides(PartDeadMan) && k.accounts[l.Instance.Account].DeadMan
	d.Retagged, d.Unsigned = f.Retagged, f.Unsigned
	for _, one := range []struct {
		is   *bool
		what string
		sees bool
	}{
		{&d.Missing, "missing ", seesRules && seesBalancer},
		{&d.Unarmed, "unarmed ", !r.Hides(PartDeadMan)},
		{&d.Retagged, "retagged ", !r.Hides(PartGroups, PartBalancers)},
		{&d.Unsigned, "unsigned ", !r.Hides(PartGroups, PartBalancers)},
	} {
		switch {
		case *one.is:
			*one.is = r.lasts(one.what+l.ID, listDelay)
		case !one.sees:
			r.hold(one.what + l.ID)
		}
	}
	return d
}

// runs records that the instance of an open lease runs, and what it is, where that
// could not be read when the lease was rebuilt.
func (k *Keeper) runs(ctx context.Context, l *Lease, in Instance) error {
	if l.Outage.State == "" && l.Instance.Zone != "" {
		return nil
	}
	_, err := k.ledger.update(ctx, l.ID, func(l *Lease, now time.Time) error {
		rule, _ := k.policy.Match(in)
		identified := l.identify(in, rule, hostKeyAlias(in, k.accounts[in.Account])) == nil
		if err := l.runs(now); !identified {
			return err
		}
		return nil
	})
	k.wake(l.ID)
	return unlessMoved(err)
}

// stopped gives an instance that does not run some time to come back: it may be
// resized, or somebody saves money overnight. The clock runs on.
func (k *Keeper) stopped(ctx context.Context, l *Lease, in Instance, r round) error {
	if at := l.Outage.CloseAt; !at.IsZero() && due(at, r.At) {
		return k.lose(ctx, l, r, Textf("The instance %s is %s.", in.ID, in.State))
	}
	_, err := k.ledger.update(ctx, l.ID, func(l *Lease, now time.Time) error {
		if !l.listedBy(r.At) {
			return errMoved
		}
		return l.stopped(now, in.State, k.timing)
	})
	k.wake(l.ID)
	return unlessMoved(err)
}

// lose closes a lease whose instance or load balancer went away, with an alarm if
// that is one.
func (k *Keeper) lose(ctx context.Context, l *Lease, r round, why Text, alarms ...NoticeKind) error {
	_, err := k.ledger.mustUpdate(ctx, l.ID, func(l *Lease, now time.Time) error {
		if !l.listedBy(r.At) {
			return errMoved
		}
		if err := l.end(now, InstanceGone, "", why, k.timing); err != nil {
			return err
		}
		for _, alarm := range alarms {
			l.owe(alarm, now)
		}
		return nil
	})
	if err == nil {
		k.workers.interrupt(l.ID)
	}
	k.wake(l.ID)
	return unlessMoved(err)
}
