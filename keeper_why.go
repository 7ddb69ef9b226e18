package sshforward

import (
	"cmp"
	"context"
	"time"
)

// Why says which rule decides about an instance for the caller, and what a request
// for it would lack. Whom no rule lets in there learns no more than by asking.
// Errors are those of an open request.
func (k *Keeper) Why(ctx context.Context, c Caller, ref string) (Why, error) {
	w, err := look(ctx, k, c, func() (Why, error) { return k.why(ctx, c, ref) })
	if err != nil && ctx.Err() == nil {
		e := OpenLease{Instance: ref}.target().asked
		e.Instance, e.Name = plain(e.Instance), plain(e.Name)
		k.refuse(ctx, c, ActLook, e, err)
	}
	return w, err
}

func (k *Keeper) why(ctx context.Context, c Caller, ref string) (w Why, err error) {
	if !k.opens.take(c.User, time.Now()) {
		return w, Errorf(EQUOTA, "You have asked %d times within a minute, which is the most. Wait a little.", opensPerMinute)
	}
	l, err := k.asked(ctx, c, OpenLease{Instance: ref})
	if err != nil {
		return w, err
	}
	found, err := k.letIn(ctx, c, ref)
	if err != nil {
		return w, err
	}
	if len(found) > 1 {
		return Why{Several: found}, nil
	}
	l.Instance = found[0]
	rule, err := k.policy.lets(ctx, k.slack, c.User, l.Instance)
	if err != nil {
		return w, notThere(ref, err)
	}
	l.Duration = min(l.Duration, rule.Max)
	l.applyRule(rule)
	w = Why{Instance: l.Instance, Rule: *rule, Tags: rule.ownTags(l.Instance), Sources: l.Sources}
	if rule.Approvals > 0 {
		able, _, err := rule.couldApprove(ctx, k.slack, rule.Approvals, nil, c.User)
		w.Able, w.AbleKnown = able, err == nil
	}
	if rule.Urgent != nil {
		w.Urgent, _ = IsMember(ctx, k.slack, c.User, rule.Urgent.Users) // what cannot be told is no
	}
	for _, check := range []func() error{
		func() error { return k.policy.AdmitShape(l) },
		func() error {
			if rule.Reason {
				return Errorf(EINVALID, "The rule %q wants a reason.", rule.Name)
			}
			return nil
		},
		func() error {
			if l.Instance.Running {
				return nil
			}
			return notRunning(l.Instance)
		},
		func() error { return k.approvable(ctx, l, rule) },
		func() error { return k.roomFor(ctx, l) },
		func() error { return k.roomToWait(ctx, c) },
		func() error {
			if !l.Instance.Running {
				return nil
			}
			place, err := k.cloud.Preflight(ctx, l.Instance, l.Sources)
			w.Missing = append(w.Missing, place.Warnings...)
			return err
		},
	} {
		if err := check(); err != nil {
			w.Missing = append(w.Missing, ErrorMessage(err))
		}
	}
	return w, ctx.Err()
}

// letIn returns the instances of an id or a name that some rule lets the caller
// reach. Errors are those of an open request.
func (k *Keeper) letIn(ctx context.Context, c Caller, ref string) ([]Instance, error) {
	found, err := k.search(ctx, c.User, ref)
	if err != nil {
		return nil, err
	}
	var in []Instance
	var refused error
	for _, i := range found.instances {
		if _, err := k.policy.lets(ctx, k.slack, c.User, i); err != nil {
			refused = cmp.Or(refused, err)
			continue
		}
		in = append(in, i)
	}
	if len(in) == 0 {
		return nil, notThere(ref, refused)
	}
	return in, nil
}
