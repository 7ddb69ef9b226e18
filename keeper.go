package sshforward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"
)

// Options are what a [Keeper] works with.
type Options struct {
	Store        Store        // required
	SavedSources SavedSources // required
	Provisioner  Provisioner  // required
	Notifier     Notifier     // required
	Directory    Directory    // required
	AuditLog     AuditLog     // required; of the Store, so that it is written with it
	// Surveyor and Rebuilds are what Sweep needs.
	Surveyor Surveyor
	Rebuilds Rebuilds
	Lister   Lister // required: what the form offers
	Policy   Policy
	Timing   Timing
	Accounts map[string]Account // by the names that Instance.Account has
	Prices   Prices             // nil: DefaultPrices()
	Logger   *slog.Logger       // nil: slog.Default()

	// OnOpened and OnOverstay, if set, are told how long an opening took from
	// the last yes, and how long access lasted beyond its end.
	OnOpened   func(time.Duration)
	OnOverstay func(time.Duration)
	// OnOrphan, if set, is called for each thing that Sweep tears down.
	OnOrphan func()
	// OnEvent, if set, is told each [Event] once it is durable, or kept in
	// memory while the store cannot be written. It must not wait for anything.
	OnEvent func(Event)
}

// Account is what a lease takes over from its account's configuration.
type Account struct {
	ListenerPort int    // what the user's ssh dials
	SSHUser      string // unless the instance's tag sshforward:user says otherwise
	DeadMan      bool   // whether open leases have a dead-man switch
}

// Keeper keeps the promises: it takes commands, writes what is intended, and
// moves every lease towards it. It is level-triggered: what it does to a lease
// follows from [Next] alone, not from how the lease got there.
type Keeper struct {
	Options
	log *slog.Logger

	// confirming serializes, for one person, the check of LeasesPerUser with
	// the write that depends on it. The store belongs to this process alone.
	confirming keyed

	// writing serializes, for one lease, reading it, changing it and writing
	// it, be that to the store or to memory.
	writing keyed

	crew    crew
	sweeper sweeper
	catalog catalog
}

// NewKeeper returns a keeper that does no work until [Keeper.Tick] is called.
func NewKeeper(o Options) *Keeper {
	k := &Keeper{Options: o, log: cmp.Or(o.Logger, slog.Default())}
	if k.Prices == nil {
		k.Prices = DefaultPrices()
	}
	k.crew.init()
	return k
}

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
		return k.decide(ctx, deed{ActApprove, c}, cmd.ID, cmd.Extend, func(l *Lease, now time.Time) error {
			if cmd.Extend > 0 {
				return l.grant(now, c.User, cmd.Extend)
			}
			return l.approve(now, c.User, k.Timing)
		})
	case DenyLease:
		return k.decide(ctx, deed{ActDeny, c}, cmd.ID, cmd.Extend, func(l *Lease, now time.Time) error {
			if cmd.Extend > 0 {
				return l.refuse(now, c.User, cmd.Because, cmd.Extend)
			}
			return l.deny(now, c.User, cmd.Because, k.Timing)
		})
	case ExtendLease:
		return k.extend(ctx, c, cmd)
	case CloseLease:
		return k.close(ctx, c, cmd)
	case ListLeases:
		leases, err := k.active(ctx, func(l *Lease) bool { return cmd.All || l.Owner == c.User })
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

