package sshforward

import (
	"context"
	"strings"
	"time"
)

const (
	// elsewhereNamed is how many leases one alarm about another bot names.
	elsewhereNamed = 20
	// elsewhereTimeout bounds what a sweep waits for Slack to take it.
	elsewhereTimeout = 15 * time.Second
)

// elsewhere says that another bot with this deployment's name and key is at work in
// an account: how many leases it has in a metric, and each of them once in the log,
// in the operators' channel and in the audit record. What Slack does not take is
// said again by the next sweep; what it took is in the record, so that a restart does
// not say it once more.
func (k *Keeper) elsewhere(ctx context.Context, account string, found []*Found, r round) {
	if k.onElsewhere != nil && !r.Hides(PartBalancers, PartGroups) {
		k.onElsewhere(account, len(found))
	}
	var fresh []*Found
	for _, f := range found {
		l := f.Lease
		if r.first("elsewhere " + l.ID) {
			k.log.Error("another bot of this deployment, with a store of its own, has a lease here; left alone until its end",
				"lease", l.ID, "account", account, "expires", l.ExpiresAt)
		}
		told := "told elsewhere " + l.ID
		if _, ok := r.before[told]; ok || k.toldElsewhere(ctx, l, r.At) {
			r.first(told)
			continue
		}
		fresh = append(fresh, f)
	}
	if len(fresh) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, elsewhereTimeout)
	defer cancel()
	if err := k.slack.Announce(ctx, elsewhereText(account, fresh)); err != nil {
		k.log.Error("that another bot of this deployment is at work here is not heard: Slack does not take it", "account", account, "err", err)
		if k.onUnheard != nil {
			k.onUnheard()
		}
		return
	}
	for _, f := range fresh {
		r.first("told elsewhere " + f.Lease.ID)
		e := eventOf(f.Lease, k.ledger.prices)
		e.At, e.Act = time.Now().UTC(), ActElsewhere
		k.ledger.record(ctx, e)
	}
}

// toldElsewhere reports whether the record of the time in which a lease may have been
// there has that it was told.
func (k *Keeper) toldElsewhere(ctx context.Context, l *Lease, now time.Time) bool {
	since := l.OpenedAt
	if since.IsZero() {
		since = now
	}
	// What is being opened or built ahead is told of before the clock starts.
	for e, err := range k.history.Events(ctx, since.Add(-24*time.Hour)) {
		if err != nil {
			return false // twice is better than not at all
		}
		if e.Act == ActElsewhere && e.Lease == l.ID {
			return true
		}
	}
	return false
}

func elsewhereText(account string, found []*Found) Text {
	var ids []string
	for _, f := range found[:min(len(found), elsewhereNamed)] {
		ids = append(ids, f.Lease.ID)
	}
	if len(found) > elsewhereNamed {
		ids = append(ids, "…")
	}
	return Textf(":rotating_light: Another bot of this deployment, with a store of its own, has leases in account %s: %s. "+
		"I leave each of them alone until its end has passed. Stop one of the two bots, or give it a deployment name of its own.",
		account, strings.Join(ids, ", "))
}
