package sshforward

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
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
	own    func(was, is *Lease, now time.Time) // says who works on it; nil: nobody is to
	keeps  func(*Lease) bool                   // of which a copy is kept; nil: of none

	// changing holds a lease from the moment it is read until it is written.
	// The store has revisions for that; the copy in memory has none.
	changing keyedMutex

	unwritten unwritten // what the store could not take yet
	copies    copies    // for while it cannot be reached
	silence   silence   // whether it answers at all
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
	l, _, err := g.recall(ctx, id)
	return l, err
}

// recall is get, and says whether the lease is remembered alone, while others may have
// written it since.
func (g *ledger) recall(ctx context.Context, id string) (l *Lease, remembered bool, err error) {
	if l, ok := g.unwritten.newest(id); ok {
		return l, g.keeps != nil, nil
	}
	return g.read(ctx, id)
}

// learn changes what is remembered of a lease, if it is still remembered alone. No
// event tells of it, since whoever made it so has told it.
func (g *ledger) learn(id string, apply func(*Lease) bool) bool {
	defer g.changing.lock(id)()
	if l, ok := g.unwritten.newest(id); ok {
		if !apply(l) {
			return false
		}
		g.unwritten.put(l, nil, g.unwritten.events(id))
		return true
	}
	l, ok := g.copies.get(id)
	if !ok || !apply(l) {
		return false
	}
	g.copies.note(l, true)
	return true
}

// read returns what the store has of a lease, or what it had last if that cannot be
// read.
func (g *ledger) read(ctx context.Context, id string) (l *Lease, remembered bool, err error) {
	within, done := g.silence.bounded(ctx, g.keeps != nil)
	l, err = g.leases.Lease(within, id)
	done(err)
	switch {
	case err == nil:
		g.keep(l)
	case ErrorCode(err) == ENOTFOUND:
		g.copies.forget(id)
	case ctx.Err() == nil:
		if l, ok := g.copies.get(id); ok {
			return l, true, nil
		}
	}
	return l, false, err
}

func (g *ledger) keep(l *Lease) {
	if g.keeps != nil {
		g.copies.note(l, l.State != Closed && g.keeps(l))
	}
}

// active returns the leases that are not closed and pass the filter, the
// oldest request first.
func (g *ledger) active(ctx context.Context, keep func(*Lease) bool) ([]*Lease, error) {
	all, err := g.leases.Active(ctx)
	if err != nil {
		return nil, err
	}
	for i, l := range all {
		if newer, ok := g.unwritten.newest(l.ID); ok {
			all[i] = newer
		}
	}
	return slices.DeleteFunc(all, func(l *Lease) bool { return l.State == Closed || !keep(l) }), nil
}

// due returns the ids of leases that need something by then, at most limit. With an
// error there are those that are known without the store.
func (g *ledger) due(ctx context.Context, then time.Time, limit int) ([]string, error) {
	within, done := g.silence.bounded(ctx, g.keeps != nil)
	ids, err := g.leases.Due(within, then, limit)
	done(err)
	if err != nil {
		return g.copies.due(then), err
	}
	return ids, nil
}

// insert writes a lease that is new. ECONFLICT if there is one of its id.
func (g *ledger) insert(ctx context.Context, l *Lease, now time.Time, by actor) error {
	defer g.changing.lock(l.ID)()
	events := g.begin(l, now, by)
	if err := g.store(ctx, l, events); err != nil {
		return err
	}
	g.publish(events)
	return nil
}

// mustInsert is insert for what was found in AWS and has to end: a store that
// cannot be written is no error.
func (g *ledger) mustInsert(ctx context.Context, l *Lease, now time.Time) error {
	unwritten, err := g.mustInsertLocked(ctx, l, now)
	if unwritten != nil {
		g.log.Error("the store cannot be written; the lease begins in memory", "lease", l.ID, "err", unwritten)
	}
	return err
}

func (g *ledger) mustInsertLocked(ctx context.Context, l *Lease, now time.Time) (unwritten, err error) {
	defer g.changing.lock(l.ID)()
	events := g.begin(l, now, actor{})
	if err := g.store(ctx, l, events); err != nil {
		if ErrorCode(err) == ECONFLICT || ctx.Err() != nil {
			return nil, err
		}
		g.unwritten.put(l, nil, events)
		unwritten = err
	}
	g.publish(events)
	return unwritten, nil
}

// begin completes a lease that is new, and returns the events of that.
func (g *ledger) begin(l *Lease, now time.Time, by actor) []Event {
	l.remember(by.Envelope)
	g.owned(new(Lease), l, now)
	l.DueAt = l.nextDue(now)
	return eventsOf(new(Lease), l, now, by, g.prices)
}

// update changes the lease as it is now and writes the result. If another
// writer is first, the change is made to what that one wrote; it is the change
// that says whether it still makes sense then.
func (g *ledger) update(ctx context.Context, id string, apply change) (*Lease, error) {
	return g.write(ctx, id, actor{}, apply, never)
}

