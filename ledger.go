package sshforward

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// load reads a lease, preferring what could not be written yet.
func (k *Keeper) load(ctx context.Context, id string) (*Lease, error) {
	if l, ok := k.crew.unsaved(id); ok {
		return l, nil
	}
	return k.Store.Lease(ctx, id)
}

// active returns the leases that are not closed and pass the filter.
func (k *Keeper) active(ctx context.Context, keep func(*Lease) bool) ([]*Lease, error) {
	all, err := k.Store.Active(ctx)
	if err != nil {
		return nil, err
	}
	for i, l := range all {
		all[i] = k.crew.latest(l)
	}
	return slices.DeleteFunc(all, func(l *Lease) bool { return l.State == Closed || !keep(l) }), nil
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

// heard passes on events that are durable, or as durable as their lease.
func (k *Keeper) heard(events []Event) {
	if k.OnEvent == nil {
		return
	}
	for _, e := range events {
		k.OnEvent(e)
	}
}
