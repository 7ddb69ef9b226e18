package sshforward

import (
	"context"
	"log/slog"
	"time"
)

// meet has the others told that this replica lives, and looks who of them does. It
// does not wait for that.
func (k *Keeper) meet() {
	k.workers.start("", queueMembers, func() {
		k.readClock()
		gone, err := k.members.beat(k.workers.ctx)
		if err == nil {
			k.ledger.silence.Store(false)
		}
		now := time.Now()
		if k.onMembers != nil && !k.members.alone() {
			k.onMembers(k.members.replicas(now))
		}
		if err != nil && k.workers.ctx.Err() == nil && k.unseenTold.take("", now) {
			k.log.Warn("the other replicas cannot be seen", "err", err)
		}
		if gone {
			if err := k.inherit(k.workers.ctx, now); err != nil && k.workers.ctx.Err() == nil {
				k.log.Warn("the leases of a replica that is gone wait until they are due", "err", err)
			}
		}
	})
}

// readClock takes in how far this machine's clock is off, and says so.
func (k *Keeper) readClock() {
	if k.clockOff == nil {
		return
	}
	off, known := k.clockOff()
	if !known {
		return
	}
	if k.members.measured(off); k.onSkew != nil {
		k.onSkew(off)
	}
	level := slog.LevelWarn
	if off.Abs() > skewMost {
		level = slog.LevelError
	}
	if off.Abs() > skewSaid && k.skewTold.take("", time.Now()) {
		k.log.Log(k.workers.ctx, level, "the clock is off; leases end by it: set it, and keep it with NTP", "by", off)
	}
}

// inherit takes over its share of what those had who serve no more.
func (k *Keeper) inherit(ctx context.Context, now time.Time) error {
	orphans, err := k.ledger.active(ctx, func(l *Lease) bool { return k.members.inherits(l, now) && k.members.chosen(l.ID, now) })
	for _, l := range orphans {
		k.look(l.ID)
	}
	return err
}

// look has a lease that is due worked on, if that is for this replica to do. It does
// not wait for that.
func (k *Keeper) look(id string) {
	if k.members.alone() {
		k.wake(id)
		return
	}
	k.workers.start(id, queueLook, func() {
		ctx := k.workers.ctx
		l, err := k.ledger.get(ctx, id)
		if err != nil {
			if ErrorCode(err) != ENOTFOUND && ctx.Err() == nil {
				k.log.Error("read lease", "lease", id, "err", err)
			}
			return
		}
		now := time.Now()
		if k.members.inherits(l, now) {
			if l, err = k.takeOver(ctx, l); err != nil {
				if unlessMoved(err) != nil && ctx.Err() == nil {
					k.log.Warn("a lease cannot be taken over", "lease", id, "err", err)
				}
				return
			}
		}
		k.settleStragglers(ctx, l, now)
		if k.members.works(l, now) {
			k.wake(id)
		}
	})
}

// takeOver makes a lease this replica's own. errMoved if somebody else was first.
func (k *Keeper) takeOver(ctx context.Context, seen *Lease) (*Lease, error) {
	l, err := k.ledger.update(ctx, seen.ID, func(l *Lease, now time.Time) error {
		if l.Worker != seen.Worker || !k.members.inherits(l, now) {
			return errMoved
		}
		l.handOver(k.members.id, l.making(), now)
		if l.State == Closing {
			l.NextTryAt = now // so that the others give this one its time
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	k.log.Info("lease is taken over", "lease", l.ID, "state", string(l.State), "from", seen.Worker)
	if k.onTakeover != nil {
		k.onTakeover()
	}
	return l, nil
}

// settleStragglers says that this replica has let go of a lease that another one has
// by now, or forgets about others that have.
func (k *Keeper) settleStragglers(ctx context.Context, l *Lease, now time.Time) {
	if len(l.Stragglers) == 0 {
		return
	}
	me := k.members.id
	change := func(l *Lease, now time.Time) error { return nil }
	switch {
	case l.straggles(me) && k.workers.atWork(l.ID):
		return
	case l.straggles(me):
		change = func(l *Lease, now time.Time) error { return l.letGo(me, false, now) }
	default:
		is := l.Clone()
		if k.members.own(l, is, now); l.Worker != me || len(is.Stragglers) == len(l.Stragglers) {
			return
		}
	}
	if _, err := k.ledger.update(ctx, l.ID, change); unlessMoved(err) != nil && ctx.Err() == nil {
		k.log.Warn("that a lease was let go of cannot be written", "lease", l.ID, "err", err)
	}
}

// Replicas is how many replicas serve, this one included.
func (k *Keeper) Replicas() int { return max(1, k.members.replicas(time.Now())) }

// Replica is the id that this one has among them, see [Member]; empty where it is alone.
func (k *Keeper) Replica() string { return k.members.id }

// Fit returns why this replica does not work as it should: its clock is off, or it
// cannot tell the others that it lives.
func (k *Keeper) Fit() error { return k.members.unfit(time.Now()) }