// updateBy is update for what a person does. The error is [repeated] if the envelope
// has changed the lease before.
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
	_, unwritten := g.unwritten.newest(id)
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
		if l.cameIn(by.Envelope) {
			return nil, nil, nil, repeated{l}
		}
		now, was := time.Now().Round(0), *l // wall time, also where it stays in memory
		if err := apply(l, now); err != nil {
			return nil, nil, nil, err
		}
		l.remember(by.Envelope)
		g.owned(&was, l, now)
		l.DueAt = l.nextDue(now)
		events := eventsOf(&was, l, now, by, g.prices)
		all := append(g.unwritten.events(id), events...)
		err = g.store(ctx, l, all)
		if ErrorCode(err) == ECONFLICT {
			if err = g.reconcile(ctx, id); err == nil {
				continue
			}
		}
		switch {
		case err == nil:
			g.unwritten.drop(id)
		case must(&was) && ctx.Err() == nil:
			if l.State == was.State { // nobody else learns that it was given to them
				l.Worker, l.Stragglers = was.Worker, was.Stragglers
			}
			if g.unwritten.put(l, &was, all) {
				unwritten = err
			}
		default:
			return nil, nil, nil, fmt.Errorf("write lease %s: %w", id, err)
		}
		g.publish(events)
		return &was, l, unwritten, nil
	}
}

func (g *ledger) owned(was, is *Lease, now time.Time) {
	if g.own != nil {
		g.own(was, is, now)
	}
}

// settle writes what is in memory alone of a lease, if anything is.
func (g *ledger) settle(ctx context.Context, id string) error {
	if !g.unwritten.has(id) {
		return nil
	}
	_, err := g.update(ctx, id, func(*Lease, time.Time) error { return nil })
	if ErrorCode(err) != ENOTFOUND {
		return err
	}
	// Another writer has deleted it; what there is to tell of it is still told.
	if err := g.audit.Append(ctx, g.unwritten.events(id)...); err != nil {
		return err
	}
	g.unwritten.drop(id)
	return nil
}

// store puts a lease with its events. Where the answer was lost on the way, it
// looks whether it was done.
func (g *ledger) store(ctx context.Context, l *Lease, events []Event) error {
	within, done := g.silence.bounded(ctx, g.keeps != nil)
	err := g.leases.Put(within, l, events...)
	done(err)
	if err == nil {
		g.keep(l)
	}
	if err == nil || ErrorCode(err) == ECONFLICT || ErrorCode(err) == EINVALID || ctx.Err() != nil {
		return err
	}
	wrote := *l
	wrote.Revision++
	within, done = g.silence.bounded(ctx, g.keeps != nil)
	is, readErr := g.leases.Lease(within, l.ID)
	if done(readErr); readErr != nil || !sameLease(is, &wrote) {
		return err
	}
	l.Revision = wrote.Revision
	g.keep(l)
	return nil
}

// reconcile forgets the copy of a lease in memory after a conflict: another writer
// could write, so it is older, or it did get through after all. What it has to tell
// and the audit record does not have goes with the next write. An end that counts
// all the same, see [Lease.outlasts], is made anew of what the other one wrote.
func (g *ledger) reconcile(ctx context.Context, id string) error {
	kept := g.unwritten.events(id)
	if len(kept) == 0 {
		g.unwritten.drop(id)
		return nil
	}
	is, err := g.leases.Lease(ctx, id)
	if err != nil && ErrorCode(err) != ENOTFOUND {
		return fmt.Errorf("read what another writer was first with: %w", err)
	}
	has := make(map[string]bool)
	first := slices.MinFunc(kept, func(a, b Event) int { return a.At.Compare(b.At) }).At
	for e, err := range g.audit.Events(ctx, first) {
		if err != nil {
			return fmt.Errorf("read what another writer has told: %w", err)
		}
		has[recordOf(e)] = true
	}
	was, mine := g.unwritten.change(id)
	if is != nil && mine.outlasts(is) {
		l, err := mine.carriedOver(is)
		if err != nil {
			return err
		}
		g.owned(is, l, time.Now().Round(0))
		kept = slices.DeleteFunc(kept, func(e Event) bool { return has[recordOf(e)] })
		g.unwritten.replace(l, is, l.carriedWith(kept, is))
		return nil
	}
	kept = slices.DeleteFunc(kept, func(e Event) bool { return has[recordOf(e)] || is != nil && e.toldBy(is, was, mine) })
	g.unwritten.keepEvents(id, kept)
	return nil
}

// sameLease reports whether two leases are stored as the same. While nothing can be
// written this is asked every second, and the revision alone answers it.
func sameLease(a, b *Lease) bool { return a.Revision == b.Revision && recordOf(a) == recordOf(b) }

func recordOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return "" // what cannot be stored is not there
	}
	return string(b)
}

// delete removes a lease that check still agrees to be removed.
func (g *ledger) delete(ctx context.Context, l *Lease, check change) error {
	if g.unwritten.has(l.ID) {
		// What memory has to tell goes into the audit record first.
		var err error
		if l, err = g.update(ctx, l.ID, check); err != nil {
			return err
		}
	}
	if err := g.leases.Delete(ctx, l.ID, l.Revision); err != nil {
		return err
	}
	g.unwritten.drop(l.ID) // or it would be deleted for ever
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
