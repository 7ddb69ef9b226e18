package sshforward

import (
	"context"
	"time"
)

const (
	historyMost  = 20 // leases that are over, in an answer
	overviewMost = 10 // the same, in an overview
	// billMost bounds what a month is summed up from.
	billMost = 10_000
)

// Overview returns all that concerns the caller now.
func (k *Keeper) Overview(ctx context.Context, c Caller) (Overview, error) {
	o, err := look(ctx, k, c, func() (Overview, error) { return k.overview(ctx, c) })
	return o, k.looked(ctx, c, "", err)
}

// History returns the caller's leases that are over, and sums up the month's.
func (k *Keeper) History(ctx context.Context, c Caller) (History, error) {
	h, err := look(ctx, k, c, func() (History, error) { return k.pastOf(ctx, c, historyMost) })
	return h, k.looked(ctx, c, "", err)
}

func (k *Keeper) overview(ctx context.Context, c Caller) (o Overview, err error) {
	if o.History, err = k.pastOf(ctx, c, overviewMost); err != nil {
		return o, err
	}
	all, err := k.Active(ctx)
	if err != nil {
		return o, err
	}
	approver := perRule(func(r *Rule) error { return r.admitApprover(ctx, k.slack, c.User) })
	for _, l := range all {
		if l.Owner == c.User {
			o.Leases = append(o.Leases, l)
			continue
		}
		if rule, err := k.ruleOf(l); err == nil && l.waitsFor(c.User) && approver(rule) {
			o.Waiting = append(o.Waiting, l)
		}
	}
	o.Sources, err = k.sources.Source(ctx, c.User)
	return o, err
}

func (k *Keeper) pastOf(ctx context.Context, c Caller, most int) (History, error) {
	now := time.Now().UTC()
	month := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	past, err := k.history.Past(ctx, c.User, time.Time{}, most)
	if err != nil {
		return History{}, err
	}
	h := History{Past: past, Month: Bill{Since: month}}
	months, err := k.history.Past(ctx, c.User, month, billMost)
	for _, e := range months {
		h.Month.Leases++
		h.Month.Cost += e.Cost
	}
	return h, err
}
