package sshforward

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"
)

// ledger is where leases are read and written. Every write goes through it: it
// sets [Lease.DueAt], makes the events of the change, writes them with the
// lease, and passes them on.
//
// Access ends also on a full disk: what must be written and cannot be goes on
// in memory, and is read from there until the store takes it. Nothing is lost
// if the process dies meanwhile, since what the store has leads to the same
// end again.
type ledger struct {
	leases Leases
	audit  AuditLog // of the same store as leases, so that events are written with them
	prices Prices
	log    *slog.Logger
	hooks  hooks

	// changing holds a lease from the moment it is read until it is written.
	// The store has revisions for that; the copy in memory has none.
	changing keyedMutex

	mu        sync.Mutex
	unwritten map[string]unwritten // by lease id
}

// unwritten is a lease that the store could not take yet, with the events that
// the audit record does not have of it.
type unwritten struct {
	lease  *Lease
	events []Event
}

// hooks are told of what was written; each may be nil. See [Options].
type hooks struct {
	opened   func(time.Duration)
	overstay func(time.Duration)
	event    func(Event)
}

// change is a transition of a lease. An error means that nothing is written.
type change func(l *Lease, now time.Time) error

// get returns a lease as it is now. ENOTFOUND if there is none.
func (g *ledger) get(ctx context.Context, id string) (*Lease, error) {
	if l, ok := g.newest(id); ok {
		return l, nil
	}
	return g.leases.Lease(ctx, id)
}

// active returns the leases that are not closed and pass the filter, the
// oldest request first.
func (g *ledger) active(ctx context.Context, keep func(*Lease) bool) ([]*Lease, error) {
	all, err := g.leases.Active(ctx)
	if err != nil {
		return nil, err
	}
	for i, l := range all {
		if newer, ok := g.newest(l.ID); ok {
			all[i] = newer
		}
	}
	return slices.DeleteFunc(all, func(l *Lease) bool { return l.State == Closed || !keep(l) }), nil
}

// due returns the ids of leases that need something by then, at most limit.
func (g *ledger) due(ctx context.Context, then time.Time, limit int) ([]string, error) {
	return g.leases.Due(ctx, then, limit)
}

// insert writes a lease that is new. ECONFLICT if there is one of its id. With
// must, a store that cannot be written is no error.
func (g *ledger) insert(ctx context.Context, l *Lease, now time.Time, by actor, must bool) error {
	unwritten, err := g.insertLocked(ctx, l, now, by, must)
	if unwritten != nil {
		g.log.Error("the store cannot be written; the lease begins in memory", "lease", l.ID, "err", unwritten)
	}
	return err
}

func (g *ledger) insertLocked(ctx context.Context, l *Lease, now time.Time, by actor, must bool) (unwritten, err error) {
	defer g.changing.lock(l.ID)()
	l.DueAt = l.nextDue(now)
	events := eventsOf(new(Lease), l, now, by, g.prices)
	if err := g.leases.Put(ctx, l, events...); err != nil {
		if !must || ErrorCode(err) == ECONFLICT || ctx.Err() != nil {
			return nil, err
		}
		g.put(l, events)
		unwritten = err
	}
	g.publish(events)
	return unwritten, nil
}

// update changes the lease as it is now and writes the result. If another
// writer is first, the change is made to what that one wrote; it is the change
// that says whether it still makes sense then.
func (g *ledger) update(ctx context.Context, id string, apply change) (*Lease, error) {
	return g.write(ctx, id, actor{}, apply, never)
}

// updateBy is update for what a person does.
func (g *ledger) updateBy(ctx context.Context, by actor, id string, apply change) (*Lease, error) {
	return g.write(ctx, id, by, apply, never)
}

// mustUpdate is update for what must not depend on being able to write: the end
// of access, what was made or removed, and what people were told already.
func (g *ledger) mustUpdate(ctx context.Context, id string, apply change) (*Lease, error) {
	return g.write(ctx, id, actor{}, apply, always)
}

// endBy is updateBy for a person's close. Where there is access to end it must
// not depend on being able to write either; recorded says whether the store has
// it.
func (g *ledger) endBy(ctx context.Context, by actor, id string, apply change) (l *Lease, recorded bool, err error) {
	l, err = g.write(ctx, id, by, apply, func(was *Lease) bool { return was.State == Opening || was.State == Open })
	_, unwritten := g.newest(id)
	return l, !unwritten, err
}

// always and never say of a lease, as it was, whether its change must not depend
// on being able to write.
func always(*Lease) bool { return true }
func never(*Lease) bool  { return false }

