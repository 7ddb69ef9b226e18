package sshforward

import (
	"context"
	"fmt"
	"time"
)

// drift compares a lease that is open, or built ahead, with what there is.
func (k *Keeper) drift(ctx context.Context, l *Lease, f *Found, r round) error {
	in, there := r.Instances[l.Instance.ID]
	why, patience := Text{}, listDelay
	switch {
	case !there:
		why = Textf("The instance %s was terminated.", l.Instance.ID)
	case in.State == "terminated" || in.State == "shutting-down":
		why, patience = Textf("The instance %s was terminated.", l.Instance.ID), 0
	case f == nil || !f.Balancer:
		why = Textf("Its load balancer was deleted by somebody else.")
	case !f.Group:
		why = Textf("Its security group was deleted by somebody else.")
	}
	if !why.IsZero() {
		// What is gone and what is shutting down are told apart: being the one
		// does not count for the patience with the other.
		if r.lasts(fmt.Sprintf("gone for %s %s", patience, l.ID), patience) {
			return k.lose(ctx, l, r, why)
		}
		return nil
	}
	locked := l.Locked()
	if !in.Running && !locked { // what is built ahead is looked at again at the last yes
		return k.stopped(ctx, l, in, r)
	}
	if l.Outage.State != "" {
		if _, err := k.ledger.update(ctx, l.ID, func(l *Lease, now time.Time) error { return l.runs(now) }); unlessMoved(err) != nil {
			return err
		}
		k.wake(l.ID)
	}
	if l.Drift != (Drift{}) {
		return nil // it is being mended
	}
	d := Drift{
		Missing: !f.Rule || !f.Registered || !locked && !covers(f.Ingress, l.Sources),
		Widened: f.Widened || !covers(l.Sources, f.Ingress) || locked && f.Unlocked,
		Unarmed: !f.DeadMan && k.accounts[l.Instance.Account].DeadMan,
	}
	d.Missing = d.Missing && r.lasts("missing "+l.ID, listDelay)
	d.Unarmed = d.Unarmed && r.lasts("unarmed "+l.ID, listDelay)
	d.Retagged = f.Retagged && r.lasts("retagged "+l.ID, listDelay)
	d.Unsigned = f.Unsigned && r.lasts("unsigned "+l.ID, listDelay)
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
// else lets people in, or the store is an old backup.
func (k *Keeper) ajar(ctx context.Context, l *Lease) error {
	_, err := k.ledger.update(ctx, l.ID, func(l *Lease, now time.Time) error { return l.ajar(now) })
	if err == nil {
		k.log.Warn("the security group of a lease lets somebody in though a yes is missing", "lease", l.ID, "state", string(l.State))
	}
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

// lose closes a lease whose instance or load balancer went away.
func (k *Keeper) lose(ctx context.Context, l *Lease, r round, why Text) error {
	_, err := k.ledger.mustUpdate(ctx, l.ID, func(l *Lease, now time.Time) error {
		if !l.listedBy(r.At) {
			return errMoved
		}
		return l.end(now, InstanceGone, "", why, k.timing)
	})
	if err == nil {
		k.workers.interrupt(l.ID)
	}
	k.wake(l.ID)
	return unlessMoved(err)
}
