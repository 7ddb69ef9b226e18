package sshforward

import (
	"cmp"
	"context"
	"errors"
	"time"
)

func (Unknown) do(context.Context, *Keeper, Caller) (Reply, error) {
	return Reply{}, Errorf(EINVALID, "I do not know this button.")
}

// refused records that a command was not done.
func (k *Keeper) refused(ctx context.Context, c Caller, cmd Command, why error) {
	t := cmd.target()
	e := t.asked
	e.Instance, e.Name, e.Because = plain(e.Instance), plain(e.Name), plain(e.Because)
	if t.ref != "" {
		e = k.about(ctx, c, t.ref, why)
	}
	k.refuse(ctx, c, cmd.act(), e, why)
}

// looked records that somebody could not look at something, which ref may name,
// and returns the error. Looking that succeeds is not recorded.
func (k *Keeper) looked(ctx context.Context, c Caller, ref string, err error) error {
	if err != nil && ctx.Err() == nil {
		k.refuse(ctx, c, ActLook, k.about(ctx, c, ref, err), err)
	}
	return err
}

func (k *Keeper) refuse(ctx context.Context, c Caller, act Act, e Event, why error) {
	if real, ok := errors.AsType[hidden](why); ok {
		why = real.why // the record is told what the caller is not
	}
	e.At, e.Act, e.Result = time.Now().UTC(), act, ErrorCode(why)
	e.Detail = plain(cmp.Or(e.Detail, ErrorMessage(why).String()))
	e.by(c)
	k.ledger.record(ctx, e)
}

// about is an event about the lease that ref names, as it is now, or about none.
func (k *Keeper) about(ctx context.Context, c Caller, ref string, why error) Event {
	if ref == "" || ErrorCode(why) == ENOTFOUND {
		return Event{}
	}
	found, err := k.resolve(ctx, c, ref)
	if err != nil || len(found) != 1 {
		return Event{}
	}
	return eventOf(found[0], k.ledger.prices)
}