func (g *ledger) write(ctx context.Context, id string, by actor, apply change, must func(was *Lease) bool) (*Lease, error) {
	was, l, unwritten, err := g.writeLocked(ctx, id, by, apply, must)
	if err != nil {
		return nil, err
	}
	// No longer under the lease's lock: who reads the log, or counts, must not
	// hold up the next change.
	if unwritten != nil {
		g.log.Error("the store cannot be written; the lease goes on in memory", "lease", id, "err", unwritten)
	}
	g.observe(was, l)
	return l, nil
}

// writeLocked returns the lease as it was and as it is now, and why it is in
// memory alone if it came there just now.
func (g *ledger) writeLocked(ctx context.Context, id string, by actor, apply change, must func(was *Lease) bool) (
	was, is *Lease, unwritten, err error,
) {
	defer g.changing.lock(id)()
	for {
		l, err := g.get(ctx, id)
		if err != nil {
			return nil, nil, nil, err
		}
		now, was := time.Now().Round(0), *l // wall time, also where it stays in memory
		if err := apply(l, now); err != nil {
			return nil, nil, nil, err
		}
		l.DueAt = l.nextDue(now)
		events := eventsOf(&was, l, now, by, g.prices)
		all := append(g.events(id), events...)
		switch err := g.leases.Put(ctx, l, all...); {
		case err == nil:
			g.drop(id)
		case ErrorCode(err) == ECONFLICT:
			// Another writer could write, so memory is older; or what is in
			// memory did get through, and its events with it.
			g.drop(id)
			continue
		case must(&was) && ctx.Err() == nil:
			if g.put(l, all) {
				unwritten = err
			}
		default:
			return nil, nil, nil, fmt.Errorf("write lease %s: %w", id, err)
		}
		g.publish(events)
		return &was, l, unwritten, nil
	}
}

// settle writes what is in memory alone of a lease, if anything is.
func (g *ledger) settle(ctx context.Context, id string) error {
	if _, ok := g.newest(id); !ok {
		return nil
	}
	_, err := g.update(ctx, id, func(*Lease, time.Time) error { return nil })
	return err
}

// delete removes a lease that check still agrees to be removed.
func (g *ledger) delete(ctx context.Context, l *Lease, check change) error {
	if _, ok := g.newest(l.ID); ok {
		// What memory has to tell goes into the audit record first.
		var err error
		if l, err = g.update(ctx, l.ID, check); err != nil {
			return err
		}
	}
	if err := g.leases.Delete(ctx, l.ID, l.Revision); err != nil {
		return err
	}
	g.drop(l.ID) // or it would be deleted for ever
	return nil
}

// record writes an event that goes with no write of a lease. What it tells of
// has happened, so it is not taken back if the record cannot be written.
func (g *ledger) record(ctx context.Context, e Event) {
	if err := g.audit.Append(context.WithoutCancel(ctx), e); err != nil {
		g.log.Error("the audit record cannot be written",
			"act", string(e.Act), "result", e.Result, "user", e.Actor, "lease", e.Lease, "err", err)
		return
	}
	g.publish([]Event{e})
}

// publish passes on events that are durable, or as durable as their lease.
func (g *ledger) publish(events []Event) {
	if g.hooks.event == nil {
		return
	}
	for _, e := range events {
		g.hooks.event(e)
	}
}

// observe logs a change of state and feeds the metrics.
func (g *ledger) observe(was, l *Lease) {
	if was.State != l.State {
		log := g.log.With("lease", l.ID, "user", l.Owner, "instance", l.Instance.ID)
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
	if was.State == Opening && l.State == Open && g.hooks.opened != nil {
		g.hooks.opened(l.ReadyIn)
	}
	if was.AccessEndedAt.IsZero() && !l.AccessEndedAt.IsZero() && !l.ExpiresAt.IsZero() && g.hooks.overstay != nil {
		g.hooks.overstay(l.Overstay())
	}
}

// put keeps a lease that the store could not take, with all events that have to
// be written with it. It reports whether that is news.
func (g *ledger) put(l *Lease, events []Event) (news bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	_, had := g.unwritten[l.ID]
	if g.unwritten == nil {
		g.unwritten = make(map[string]unwritten)
	}
	g.unwritten[l.ID] = unwritten{l.Clone(), slices.Clone(events)}
	return !had
}

// drop forgets it again.
func (g *ledger) drop(id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.unwritten, id)
}

// newest returns the copy that the store does not have yet, if there is one.
func (g *ledger) newest(id string) (*Lease, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	u, ok := g.unwritten[id]
	if !ok {
		return nil, false
	}
	return u.lease.Clone(), true
}

// events returns those that wait to be written with a lease.
func (g *ledger) events(id string) []Event {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.unwritten[id].events)
}

// inMemory returns the ids of leases that the store could not take.
func (g *ledger) inMemory() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Keys(g.unwritten))
}
