package sshforward

import (
	"context"
	"time"
)

// setSource saves or forgets a source address, or just says which is saved.
func (k *Keeper) setSource(ctx context.Context, c Caller, cmd SetSource) (Reply, error) {
	if len(cmd.Sources) == 0 && !cmd.Clear {
		saved, err := k.sources.Source(ctx, c.User)
		return Reply{Sources: saved}, err
	}
	for _, s := range cmd.Sources {
		if err := k.policy.Sources.Check(s); err != nil {
			return Reply{}, err
		}
	}
	if err := k.sources.SetSource(ctx, c.User, cmd.Sources); err != nil {
		return Reply{}, err
	}
	k.saved(ctx, c, cmd)
	return Reply{Sources: cmd.Sources}, nil
}

// saved records that somebody saved or forgot a source address. The address is
// nobody's access, so it is not held back until the record has it.
func (k *Keeper) saved(ctx context.Context, c Caller, cmd SetSource) {
	e := Event{At: time.Now().UTC(), Act: ActSource, Result: ResultOK, Sources: prefixStrings(cmd.Sources)}
	e.by(c)
	if len(cmd.Sources) == 0 {
		e.Detail = "forgotten"
	}
	k.ledger.record(ctx, e)
}
