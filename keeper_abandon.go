package sshforward

import (
	"context"
	"strings"
	"time"
)

const (
	// remainsWithin is how long the look at what would be given up may take.
	remainsWithin = 10 * time.Second
	// remainsAgainWithin is the same for the yes to that, which Slack waits for.
	remainsAgainWithin = 1500 * time.Millisecond
)

// do gives up a lease that is closing and gets nowhere, for an admin who was told
// what that means. All of it is looked at anew with the yes.
func (cmd AbandonLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	switch admin, err := IsMember(ctx, k.slack, c.User, k.policy.Admins); {
	case err != nil:
		return Reply{}, err
	case !admin:
		return Reply{}, Errorf(EFORBIDDEN, "Only an admin may give up a lease. Who opened it may close it.")
	}
	within := remainsWithin
	if cmd.Sure {
		within = remainsAgainWithin
	}
	l, remains, err := k.remains(ctx, cmd.ID, cmd.Because, within)
	if err != nil || !cmd.Sure {
		return Reply{Lease: l, Remains: &remains}, err
	}
	l, err = k.abandon(ctx, actor{ActAbandon, c}, l.ID, cmd.Because, l.Unproved(remains))
	return k.reply(l, err)
}

// Abandon gives up a lease for whoever has the store, while no bot uses it. It
// returns what was known of it.
func (k *Keeper) Abandon(ctx context.Context, id, because string) (*Lease, error) {
	l, remains, err := k.remains(ctx, id, because, remainsWithin)
	if err != nil {
		return nil, err
	}
	return k.abandon(ctx, actor{act: ActAbandon}, l.ID, because, l.Unproved(remains))
}

func (k *Keeper) abandon(ctx context.Context, by actor, id, because string, unseen Text) (*Lease, error) {
	return k.ledger.updateBy(ctx, by, id, func(l *Lease, now time.Time) error {
		if err := l.abandonable(k.configured(l)); err != nil {
			return err
		}
		l.abandon(now, by.User, because, unseen, k.timing)
		return nil
	})
}

// remains looks at what would be given up, once it is clear that it may be.
func (k *Keeper) remains(ctx context.Context, id, because string, within time.Duration) (*Lease, Remains, error) {
	l, err := k.lease(ctx, id)
	if err != nil {
		return nil, Remains{}, err
	}
	if err := l.abandonable(k.configured(l)); err != nil {
		return nil, Remains{}, err
	}
	if strings.TrimSpace(because) == "" {
		return nil, Remains{}, Errorf(EINVALID, "Say why you give it up; it is recorded.").try("abandon", l.ID, "because …").about(FieldReason)
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	survey, err := k.cloud.Survey(ctx, l.Instance.Account, []*Lease{l})
	if err != nil {
		k.log.Warn("the account of a lease that is to be given up cannot be looked at", "lease", l.ID, "err", err)
		why := ErrorMessage(err)
		if ctx.Err() != nil {
			why = Textf("AWS did not answer in time.")
		}
		return l, Remains{Blind: why}, nil
	}
	var r Remains
	if r.Partly = survey.Hides(PartBalancers, PartGroups, PartRules); r.Partly {
		k.log.Warn("not all of the account of a lease that is to be given up can be looked at", "lease", l.ID, "err", survey.Err())
		r.Blind = ErrorMessage(survey.Err())
	}
	for i := range survey.Found {
		if survey.Found[i].Lease.ID == l.ID {
			r.Found = &survey.Found[i]
		}
	}
	return l, r, nil
}

// Unconfigured returns the leases with something in AWS in accounts that are not
// in the configuration: nothing of them can be ended or looked at.
func (k *Keeper) Unconfigured(ctx context.Context) ([]*Lease, error) {
	return k.ledger.active(ctx, func(l *Lease) bool {
		begun := !l.Waiting() || l.mayHaveSomething() // built ahead, while a yes is missing
		return begun && !k.configured(l)
	})
}
