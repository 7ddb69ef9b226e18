package sshforward

import (
	"context"
	"time"
)

const (
	historyMost = 20 // leases that are over, in an answer
	homeMost    = 10 // the same, on the home page
	// billMost bounds what a month is summed up from.
	billMost = 10_000
)

// home collects all that concerns the caller now.
func (k *Keeper) home(ctx context.Context, c Caller) (Reply, error) {
	r, err := k.history(ctx, c, homeMost)
	if err != nil {
		return Reply{}, err
	}
	all, err := k.ledger.active(ctx, func(*Lease) bool { return true })
	if err != nil {
		return Reply{}, err
	}
	approver := k.among(ctx, c.User, func(r *Rule) []string { return r.Approvers })
	for _, l := range all {
		if l.Owner == c.User {
			r.Leases = append(r.Leases, l)
			continue
		}
		if rule, err := k.ruleOf(l); err == nil && l.waitsFor(c.User) && approver(rule) {
			r.Waiting = append(r.Waiting, l)
		}
	}
	r.Sources, err = k.sources.Source(ctx, c.User)
	return r, err
}

// history collects the caller's leases that are over, and sums up the month's.
func (k *Keeper) history(ctx context.Context, c Caller, most int) (Reply, error) {
	now := time.Now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	past, err := k.past.Past(ctx, c.User, time.Time{}, most)
	if err != nil {
		return Reply{}, err
	}
	r := Reply{Past: past, Month: Bill{Since: month}}
	months, err := k.past.Past(ctx, c.User, month, billMost)
	for _, e := range months {
		r.Month.Leases++
		r.Month.Cost += e.Cost
	}
	return r, err
}
