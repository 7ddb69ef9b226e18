package sshforward

import (
	"context"
	"net/netip"
	"time"
)

// do has an open lease let its owner in from another address. Policy judges it as
// if it were asked for from there; nobody has to approve it, and those who have
// said yes are told.
func (cmd ChangeSource) do(ctx context.Context, k *Keeper, c Caller) (Reply, error) {
	if !cmd.To.IsValid() {
		return Reply{}, noSource()
	}
	if !cmd.To.IsSingleIP() {
		e := Errorf(EINVALID, "%s is more than a single address.", cmd.To).about(FieldSource)
		e.Try = Suggestion{Command: ChangeSource{Ref: cmd.Ref, To: netip.PrefixFrom(cmd.To.Addr(), cmd.To.Addr().BitLen())}}
		return Reply{}, e
	}
	found, err := k.named(ctx, c, cmd.Ref)
	if err != nil {
		return Reply{}, err
	}
	if len(found) > 1 {
		return Reply{Leases: found, Choose: true}, nil
	}
	seen := found[0]
	if seen.Owner != c.User {
		return Reply{}, Errorf(EFORBIDDEN, "Only the person whose access it is may change from where.")
	}
	if seen.State != Open {
		return Reply{}, seen.stateConflict()
	}
	if !k.opens.take(c.User, time.Now()) {
		return Reply{}, Errorf(EQUOTA, "You have asked %d times within a minute, which is the most. Wait a little.", opensPerMinute)
	}
	wish := seen.Clone()
	wish.Sources = []netip.Prefix{cmd.To}
	in, rule, err := k.judgeNow(ctx, wish)
	if err != nil {
		return Reply{}, err
	}
	l, err := k.ledger.updateBy(ctx, actor{ActFrom, c}, seen.ID, func(l *Lease, now time.Time) error {
		if err := l.changeSource(now, c.User, cmd.To, seen); err != nil {
			return err
		}
		l.Instance.Tags = in.Tags
		l.dropApprovals(rule, nil)
		l.applyRule(rule)
		return nil
	})
	return k.reply(l, err)
}