// lease reads one lease by an id as people type it.
func (k *Keeper) lease(ctx context.Context, typed string) (*Lease, error) {
	id, ok := ParseID(typed)
	if !ok {
		return nil, Errorf(EINVALID, "%q is not a lease id. /sshforward list shows them.", typed)
	}
	l, err := k.load(ctx, id)
	if ErrorCode(err) == ENOTFOUND {
		return nil, &Error{Code: ENOTFOUND, Message: Textf("There is no lease %s. /sshforward list shows those there are.", id), Err: err}
	}
	return l, err
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

// mayEnd refuses all but the requester and admins. EFORBIDDEN, or
// EUNAVAILABLE if a user group cannot be resolved.
func (k *Keeper) mayEnd(ctx context.Context, c Caller, l *Lease) (admin bool, err error) {
	if l.Owner == c.User {
		return false, nil
	}
	admin, err = Member(ctx, k.Directory, c.User, k.Policy.Admins)
	if err == nil && !admin {
		err = Errorf(EFORBIDDEN, "Lease %s is not yours; only its requester or an admin may do that.", l.ID)
	}
	return admin, err
}

func (k *Keeper) close(ctx context.Context, c Caller, cmd CloseLease) (Reply, error) {
	if cmd.All {
		mine, err := k.active(ctx, func(l *Lease) bool { return l.Owner == c.User && l.State != Closing })
		if err != nil {
			return Reply{}, err
		}
		var errs []error
		for i, l := range mine {
			closed, err := k.closeOne(ctx, c, l, false)
			switch {
			case err == nil:
				mine[i] = closed
			case ErrorCode(err) != ECONFLICT: // it had ended already
				errs = append(errs, err)
			}
		}
		return Reply{Leases: mine}, errors.Join(errs...)
	}
	found, err := k.resolve(ctx, c, cmd.Ref)
	if err != nil {
		return Reply{}, err
	}
	if len(found) > 1 {
		return Reply{Leases: found, Choose: true}, nil
	}
	admin, err := k.mayEnd(ctx, c, found[0])
	if err != nil {
		return Reply{}, err
	}
	l, err := k.closeOne(ctx, c, found[0], admin)
	if err != nil {
		return Reply{}, err
	}
	return Reply{Lease: l}, nil
}

// closeOne decides the end of one lease. ECONFLICT if it had ended already.
func (k *Keeper) closeOne(ctx context.Context, c Caller, l *Lease, admin bool) (*Lease, error) {
	closed, err := k.updateBy(ctx, deed{ActClose, c}, l.ID, func(l *Lease, now time.Time) error {
		reason := ClosedByUser
		switch {
		case l.State == Requested || l.State == Pending:
			reason = Cancelled
		case admin:
			reason = ClosedByAdmin
		}
		return l.end(now, reason, c.User, Text{}, k.Timing)
	})
	if err != nil {
		return nil, err
	}
	k.crew.interrupt(l.ID)
	k.wake(l.ID)
	return closed, nil
}

// resolve finds the active leases that ref means: a lease id; an instance by
// id or name; or, when ref is empty, what the caller has. A lease of the
// caller's goes before other people's. ENOTFOUND if there is none.
func (k *Keeper) resolve(ctx context.Context, c Caller, ref string) ([]*Lease, error) {
	if id, ok := ParseID(ref); ok {
		l, err := k.load(ctx, id)
		if err == nil {
			return []*Lease{l}, nil
		}
		if ErrorCode(err) != ENOTFOUND {
			return nil, err
		}
	}
	found, err := k.active(ctx, func(l *Lease) bool {
		if ref == "" {
			return l.Owner == c.User
		}
		return l.Instance.ID == ref || l.Instance.Name == ref
	})
	if err != nil {
		return nil, err
	}
	if ref != "" {
		if mine := filter(found, func(l *Lease) bool { return l.Owner == c.User }); len(mine) > 0 {
			found = mine
		}
	}
	if live := filter(found, func(l *Lease) bool { return l.State != Closing }); len(live) > 0 {
		found = live
	}
	if len(found) == 0 {
		if ref == "" {
			return nil, Errorf(ENOTFOUND, "You have no lease. /sshforward list all shows everybody's.")
		}
		return nil, Errorf(ENOTFOUND, "There is no open lease called %s. /sshforward list all shows everybody's.", ref)
	}
	return found, nil
}

func filter(ls []*Lease, keep func(*Lease) bool) []*Lease {
	var out []*Lease
	for _, l := range ls {
		if keep(l) {
			out = append(out, l)
		}
	}
	return out
}

// reply answers with the lease after a command, and lets its work begin.
func (k *Keeper) reply(l *Lease, err error) (Reply, error) {
	if err != nil {
		return Reply{}, err
	}
	k.wake(l.ID)
	return Reply{Lease: l}, nil
}
