package sshforward

import (
	"cmp"
	"context"
	"errors"
)

// searched is what there is by an id or a Name tag for somebody.
type searched struct {
	instances []Instance
	like      bool // only their names are like what was typed
}

// search returns the instances of an id or a Name tag that a rule lets somebody
// reach, at least one. For all others, those that are not there among them, there
// is one error, after the same time and whatever else is the matter: what is looked
// at to find out that there is none is looked at as well for what is not shown.
func (k *Keeper) search(ctx context.Context, user, ref string) (searched, error) {
	shown := func(in Instance) bool {
		_, err := k.policy.lets(ctx, k.slack, user, in)
		_, unsaid := errors.AsType[hidden](err)
		return !unsaid && ErrorCode(err) != EUNAVAILABLE
	}
	found, err := k.cloud.Find(ctx, ref, shown)
	seen, all := filter(found, shown), found
	if meant := InstanceRef(ref); len(seen) == 0 && (err == nil || ErrorCode(err) == ENOTFOUND) && meant != ref && meant != "" {
		// A name in quotes is looked for as it is typed first.
		found, err = k.cloud.Find(ctx, meant, shown)
		seen, all = filter(found, shown), append(all, found...)
	}
	if len(seen) > 0 {
		if err != nil {
			k.log.Warn("an account could not be searched", "user", user, "err", err)
		}
		return searched{instances: seen}, nil
	}
	if err == nil || ErrorCode(err) == ENOTFOUND {
		if like := k.namedLike(ctx, user, ref); len(like) > 0 {
			return searched{instances: like, like: true}, nil
		}
		none := hidden{&Error{Code: ENOTFOUND, Message: ErrorMessage(err), Err: err}}
		err = cmp.Or(k.undecided(ctx, user), notThere(ref, none))
	}
	return searched{}, k.withheld(ctx, user, err, all)
}

// withheld is the error for somebody who is shown nothing of what was found: the one
// that there is if nothing was found, and why they are not for the record.
func (k *Keeper) withheld(ctx context.Context, user string, err error, found []Instance) error {
	for _, in := range found {
		if _, why := k.policy.lets(ctx, k.slack, user, in); why != nil {
			e := &Error{Code: ErrorCode(err), Message: ErrorMessage(err), RetryAfter: retryAfter(err), Err: errors.Join(why, err)}
			if says, ok := errors.AsType[*Error](err); ok {
				e.Field = says.Field
			}
			return e
		}
	}
	return err
}

// undecided returns the error of the first rule of which it cannot be told just now
// whether it lets somebody in; nil if there is none.
func (k *Keeper) undecided(ctx context.Context, user string) error {
	for i := range k.policy.Rules {
		if err := k.policy.Rules[i].admitUser(ctx, k.slack, user); ErrorCode(err) == EUNAVAILABLE {
			return err
		}
	}
	return nil
}

// namedLike are the instances that somebody may ask for, and whose name differs
// from what was typed only in case and blanks.
func (k *Keeper) namedLike(ctx context.Context, user, ref string) []Instance {
	admits := k.admits(ctx, user)
	all, _ := k.instances.all()
	var like []Instance
	for account, offers := range all {
		for _, o := range offers {
			if o.name() != "" && looksLike(o.name(), ref) && admits(o.rule) {
				like = append(like, o.instance(account))
			}
		}
	}
	return like
}

// notThere is the one answer for what does not exist and for what no rule lets
// the caller reach, so that names and ids cannot be probed. It carries the
// reason for the log and the audit record. Other errors stay as they are.
func notThere(ref string, err error) error {
	why, ok := errors.AsType[hidden](err)
	if !ok {
		return err
	}
	return (&Error{Code: ENOTFOUND, Err: why, Message: Textf("There is no instance %q that you may open. "+
		"If it should be there, ask an operator for a rule that lets you in.", ref)}).about(FieldInstance)
}
