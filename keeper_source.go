package sshforward

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

// Source returns the source address that the caller saved; empty if none.
func (k *Keeper) Source(ctx context.Context, c Caller) ([]netip.Prefix, error) {
	saved, err := look(ctx, k, c, func() ([]netip.Prefix, error) { return k.sources.Source(ctx, c.User) })
	return saved, k.looked(ctx, c, "", err)
}

func (cmd SetSource) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	if len(cmd.Sources) == 0 && !cmd.Clear {
		return Reply{}, noSource()
	}
	for _, s := range cmd.Sources {
		if err := k.policy.Sources.Check(s); err != nil {
			if e, ok := errors.AsType[*Error](err); ok {
				e.Try = Suggestion{Command: SetSource{Sources: k.policy.Sources.nearest(cmd.Sources)}}
			}
			return Reply{}, err
		}
	}
	if err := k.sources.SetSource(ctx, c.User, cmd.Sources); err != nil {
		return Reply{}, err
	}
	// The address is nobody's access, so it is not held back until the record
	// has it.
	e := Event{At: time.Now().UTC(), Act: ActSource, Result: ResultOK, Sources: prefixStrings(cmd.Sources)}
	e.by(c)
	if len(cmd.Sources) == 0 {
		e.Detail = "forgotten"
	}
	k.ledger.record(ctx, e)
	return Reply{Sources: cmd.Sources}, nil
}
