package sshforward

import (
	"context"
	"fmt"
	"time"
)

// dueAtOnce bounds what one tick starts; the rest follows a second later.
const dueAtOnce = 10_000

// Do carries out a command as far as it can be done at once: it is checked,
// and what it intends is in the store. The work goes on behind. What is refused
// is in the audit record.
func (k *Keeper) Do(ctx context.Context, c Caller, cmd Command) (Reply, error) {
	reply, err := k.do(ctx, c, cmd)
	if err != nil && ctx.Err() == nil {
		k.refused(ctx, c, cmd, err)
	}
	return reply, err
}

func (k *Keeper) do(ctx context.Context, c Caller, cmd Command) (Reply, error) {
	switch cmd := cmd.(type) {
	case OpenLease:
		return k.open(ctx, c, cmd)
	case ConfirmLease:
		return k.confirm(ctx, c, cmd)
	case CancelLease:
		return k.cancel(ctx, c, cmd.ID)
	case ApproveLease:
		return k.decide(ctx, actor{ActApprove, c}, cmd.ID, cmd.Extend, func(l *Lease, now time.Time) error {
			if cmd.Extend > 0 {
				return l.grant(now, c.User, cmd.Extend)
			}
			return l.approve(now, c.User, k.timing)
		})
	case DenyLease:
		return k.decide(ctx, actor{ActDeny, c}, cmd.ID, cmd.Extend, func(l *Lease, now time.Time) error {
			if cmd.Extend > 0 {
				return l.refuse(now, c.User, cmd.Because, cmd.Extend)
			}
			return l.deny(now, c.User, cmd.Because, k.timing)
		})
	case ExtendLease:
		return k.extend(ctx, c, cmd)
	case CloseLease:
		return k.close(ctx, c, cmd)
	case ListLeases:
		leases, err := k.ledger.active(ctx, func(l *Lease) bool { return cmd.All || l.Owner == c.User })
		return Reply{Leases: leases}, err
	case ShowLease:
		l, err := k.lease(ctx, cmd.ID)
		return Reply{Lease: l}, err
	case ListInstances:
		return k.listInstances(ctx, c, cmd.Query)
	case Overview:
		return k.home(ctx, c)
	case ShowHistory:
		return k.history(ctx, c, historyMost)
	case SetSource:
		return k.setSource(ctx, c, cmd)
	case Unknown:
		return Reply{}, Errorf(EINVALID, "I do not know this button.")
	}
	return Reply{}, &Error{Code: EINTERNAL, Err: fmt.Errorf("no such command: %T", cmd)}
}

// Tick starts work on every lease that is due. It does not wait for the work.
func (k *Keeper) Tick(ctx context.Context) error {
	// First what the store could not take: its old copy there may be due for
	// ever, and waking that alone would leave no room in the queue for this.
	for _, id := range k.ledger.inMemory() {
		k.workers.start(id, queueSteps, func() { k.flush(id) })
	}
	ids, err := k.ledger.due(ctx, time.Now().Add(ahead), dueAtOnce)
	if err != nil {
		return fmt.Errorf("look for due leases: %w", err)
	}
	for _, id := range ids {
		k.wake(id)
	}
	return nil
}

// flush tries once more to write what the store could not take, and goes on.
func (k *Keeper) flush(id string) {
	if _, err := k.ledger.update(k.workers.ctx, id, func(*Lease, time.Time) error { return nil }); err == nil {
		k.log.Info("the store can be written again", "lease", id)
	}
	k.work(id)
}

// Stop takes no new work and waits for the running steps; when ctx ends it
// cuts them short, which is as safe as a crash.
func (k *Keeper) Stop(ctx context.Context) { k.workers.stop(ctx) }
