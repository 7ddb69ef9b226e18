package sshforward

import (
	"context"
	"fmt"
	"slices"
	"time"
)

const (
	// dueAtOnce bounds what one tick starts; the rest follows a second later.
	dueAtOnce = 10_000
	// dueMost bounds what one tick looks at: more than are ever due.
	dueMost = 1_000_000
	// envelopeAge is for how long Slack delivers an envelope again.
	envelopeAge = time.Hour
)

// Do carries out a command as far as it can be done at once: it is checked,
// and what it intends is in the store. The work goes on behind. What is refused
// is in the audit record.
func (k *Keeper) Do(ctx context.Context, c Caller, cmd Command) (Reply, error) {
	var reply Reply
	err := k.checkCaller(ctx, c, cmd)
	if err == nil {
		reply, err = cmd.do(ctx, k, c)
	}
	if again, ok := k.doneBefore(ctx, c, cmd, reply, err); ok {
		return again, nil
	}
	if err != nil && ctx.Err() == nil && k.Answers(ctx, c) {
		k.refused(ctx, c, cmd, err)
	}
	return reply, err
}

// doneBefore returns what to answer to an envelope that came before; false if it did
// not. What it did may be why it would be refused now: the lease is closed already,
// or was the last one that the quota left room for.
func (k *Keeper) doneBefore(ctx context.Context, c Caller, cmd Command, reply Reply, err error) (Reply, bool) {
	if c.Envelope == "" || err == nil && (reply.Lease != nil || len(reply.Leases) > 0) {
		return Reply{}, false
	}
	l, ok := asRepeated(err)
	if !ok {
		l, ok = k.changedIn(ctx, c, cmd.target().ref)
	}
	return Reply{Lease: l}, ok
}

// changedIn finds the lease that an envelope has changed: the one that ref names, one
// that is not closed, or one of the caller's that was closed lately.
func (k *Keeper) changedIn(ctx context.Context, c Caller, ref string) (*Lease, bool) {
	var ids []string
	if id, ok := ParseID(ref); ok {
		ids = append(ids, id)
	}
	active, err := k.ledger.active(ctx, func(l *Lease) bool { return l.cameIn(c.Envelope) })
	if err == nil && len(active) > 0 {
		return active[0], true
	}
	past, err := k.history.Past(ctx, c.User, time.Now().Add(-envelopeAge), historyMost)
	if err != nil {
		return nil, false
	}
	for _, e := range past {
		ids = append(ids, e.Lease)
	}
	for _, id := range ids {
		if l, err := k.ledger.get(ctx, id); err == nil && l.cameIn(c.Envelope) {
			return l, true
		}
	}
	return nil, false
}

// checkCaller refuses whom the bot does nothing for, and whom Slack does not
// tell about just now. What only ends access is not held up by Slack.
func (k *Keeper) checkCaller(ctx context.Context, c Caller, cmd Command) error {
	err := checkServed(ctx, k.slack, c.User)
	switch cmd.(type) {
	case Unknown:
		return nil // it does nothing but to be recorded
	case CancelLease, CloseLease:
		if ErrorCode(err) == EUNAVAILABLE {
			return nil
		}
	}
	return err
}

// Tick starts work on every lease that is due. It does not wait for the work.
func (k *Keeper) Tick(ctx context.Context) error {
	k.meet()
	// First what the store could not take: its old copy there may be due for
	// ever, and waking that alone would leave no room in the queue for this.
	for _, id := range k.ledger.unwritten.ids() {
		k.workers.start(id, queueSteps, func() { k.flush(id) })
	}
	ids, err := k.ledger.due(ctx, time.Now().Add(ahead), dueMost)
	for _, id := range k.ration(ids) {
		k.look(id)
	}
	if err != nil {
		return fmt.Errorf("look for due leases: %w", err)
	}
	return nil
}

// ration returns as many as one tick may start, going on where the last one
// stopped, so that a crowd that gets nowhere, in an account that does not answer,
// hides nobody behind it.
func (k *Keeper) ration(ids []string) []string {
	if len(ids) <= dueAtOnce {
		return ids
	}
	from := int(k.rationed.Add(dueAtOnce)-dueAtOnce) % len(ids)
	return slices.Concat(ids[from:], ids[:from])[:dueAtOnce]
}

// flush tries once more to write what the store could not take, and goes on.
func (k *Keeper) flush(id string) {
	if err := k.ledger.settle(k.workers.ctx, id); err == nil {
		k.log.Info("the store can be written again", "lease", id)
	}
	k.work(id)
}

// Stop takes no new work and waits for the running steps; when ctx ends it
// cuts them short, which is as safe as a crash. Other replicas take over at once.
func (k *Keeper) Stop(ctx context.Context) {
	if ctx.Err() == nil {
		k.membership.leave()
		if _, err := k.membership.beat(ctx); err != nil {
			k.log.Warn("the other replicas cannot be told that this one stops; they take over when they miss it", "err", err)
		}
	}
	k.workers.stop(ctx)
	if ctx.Err() != nil {
		return // what was cut short may still be under way in AWS
	}
	if err := k.membership.end(ctx); err != nil {
		k.log.Warn("the other replicas cannot be told that this one has stopped", "err", err)
	}
}
