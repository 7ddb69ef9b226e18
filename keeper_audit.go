package sshforward

import (
	"context"
	"strings"
	"time"
)

// refused records that a command was not done.
func (k *Keeper) refused(ctx context.Context, c Caller, cmd Command, err error) {
	e := k.subject(ctx, c, cmd, err)
	e.At, e.Act, e.Result = time.Now().UTC(), actOf(cmd), ErrorCode(err)
	e.Detail = plain(ErrorMessage(err).String())
	if u, ok := cmd.(Unknown); ok {
		e.Detail = plain(u.What)
	}
	e.by(c)
	k.ledger.record(ctx, e)
}

// subject is what a refused command was about: the lease that it names, as it
// is, or what it asked for.
func (k *Keeper) subject(ctx context.Context, c Caller, cmd Command, why error) Event {
	var ref string
	switch cmd := cmd.(type) {
	case ConfirmLease:
		ref = cmd.ID
	case CancelLease:
		ref = cmd.ID
	case ApproveLease:
		ref = cmd.ID
	case DenyLease:
		ref = cmd.ID
	case ShowLease:
		ref = cmd.ID
	case ExtendLease:
		ref = cmd.Ref
	case CloseLease:
		ref = cmd.Ref
	case SetSource:
		return Event{Sources: prefixStrings(cmd.Sources)}
	case OpenLease:
		e := Event{Sources: prefixStrings(cmd.Sources), Because: plain(cmd.Because), Urgent: cmd.Urgent}
		if strings.HasPrefix(cmd.Instance, "i-") {
			e.Instance = plain(cmd.Instance)
		} else {
			e.Name = plain(cmd.Instance)
		}
		return e
	}
	if ref == "" || ErrorCode(why) == ENOTFOUND {
		return Event{}
	}
	found, err := k.resolve(ctx, c, ref)
	if err != nil || len(found) != 1 {
		return Event{}
	}
	return eventOf(found[0], k.ledger.prices)
}

// actOf names a command.
func actOf(cmd Command) Act {
	switch cmd := cmd.(type) {
	case OpenLease:
		return ActOpen
	case ConfirmLease:
		return ActConfirm
	case CancelLease:
		return ActCancel
	case ApproveLease:
		return ActApprove
	case DenyLease:
		return ActDeny
	case ExtendLease:
		return ActExtend
	case CloseLease:
		return ActClose
	case SetSource:
		if len(cmd.Sources) > 0 || cmd.Clear {
			return ActSource
		}
		return ActLook
	case ListLeases, ShowLease, ListInstances, Overview, ShowHistory:
		return ActLook
	}
	return ActUnknown
}
