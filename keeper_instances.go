package sshforward

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

// listedAtOnce is how many accounts are listed at one time: a large one takes
// megabytes while it is read.
const listedAtOnce = 4

// RefreshInstances lists anew which instances there are. An account that does
// not answer keeps what was known of it; the errors say which.
func (k *Keeper) RefreshInstances(ctx context.Context) error {
	if !k.instances.begin() {
		return nil
	}
	defer k.instances.finish()
	room := make(chan struct{}, listedAtOnce)
	rounds := time.Duration(len(k.accounts)/listedAtOnce + 1)
	return k.eachAccount(ctx, rounds*stepTimeout, "list the instances of account %s", func(ctx context.Context, account string) error {
		select {
		case room <- struct{}{}:
			defer func() { <-room }()
		case <-ctx.Done():
			return ctx.Err()
		}
		ctx, cancel := context.WithTimeout(ctx, stepTimeout)
		defer cancel()
		found, err := k.cloud.List(ctx, account)
		if err == nil {
			k.instances.set(account, k.offers(found))
		}
		return err
	})
}

// offers are the instances that a rule decides about.
func (k *Keeper) offers(found []Instance) []offer {
	out := make([]offer, 0, len(found))
	shared := make(map[common]*common)
	for _, in := range found {
		if rule, ok := k.policy.Match(in); ok {
			c := common{in.Region, in.Zone, rule}
			if shared[c] == nil {
				one := c
				shared[c] = &one
			}
			out = append(out, offer{in.ID + in.Name, len(in.ID), shared[c]})
		}
	}
	return slices.Clip(out)
}

// offered is how many instances a form is offered at once; Slack takes 100
// options, and nobody reads more than a page.
const offered = 30

// Instances returns what the caller may open and the query fits, the best first,
// for a form to choose from. It is answered from memory and waits for nobody
// but the Directory; whom that does not tell about is offered nothing.
func (k *Keeper) Instances(ctx context.Context, c Caller, query string) []Offer {
	if checkServed(ctx, k.slack, c.User) != nil {
		return nil
	}
	all, old := k.instances.all()
	if old {
		go func() {
			defer safe.Catch(k.workers.panicked)
			if err := k.RefreshInstances(k.workers.ctx); err != nil && k.workers.ctx.Err() == nil {
				k.log.Warn("the list of instances is not up to date", "err", err)
			}
		}()
	}
	admits := k.admits(ctx, c.User)
	words := strings.Fields(strings.ToLower(Typed(query)))
	order := func(a, b Offer) int {
		return cmp.Or(rank(a.Instance, words)-rank(b.Instance, words), strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)),
			strings.Compare(a.ID, b.ID))
	}
	var best []Offer
	for account, offers := range all {
		for _, o := range offers {
			offer := Offer{Instance: o.instance(account), Rule: o.rule.Name, Approvals: o.rule.Approvals}
			if !fits(offer.Instance, words) || !admits(o.rule) {
				continue
			}
			if at, _ := slices.BinarySearchFunc(best, offer, order); at < offered {
				best = slices.Insert(best, at, offer)
				best = best[:min(len(best), offered)]
			}
		}
	}
	return best
}

// admits returns whether a rule lets the user ask for what it decides about.
func (k *Keeper) admits(ctx context.Context, user string) func(*Rule) bool {
	return perRule(func(r *Rule) error { return r.admitUser(ctx, k.slack, user) })
}

// fits reports whether each of the words is somewhere in what the form shows
// of an instance.
func fits(in Instance, words []string) bool {
	for _, w := range words {
		if !slices.ContainsFunc([]string{in.Name, in.ID, in.Zone, in.Account}, func(s string) bool {
			return strings.Contains(strings.ToLower(s), w)
		}) {
			return false
		}
	}
	return true
}

// rank puts names and ids that begin with the first word before the others.
func rank(in Instance, words []string) int {
	switch {
	case len(words) == 0:
		return 0
	case strings.HasPrefix(strings.ToLower(in.Name), words[0]):
		return 0
	case strings.HasPrefix(in.ID, words[0]):
		return 1
	}
	return 2
}
