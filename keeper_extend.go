package sshforward

import (
	"context"
	"time"
)

func (cmd ExtendLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	if cmd.Duration <= 0 {
		return Reply{}, Errorf(EINVALID, "Say by how long.").try("extend", cmd.Ref, "30m")
	}
	found, err := k.resolve(ctx, c, cmd.Ref)
	if err != nil {
		return Reply{}, err
	}
	if len(found) > 1 {
		return Reply{Leases: found, Choose: true}, nil
	}
	if _, err := k.checkMayManage(ctx, c, found[0]); err != nil {
		return Reply{}, err
	}
	rule, err := k.checkStillAdmitted(ctx, found[0])
	if err != nil {
		return Reply{}, err
	}
	l, err := k.ledger.updateBy(ctx, actor{ActExtend, c}, found[0].ID, func(l *Lease, now time.Time) error {
		l.applyRule(rule)
		return l.extend(now, c.User, cmd.Duration)
	})
	return k.reply(l, err)
}

// checkStillAdmitted refuses more time to a requester whom policy would not let
// in any more, whoever asks for it. EFORBIDDEN, or EUNAVAILABLE if a user group cannot be resolved.
func (k *Keeper) checkStillAdmitted(ctx context.Context, l *Lease) (*Rule, error) {
	rule, err := k.ruleOf(l)
	if err != nil {
		return nil, err
	}
	err = rule.admitUser(ctx, k.slack, l.Owner)
	if ErrorCode(err) == EFORBIDDEN {
		err = &Error{Code: EFORBIDDEN, Err: err, Message: Textf(
			"The rule %q decides about %s, and the requester is not among the people it lets in any more.", rule.Name, l.Instance.ID)}
	}
	return rule, err
}
