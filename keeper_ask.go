package sshforward

import (
	"context"
	"slices"
	"time"
)

// askDirectly finds out who is asked directly, and has each owed a notice of
// their own. Whom Slack does not tell about is asked later; a mention where the
// card is does not wait for that.
func (k *Keeper) askDirectly(ctx context.Context, l *Lease, n Notice) error {
	var (
		who  []string
		lack error
	)
	if k.askBy != AskChannel || l.CardHidden() {
		who, lack = k.whomToAsk(ctx, l)
	}
	if cutShort(ctx, lack) {
		return nil
	}
	if lack != nil {
		k.log.Warn("who is to be asked to decide is not known", "lease", l.ID, "err", lack)
	}
	alone := k.askBy == AskDirect || l.CardHidden()
	found := asked{who: who, alone: alone, more: lack != nil}
	_, err := k.ledger.mustUpdate(ctx, l.ID, func(l *Lease, now time.Time) error { return l.askEach(now, n, found) })
	return unlessMoved(err)
}

// whomToAsk lists who is asked to decide: who is named before the members of
// groups, MaxAsked at most, nobody who could not say yes. The error says that
// there may be more.
func (k *Keeper) whomToAsk(ctx context.Context, l *Lease) (who []string, lack error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	guests := false
	if rule, ok := k.policy.Match(l.Instance); ok {
		guests = rule.Guests
	}
	ids := slices.Clone(l.Asks())
	slices.SortStableFunc(ids, func(a, b string) int { return btoi(IsGroup(a)) - btoi(IsGroup(b)) })
	more := 0
	for _, id := range ids {
		users, err := approversBut(ctx, k.slack, []string{id}, l.Owner)
		if err != nil {
			lack = err
			continue
		}
		for _, user := range users {
			if slices.Contains(who, user) || !l.waitsFor(user) {
				continue
			}
			if may, err := IsMember(ctx, k.slack, user, l.Approvers); err != nil {
				lack = err
			} else if !may {
				continue // asked by notify, and could not say yes
			}
			if len(who) == MaxAsked {
				more++
				continue
			}
			switch p, err := k.slack.Person(ctx, user); {
			case err != nil:
				lack = err
			case p.checkServed() == nil && (guests || !p.Guest):
				who = append(who, user)
			}
		}
	}
	if more > 0 {
		k.log.Warn("not all who may decide are asked directly; name fewer with notify", "lease", l.ID, "asked", MaxAsked, "others", more)
	}
	return who, lack
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
