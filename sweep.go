package sshforward

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"
)

const (
	// surveyTimeout bounds one look at one account.
	surveyTimeout = 2 * time.Minute
	// stoppedFor is how long an instance is stopped before its lease is
	// closed: a reboot or a resize is no reason.
	stoppedFor = time.Minute
)

// sweeper remembers, from one look to the next, since when something has been
// so. It is lost in a crash, which only makes the next sweep more patient.
type sweeper struct {
	mu    sync.Mutex
	since map[string]time.Time // what was seen -> since when
}

// Sweep looks at every account, at all of them at the same time, and puts
// right what is not as the store says: it rebuilds what a lost store has
// forgotten, tears down what no live lease owns, and mends or closes open
// leases that have drifted. An account that cannot be looked at is left alone
// and does not hold up the others.
func (k *Keeper) Sweep(ctx context.Context) error {
	var (
		wg   sync.WaitGroup
		mu   sync.Mutex
		errs []error
	)
	for account := range k.Accounts {
		wg.Go(func() {
			ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
			defer cancel()
			if err := k.sweepAccount(ctx, account); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("sweep account %s: %w", account, err))
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (k *Keeper) sweepAccount(ctx context.Context, account string) error {
	rebuilt, err := k.AccountsSeen.Rebuilt(ctx, account)
	if err != nil {
		return err
	}
	open, err := k.liveIn(ctx, account)
	if err != nil {
		return err
	}
	var instances []string
	for _, l := range open {
		instances = append(instances, l.Instance.ID)
	}
	// The cloud first and the store second: whatever was made since is in the
	// store by then, so nothing new is taken for an orphan.
	survey, err := k.Surveyor.Survey(ctx, account, instances)
	if err != nil {
		return err
	}
	live, err := k.liveIn(ctx, account)
	if err != nil {
		return err
	}
	var errs []error
	found := make(map[string]*Found)
	for i := range survey.Found {
		f := &survey.Found[i]
		found[f.Lease.ID] = f
		if live[f.Lease.ID] == nil {
			errs = append(errs, k.claim(ctx, f, survey, rebuilt))
		}
	}
	for id, l := range live {
		k.sweeper.end("orphan " + id)
		// What was opened or extended after the look began is not in it.
		if l.State == Open && open[id] != nil && open[id].State == Open {
			errs = append(errs, k.drift(ctx, l, found[id], survey))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	if !rebuilt {
		return k.AccountsSeen.SetRebuilt(ctx, account)
	}
	return nil
}

// liveIn returns the leases of an account that may have something in AWS.
func (k *Keeper) liveIn(ctx context.Context, account string) (map[string]*Lease, error) {
	all, err := k.active(ctx, func(l *Lease) bool { return l.Instance.Account == account })
	if err != nil {
		return nil, err
	}
	out := make(map[string]*Lease)
	for _, l := range all {
		out[l.ID] = l
	}
	return out, nil
}

// claim decides about something that no live lease owns. If the account was
// never looked at with this store, the store may be a new one: what still has
// time to run is taken over. Otherwise it is an orphan, and torn down once it
// has been one for a while.
func (k *Keeper) claim(ctx context.Context, f *Found, s Survey, rebuilt bool) error {
	stored, err := k.load(ctx, f.Lease.ID)
	if err != nil && ErrorCode(err) != ENOTFOUND {
		return err
	}
	if stored == nil && !rebuilt {
		return k.adopt(ctx, f, s)
	}
	if !k.sweeper.lasts("orphan "+f.Lease.ID, s.At, k.Timing.Sweep) {
		return nil
	}
	k.log.Warn("tearing down what no live lease owns", "lease", f.Lease.ID, "user", f.Lease.Owner, "instance", f.Lease.Instance.ID)
	if k.OnOrphan != nil {
		k.OnOrphan()
	}
	if stored == nil {
		l := k.revive(f, s)
		l.Why = "It was found in AWS without a record of mine."
		return k.create(ctx, l, Lost)
	}
	_, err = k.update(ctx, stored.ID, func(l *Lease, now time.Time) error {
		if l.State != Closed {
			return errMoved
		}
		l.State, l.Resources = Closing, f.Lease.Resources
		l.NextTryAt, l.KeepUntil, l.ClosedAt = now, time.Time{}, time.Time{}
		if f.Balancer {
			l.AccessEndedAt = time.Time{} // it had not ended after all
		}
		return nil
	})
	k.wake(stored.ID)
	return unlessMoved(err)
}

// adopt takes over a lease that the store does not know. What is whole and has
// time left goes on; the rest is closed.
func (k *Keeper) adopt(ctx context.Context, f *Found, s Survey) error {
	l := k.revive(f, s)
	now := time.Now()
	whole := l.State == Open && f.Balancer && f.Registered && f.Group && !due(l.ExpiresAt, now)
	k.log.Warn("rebuilding a lease from its tags", "lease", l.ID, "user", l.Owner, "instance", l.Instance.ID, "whole", whole, "expires", l.ExpiresAt)
	if !whole {
		l.Why = "My records were lost before it was open, or after its time."
		return k.create(ctx, l, Lost)
	}
	l.owe(NoticeRebuilt, now)
	return k.create(ctx, l, "")
}

// revive fills in what the tags do not say.
func (k *Keeper) revive(f *Found, s Survey) *Lease {
	l := f.Lease.Clone()
	now := time.Now()
	account := k.Accounts[l.Instance.Account]
	if in, ok := s.Instances[l.Instance.ID]; ok {
		l.Instance = in
	}
	if l.ListenerPort == 0 {
		l.ListenerPort = max(account.ListenerPort, 22)
	}
	if l.SSHUser == "" {
		l.SSHUser = sshUser(l.Instance, account)
	}
	l.Rule = "rebuilt from tags"
	l.RequestedAt, l.ConfirmBy, l.ConfirmedAt, l.NextTryAt = now, now, now, now
	l.Reminders = k.Timing.Reminders
	if l.State == Open {
		l.RequestedAt = l.OpenedAt
		l.Max = max(l.Max, l.ExpiresAt.Sub(l.OpenedAt))
	}
	return l
}

// create writes a lease that was found, closing it if there is a reason to.
func (k *Keeper) create(ctx context.Context, l *Lease, reason Reason) error {
	now := time.Now()
	if reason != "" {
		l.State, l.Stage, l.Reason, l.ClosingAt, l.NextTryAt = Closing, "", reason, now, now
	}
	l.DueAt = l.nextDue(now)
	err := k.Store.Put(ctx, l)
	if err != nil && ErrorCode(err) != ECONFLICT {
		return err
	}
	k.wake(l.ID)
	return nil
}

// drift compares an open lease with what there is.
func (k *Keeper) drift(ctx context.Context, l *Lease, f *Found, s Survey) error {
	in, there := s.Instances[l.Instance.ID]
	switch {
	case !there || in.State == "terminated" || in.State == "shutting-down":
		return k.lose(ctx, l, fmt.Sprintf("The instance %s was terminated.", l.Instance.ID))
	case f == nil || !f.Balancer:
		return k.lose(ctx, l, "Its load balancer was deleted by somebody else.")
	case !f.Group:
		return k.lose(ctx, l, "Its security group was deleted by somebody else.")
	}
	if !in.Running {
		if k.sweeper.lasts("stopped "+l.ID, s.At, stoppedFor) {
			return k.lose(ctx, l, fmt.Sprintf("The instance %s is %s.", l.Instance.ID, in.State))
		}
		return nil
	}
	k.sweeper.end("stopped " + l.ID)
	missing := !f.Rule || !f.Registered || !covers(f.Ingress, l.Sources)
	if !missing && !f.Widened {
		return nil
	}
	if l.Missing || l.Widened {
		return nil // it is being mended
	}
	if missing && l.Mended {
		return k.lose(ctx, l, "Its rules were removed again after I had put them back.")
	}
	k.log.Warn("an open lease has drifted", "lease", l.ID, "missing", missing, "widened", f.Widened)
	_, err := k.update(ctx, l.ID, func(l *Lease, now time.Time) error {
		if l.State != Open {
			return errMoved
		}
		l.drifted(now, missing, f.Widened)
		return nil
	})
	k.wake(l.ID)
	return unlessMoved(err)
}

// lose closes a lease whose instance or load balancer went away.
func (k *Keeper) lose(ctx context.Context, l *Lease, why string) error {
	_, err := k.update(ctx, l.ID, func(l *Lease, now time.Time) error {
		if l.State != Open {
			return errMoved
		}
		return l.end(now, InstanceGone, "", why, k.Timing)
	})
	k.wake(l.ID)
	return unlessMoved(err)
}

// covers reports whether every wanted source is let in.
func covers(have, want []netip.Prefix) bool {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}

// lasts notes that something is so, and reports whether it has been for as
// long as patience.
func (s *sweeper) lasts(what string, now time.Time, patience time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since == nil {
		s.since = make(map[string]time.Time)
	}
	// What was not seen for a day is not so any more.
	maps.DeleteFunc(s.since, func(_ string, t time.Time) bool { return now.Sub(t) > 24*time.Hour })
	since, ok := s.since[what]
	if !ok {
		s.since[what] = now
		return patience <= 0
	}
	return now.Sub(since) >= patience
}

// end notes that it is not so any more.
func (s *sweeper) end(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.since, what)
}
