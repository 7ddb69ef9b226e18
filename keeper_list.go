package sshforward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// RefreshInstances looks anew at which instances there are. An account that
// does not answer keeps what was known of it; the errors say which.
func (k *Keeper) RefreshInstances(ctx context.Context) error {
	c := &k.catalog
	c.mu.Lock()
	if c.looking {
		c.mu.Unlock()
		return nil
	}
	c.looking, c.at = true, time.Now()
	c.mu.Unlock()

	var all sync.WaitGroup
	errs := make(chan error, len(k.Accounts))
	for account := range k.Accounts {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, stepTimeout)
			defer cancel()
			found, err := k.list(ctx, account)
			if err != nil {
				errs <- fmt.Errorf("list the instances of account %s: %w", account, err)
				return
			}
			c.mu.Lock()
			defer c.mu.Unlock()
			if c.all == nil {
				c.all = make(map[string][]Instance)
			}
			c.all[account] = found
		})
	}
	all.Wait()
	close(errs)
	c.mu.Lock()
	c.looking = false
	c.mu.Unlock()
	var failed []error
	for err := range errs {
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// list asks the lister. A panic there must not take down what ends leases.
func (k *Keeper) list(ctx context.Context, account string) (found []Instance, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{Code: EINTERNAL, Err: fmt.Errorf("panic: %v\n%s", p, debug.Stack())}
		}
	}()
	return k.Lister.List(ctx, account)
}

// listInstances answers what the caller may open and the query fits, the best
// first. It waits for nobody but, for user groups, the Directory.
func (k *Keeper) listInstances(ctx context.Context, c Caller, query string) (Reply, error) {
	all, old := k.catalog.known()
	if old {
		go func() {
			if err := k.RefreshInstances(k.crew.ctx); err != nil && k.crew.ctx.Err() == nil {
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
	return Reply{Instances: all[:min(len(all), offered)]}, nil
}

// admitted returns whether a rule lets the user ask for an instance.
func (k *Keeper) admitted(ctx context.Context, user string) func(Instance) bool {
	among := k.among(ctx, user, func(r *Rule) []string { return r.Users })
	return func(in Instance) bool {
		rule, ok := k.Policy.Match(in)
		return ok && (len(rule.Users) == 0 || among(rule))
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
