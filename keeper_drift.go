package sshforward

import (
	"context"
	"fmt"
	"time"
)

// drift compares an open lease with what there is.
func (k *Keeper) drift(ctx context.Context, l *Lease, f *Found, s look) error {
	in, there := s.Instances[l.Instance.ID]
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
	case !in.Running:
		why, patience = Textf("The instance %s is %s.", l.Instance.ID, in.State), stoppedFor
	}
	if !why.IsZero() {
		// What is gone and what is stopped are told apart: being the one does
		// not count for the patience with the other.
		if s.lasts(fmt.Sprintf("gone for %s %s", patience, l.ID), patience) {
			return k.lose(ctx, l, s, why)
		}
		return nil
	}
	if l.Drift != (Drift{}) {
		return nil // it is being mended
	}
	d := Drift{
		Missing: !f.Rule || !f.Registered || !covers(f.Ingress, l.Sources),
		Widened: f.Widened || !covers(l.Sources, f.Ingress),
		Unarmed: !f.DeadMan && k.Accounts[l.Instance.Account].DeadMan,
	}
	d.Missing = d.Missing && s.lasts("missing "+l.ID, listDelay)
	d.Unarmed = d.Unarmed && s.lasts("unarmed "+l.ID, listDelay)
	if d == (Drift{}) {
		return nil
	}
	if d.Missing && l.Mended {
		return k.lose(ctx, l, s, Textf("Its rules were removed again after I had put them back."))
	}
	k.log.Warn("an open lease has drifted", "lease", l.ID, "missing", d.Missing, "widened", d.Widened, "unarmed", d.Unarmed)
	_, err := k.update(ctx, l.ID, func(l *Lease, now time.Time) error {
		if !l.settled(s.At) {
			return errMoved
		}
		l.drifted(now, d)
		return nil
	})
	k.wake(l.ID)
	return unlessMoved(err)
}

// lose closes a lease whose instance or load balancer went away.
func (k *Keeper) lose(ctx context.Context, l *Lease, s look, why Text) error {
	_, err := k.mustUpdate(ctx, l.ID, func(l *Lease, now time.Time) error {
		if !l.settled(s.At) {
			return errMoved
		}
		return l.end(now, InstanceGone, "", why, k.Timing)
	})
	if err == nil {
		k.crew.interrupt(l.ID)
	}
	k.wake(l.ID)
	return unlessMoved(err)
}
