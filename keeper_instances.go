package sshforward

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/sshforward/sshforward/internal/safe"
)

// RefreshInstances lists anew which instances there are. An account that does
// not answer keeps what was known of it; the errors say which.
func (k *Keeper) RefreshInstances(ctx context.Context) error {
	if !k.instances.begin() {
		return nil
	}
	defer k.instances.finish()
	return k.eachAccount(ctx, stepTimeout, "list the instances of account %s", func(ctx context.Context, account string) error {
		found, err := k.cloud.List(ctx, account)
		if err == nil {
			k.instances.set(account, found)
		}
		return err
	})
}

// offered is how many instances a form is offered at once; Slack takes 100
// options, and nobody reads more than a page.
const offered = 30

// Instances returns what the caller may open and the query fits, the best first,
// for a form to choose from. It is answered from memory and waits for nobody
// but the Directory; whom that does not tell about is offered nothing.
func (k *Keeper) Instances(ctx context.Context, c Caller, query string) []Instance {
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
	may := k.admitted(ctx, c.User)
	words := strings.Fields(strings.ToLower(query))
	all = slices.DeleteFunc(all, func(in Instance) bool { return !fits(in, words) || !may(in) })
	slices.SortFunc(all, func(a, b Instance) int {
		return cmp.Or(rank(a, words)-rank(b, words), strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)),
			strings.Compare(a.ID, b.ID))
	})
	return all[:min(len(all), offered)]
}

// admitted returns whether a rule lets the user ask for an instance.
func (k *Keeper) admitted(ctx context.Context, user string) func(Instance) bool {
	admits := perRule(func(r *Rule) error { return r.admitUser(ctx, k.slack, user) })
	return func(in Instance) bool {
		rule, ok := k.policy.Match(in)
		return ok && admits(rule)
	}
}

// fits reports whether each of the words is somewhere in what the form shows
// of an instance.
func fits(in Instance, words []string) bool {
	shown := strings.ToLower(strings.Join([]string{in.Name, in.ID, in.Zone, in.Account}, "\n"))
	for _, w := range words {
		if !strings.Contains(shown, w) {
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
