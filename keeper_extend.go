package sshforward

import (
	"context"
	"time"
)

func (cmd ExtendLease) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	if cmd.Duration <= 0 {
		return Reply{}, Errorf(EINVALID, "Say by how long.").try("extend", cmd.Ref, "30m")
	}
	found, err := k.named(ctx, c, cmd.Ref)
	if err != nil {
		return Reply{}, err
	}
	if len(found) > 1 {
		return Reply{Leases: found, Choose: true}, nil
	}
	if _, err := k.checkMayManage(ctx, c, found[0]); err != nil {
		return Reply{}, err
	}
	in, rule, err := k.judgeNow(ctx, found[0])
	if err != nil {
		return Reply{}, err
	}
	if rule.ExtendApprovals > 0 {
		can, wants, err := rule.couldApprove(ctx, k.slack, rule.ExtendApprovals, rule.ExtendNeeds, found[0].Owner, c.User)
		if err == nil && can < wants {
			return Reply{}, Errorf(EFORBIDDEN, "The rule %q wants %d approvals for an extension, and there are %d people who could give one. "+
				"Ask an operator to name more approvers.", rule.Name, wants, can)
		}
	}
	l, err := k.ledger.updateBy(ctx, actor{ActExtend, c}, found[0].ID, func(l *Lease, now time.Time) error {
		l.Instance.Tags = in.Tags
		l.dropApprovals(rule, nil)
		l.applyRule(rule)
		return l.extend(now, c.User, cmd.Duration)
	})
	return k.reply(l, err)
}
