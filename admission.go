package sshforward

import (
	"context"
	"slices"
	"time"
)

// Admission is judged when somebody asks, and anew at the last yes, at an
// extension and, for what is open, at every sweep: by the instance's tags, the
// configuration and the people as they are then.

// checkServed refuses whom the bot does nothing for, whatever policy says.
// EFORBIDDEN, or EUNAVAILABLE if Slack does not tell right now who it is.
func checkServed(ctx context.Context, dir Directory, user string) error {
	p, err := dir.Person(ctx, user)
	if err != nil {
		return cannotTell(err)
	}
	return p.checkServed()
}

// stillAdmits decides whether policy would let in now what it has let in, by
// l.Instance as it is now, and returns the rule that decides. The reason, the
// number of leases and the time are not judged. EFORBIDDEN or EINVALID if it
// would not; EUNAVAILABLE if that cannot be told right now, which is neither
// yes nor no for what is open.
func (p *Policy) stillAdmits(ctx context.Context, dir Directory, l *Lease) (*Rule, error) {
	rule, err := p.stillAllows(ctx, dir, l)
	if err != nil {
		return rule, err
	}
	// Who said yes under the rule was asked what the rule asks; who said yes
	// under another one has to be an approver of this one too.
	if l.Urgent || rule.Approvals == 0 || rule.Name == l.Rule {
		return rule, nil
	}
	ok, err := rule.approvedBy(ctx, dir, l.Approved)
	if err != nil {
		return rule, err
	}
	if !ok {
		return rule, Errorf(EFORBIDDEN, "The rule %q decides now, and it wants the approval of %d of its approvers.", rule.Name, rule.Approvals)
	}
	return rule, nil
}

// stillAllows is stillAdmits without asking whether approvers have said yes.
func (p *Policy) stillAllows(ctx context.Context, dir Directory, l *Lease) (*Rule, error) {
	if err := p.AdmitShape(l); err != nil {
		return nil, err
	}
	rule, ok := p.Match(l.Instance)
	if !ok {
		return nil, Errorf(EFORBIDDEN, "No rule of the policy allows access to %s any more.", l.Instance.ID)
	}
	if err := rule.checkPerson(ctx, dir, l.Owner); err != nil {
		return rule, err
	}
	if len(rule.Users) > 0 {
		ok, err := IsMember(ctx, dir, l.Owner, rule.Users)
		if err == nil && !ok {
			err = Errorf(EFORBIDDEN, "The rule %q decides about %s, and the requester is not among the people it lets in any more.",
				rule.Name, l.Instance.ID)
		}
		if err != nil {
			return rule, err
		}
	}
	if l.Urgent && rule.Approvals > 0 {
		ok := rule.Urgent != nil
		var err error
		if ok {
			ok, err = IsMember(ctx, dir, l.Owner, rule.Urgent.Users)
		}
		if err == nil && !ok {
			err = Errorf(EFORBIDDEN, "The rule %q does not let the requester past its approvers any more.", rule.Name)
		}
		return rule, err
	}
	return rule, nil
}

// notApprovers returns those who said yes and may not say it for the rule now.
// EUNAVAILABLE if that cannot be told.
func (r *Rule) notApprovers(ctx context.Context, dir Directory, said []Approval) (bad []string, err error) {
	for _, a := range said {
		switch err := r.admitApprover(ctx, dir, a.User); ErrorCode(err) {
		case "":
		case EFORBIDDEN:
			bad = append(bad, a.User)
		default:
			return nil, err
		}
	}
	return bad, nil
}

// approvedBy reports whether those who said yes and may still say it are all that
// the rule wants now. EUNAVAILABLE if that cannot be told.
func (r *Rule) approvedBy(ctx context.Context, dir Directory, said []Approval) (bool, error) {
	bad, err := r.notApprovers(ctx, dir, said)
	if err != nil {
		return false, err
	}
	good := slices.DeleteFunc(slices.Clone(said), func(a Approval) bool { return slices.Contains(bad, a.User) })
	from, err := r.answers(ctx, dir, usersOf(good))
	if err != nil {
		return false, err
	}
	for i := range good {
		good[i].From = from[good[i].User]
	}
	return enough(good, r.Approvals, r.Needs), nil
}

// answers returns which of the rule's needs each of some people could answer, by
// where the need wants its approvals from. EUNAVAILABLE if that cannot be told.
func (r *Rule) answers(ctx context.Context, dir Directory, users []string) (map[string][]string, error) {
	out := make(map[string][]string)
	for _, need := range slices.Concat(r.Needs, r.ExtendNeeds) {
		for _, user := range users {
			ok, err := IsMember(ctx, dir, user, []string{need.From})
			if err != nil {
				return nil, err
			}
			if ok && !slices.Contains(out[user], need.From) {
				out[user] = append(out[user], need.From)
			}
		}
	}
	return out, nil
}

// couldApprove returns how many of some people's approvals would answer a rule's
// wish at most, and how many it is.
func (r *Rule) couldApprove(ctx context.Context, dir Directory, total int, needs []Need, without ...string) (can, wants int, err error) {
	able, err := approversBut(ctx, dir, r.Approvers, without...)
	if err != nil || len(needs) == 0 {
		return len(able), total, err
	}
	from, err := r.answers(ctx, dir, able)
	if err != nil {
		return 0, 0, err
	}
	var all []Approval
	for _, user := range able {
		all = append(all, Approval{User: user, From: from[user]})
	}
	return answered(all, needs), needed(needs), nil
}

// approvable refuses what nobody could approve for a requester. It is left to the
// approvers where it cannot be told who they are.
func (r *Rule) approvable(ctx context.Context, dir Directory, owner string) error {
	if r.Approvals == 0 {
		return nil
	}
	can, wants, err := r.couldApprove(ctx, dir, r.Approvals, r.Needs, owner)
	if err != nil || can >= wants {
		return nil
	}
	return Errorf(EFORBIDDEN, "The rule %q wants %d approvals, and besides you there are %d people who could give one. "+
		"Ask an operator to name more approvers.", r.Name, wants, can).about(FieldInstance)
}

func usersOf(by []Approval) []string {
	var out []string
	for _, a := range by {
		out = append(out, a.User)
	}
	return out
}

// approversBut returns who is listed as an approver, directly or through a group,
// without some people. EUNAVAILABLE if Slack does not tell who is in a group.
func approversBut(ctx context.Context, dir Directory, approvers []string, without ...string) ([]string, error) {
	var out []string
	for _, id := range approvers {
		users := []string{id}
		if IsGroup(id) {
			var err error
			if users, err = dir.Members(ctx, id); err != nil {
				return nil, cannotTell(err)
			}
		}
		for _, user := range users {
			if !slices.Contains(out, user) && !slices.Contains(without, user) {
				out = append(out, user)
			}
		}
	}
	return out, nil
}

// latest is the latest end that the rule would give a lease that is open, with
// a little time to save one's work where that is over: zero if it has no more
// than that.
func (r *Rule) latest(l *Lease, now time.Time) time.Time {
	end := l.OpenedAt.Add(r.total(l.Urgent))
	if soon := now.Add(lastMinutes); end.Before(soon) {
		end = soon
	}
	// What was rebuilt from tags has times that are rounded.
	if l.ExpiresAt.Sub(end) <= time.Second {
		return time.Time{}
	}
	return end
}

// lastMinutes is what is left to a lease of which policy now says that it has
// been open for too long.
const lastMinutes = 5 * time.Minute
