package sshforward

import (
	"cmp"
	"context"
	"time"
)

const (
	// mostPrompts is how many prompts of a person are built ahead at one time: each
	// costs a started hour, also if it is cancelled.
	mostPrompts = 3
	// usualQuota is AWS's default quota of Classic Load Balancers in a region, for
	// where it cannot be read.
	usualQuota = 20
	// sharePrepared is the share of the quota that is not exceeded by what is built
	// ahead: one in so many. The rest is for what has every yes.
	sharePrepared = 4
)

// prepareAt is when a lease of the rule is to be built ahead: at a prompt, while
// approval is waited for, or never.
func (k *Keeper) prepareAt(l *Lease, r *Rule) Prepare {
	switch at := k.policy.prepares(r); {
	case at == PreparePrompt:
		return PreparePrompt
	case at == PrepareApproval && l.needsApproval():
		return PrepareApproval
	}
	return ""
}

// prepareIfRoom has a lease built ahead in the write that makes it wait for a yes,
// if policy wants that and there is room. Otherwise it opens cold, and says so.
// Whoever holds the account's turn is the only one who counts and adds, in this
// process: several replicas may go beyond the share by one each, which it has room for.
func (k *Keeper) prepareIfRoom(ctx context.Context, l *Lease) (begin func(l *Lease, now time.Time), done func()) {
	done = k.preparing.lock(l.Instance.Account)
	why, err := k.noRoomToPrepare(ctx, l)
	if err != nil {
		k.log.Warn("whether there is room to build a lease ahead cannot be told; it opens cold", "lease", l.ID, "err", err)
		why = Textf("Whether there is room to build it ahead cannot be told just now, so it opens only after the yes.")
	}
	return func(l *Lease, now time.Time) {
		if l.Prepared.Cold = why; why.IsZero() {
			l.prepare(now, k.timing)
		}
	}, done
}

// noRoomToPrepare says why one lease more may not be built ahead; nothing if it
// may.
func (k *Keeper) noRoomToPrepare(ctx context.Context, l *Lease) (why Text, err error) {
	held, err := k.ledger.active(ctx, func(m *Lease) bool {
		return m.Instance.Account == l.Instance.Account && m.heldAhead()
	})
	if err != nil {
		return Text{}, err
	}
	if most := cmp.Or(l.Placement.Quota, usualQuota) / sharePrepared; len(held) >= most {
		return Textf("Requests that wait hold %d load balancers in account %s, a quarter of its quota, which is the most. "+
			"This one opens only after the yes.", len(held), l.Instance.Account), nil
	}
	prompts := filter(held, func(m *Lease) bool { return m.State == Requested && m.Owner == l.Owner })
	if l.State == Requested && len(prompts) >= mostPrompts {
		return Textf("You have %d prompts that are built ahead, which is the most. This one opens only after the yes.", len(prompts)), nil
	}
	return Text{}, nil
}
