package sshforward

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Policy says who may open what, from where, and for how long.
type Policy struct {
	Sources       SourcePolicy
	LeasesPerUser int      // at one time; 0: not limited
	Ports         []int    // on the instance; empty: 22 alone
	Admins        []string // users and user groups who may close and extend any lease
	Rules         []Rule
	Prepare       Prepare // of what no rule says otherwise; empty: never
}

// Match returns the rule that decides about an instance, or false: no rule, no
// access.
func (p *Policy) Match(in Instance) (*Rule, bool) {
	for i := range p.Rules {
		if p.Rules[i].Covers(in) {
			return &p.Rules[i], true
		}
		if _, near := p.Rules[i].Nearly(in); near {
			return nil, false
		}
	}
	return nil, false
}

// NearMiss returns the rule that would decide about an instance if a tag of it,
// whose key is returned, were written as the rule has it: its value differs only
// in case or blanks. No later rule decides then, since it may be a weaker one.
func (p *Policy) NearMiss(in Instance) (r *Rule, key string, ok bool) {
	for i := range p.Rules {
		if p.Rules[i].Covers(in) {
			break
		}
		if key, ok := p.Rules[i].Nearly(in); ok {
			return &p.Rules[i], key, true
		}
	}
	return nil, "", false
}

// AdmitShape checks what can be told of a request without knowing the
// instance: ports and sources. EINVALID or EFORBIDDEN.
func (p *Policy) AdmitShape(l *Lease) error {
	if ports := p.ports(); !slices.Contains(ports, l.TargetPort) {
		return amendable(Errorf(EFORBIDDEN, "Port %d is not allowed; policy allows %s.", l.TargetPort, joinInts(ports)),
			func(c *OpenLease) { c.Port = ports[0] })
	}
	if len(l.Sources) == 0 {
		return amendable(Errorf(EINVALID, "I do not know which address you come from. Say it each time, or save it once.").
			instead("Add it, for example: from %s.", FormatSources([]netip.Prefix{p.Sources.Example()})).about(FieldSource),
			func(c *OpenLease) { c.Sources = []netip.Prefix{p.Sources.Example()} })
	}
	for _, s := range l.Sources {
		if err := p.Sources.Check(s); err != nil {
			return amendable(err, func(c *OpenLease) { c.Sources = p.Sources.nearest(l.Sources) })
		}
	}
	return nil
}

// ports are those on an instance that may be asked for.
func (p *Policy) ports() []int {
	if len(p.Ports) == 0 {
		return []int{22}
	}
	return p.Ports
}

// Admit decides whether the lease's owner may have what the lease asks for,
// and returns the rule that says so. EFORBIDDEN or EINVALID with the reason;
// EUNAVAILABLE if a user group cannot be resolved right now.
func (p *Policy) Admit(ctx context.Context, dir Directory, l *Lease) (*Rule, error) {
	if err := p.AdmitShape(l); err != nil {
		return nil, err
	}
	rule, err := p.lets(ctx, dir, l.Owner, l.Instance)
	if err != nil {
		return nil, err
	}
	if err := rule.admitTerms(ctx, dir, l); err != nil {
		return nil, err
	}
	return rule, nil
}

// admitTerms decides whether the rule, which lets the owner in, gives what the
// lease asks for. Errors are those of [Policy.Admit].
func (r *Rule) admitTerms(ctx context.Context, dir Directory, l *Lease) error {
	if l.Urgent {
		if err := r.admitUrgent(ctx, dir, l); err != nil {
			return err
		}
	}
	if l.Duration > r.Max {
		return amendable(Errorf(EFORBIDDEN, "%s is longer than the %s that the rule %q allows.", l.Duration, r.Max, r.Name).
			about(FieldDuration), func(c *OpenLease) { c.Duration = r.Max })
	}
	if r.Reason && Blank(l.Because) {
		return amendable(Errorf(EINVALID, "The rule %q wants a reason.", r.Name).
			instead("Add it at the end: because …").about(FieldReason), r.giveReason)
	}
	if r.ReasonPattern != nil && !Blank(l.Because) && !r.ReasonPattern.MatchString(l.Because) {
		return amendable(Errorf(EINVALID, "The reason does not look as the rule %q wants it (pattern %s).", r.Name, r.ReasonPattern).
			about(FieldReason), r.giveReason)
	}
	return nil
}

// lets returns the rule that lets somebody reach an instance. EFORBIDDEN if none
// does; [unseen] tells whether it may be said why. EUNAVAILABLE if it cannot be
// told right now.
func (p *Policy) lets(ctx context.Context, dir Directory, user string, in Instance) (*Rule, error) {
	if near, key, ok := p.NearMiss(in); ok {
		if err := near.admitUser(ctx, dir, user); err != nil {
			return nil, unseen(err)
		}
		want, ok := near.Tags[key]
		if !ok {
			want = near.NotTags[key]
		}
		return nil, Errorf(EFORBIDDEN, "The tag %s of %s is %q, and the rule %q goes by %q. "+
			"They differ only in case or blanks, so I open nothing until the tag is corrected.", key, in.ID, in.Tags[key], near.Name, want).
			about(FieldInstance)
	}
	rule, ok := p.Match(in)
	if !ok {
		return nil, unseen(Errorf(EFORBIDDEN, "No rule of the policy allows access to %s. An operator can add one for its tags.", in.ID).
			about(FieldInstance))
	}
	return rule, unseen(rule.admitUser(ctx, dir, user))
}

// hidden is a refusal of somebody whom no rule lets in there. They are not told
// what there is; the audit record is.
type hidden struct{ why *Error }

// Error returns what the log has of the refusal.
func (h hidden) Error() string { return h.why.Error() }

// Unwrap returns the refusal.
func (h hidden) Unwrap() error { return h.why }

// unseen marks a refusal as hidden; what cannot be told just now is not one.
func unseen(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Code == EFORBIDDEN {
		return hidden{e}
	}
	return err
}

// admitUser decides whether the rule lets somebody in. EFORBIDDEN, or
// EUNAVAILABLE if that cannot be told right now.
func (r *Rule) admitUser(ctx context.Context, dir Directory, user string) error {
	if err := r.checkPerson(ctx, dir, user); err != nil || len(r.Users) == 0 {
		return err
	}
	ok, err := IsMember(ctx, dir, user, r.Users)
	if err == nil && !ok {
		err = Errorf(EFORBIDDEN, "The rule %q decides here, and you are not among the people it lets in.", r.Name).about(FieldInstance)
	}
	return err
}

// checkPerson refuses accounts that the rule has nothing to do with, whoever is
// listed in it: neither to ask nor to approve. Errors are those of admitUser.
func (r *Rule) checkPerson(ctx context.Context, dir Directory, user string) error {
	p, err := dir.Person(ctx, user)
	if err != nil {
		return cannotTell(err)
	}
	if err := p.checkServed(); err != nil {
		return err
	}
	if p.Guest && !r.Guests {
		return Errorf(EFORBIDDEN, "The rule %q lets in no guests of the workspace.", r.Name).about(FieldInstance)
	}
	return nil
}

// admitApprover decides whether somebody may say yes or no for the rule. Errors
// are those of admitUser.
func (r *Rule) admitApprover(ctx context.Context, dir Directory, user string) error {
	if err := r.checkPerson(ctx, dir, user); err != nil {
		return err
	}
	ok, err := IsMember(ctx, dir, user, r.Approvers)
	if err == nil && !ok {
		err = Errorf(EFORBIDDEN, "The rule %q does not name you among its approvers.", r.Name)
	}
	return err
}

// giveReason gives a request a reason that the rule takes, if one can be made up.
func (r *Rule) giveReason(c *OpenLease) { c.Because = reasonFor(r.ReasonPattern) }

// admitUrgent decides whether the lease may go past the rule's approvers.
func (r *Rule) admitUrgent(ctx context.Context, dir Directory, l *Lease) error {
	calm := func(c *OpenLease) { c.Urgent = false }
	if r.Approvals == 0 {
		return amendable(Errorf(EINVALID, "The rule %q needs no approval, so leave out the word urgent.", r.Name), calm)
	}
	if r.Urgent == nil {
		return amendable(Errorf(EFORBIDDEN, "The rule %q lets nobody past its approvers. Leave out the word urgent to ask them.", r.Name), calm)
	}
	ok, err := IsMember(ctx, dir, l.Owner, r.Urgent.Users)
	switch {
	case err != nil:
		return err
	case !ok:
		return amendable(Errorf(EFORBIDDEN,
			"The rule %q does not name you among those who may go past its approvers. Leave out the word urgent to ask them.",
			r.Name), calm)
	case Blank(l.Because):
		return amendable(Errorf(EINVALID, "What is urgent needs a reason.").
			instead("Add it at the end: because …").about(FieldReason), r.giveReason)
	case l.Duration > r.Urgent.Max:
		return amendable(Errorf(EFORBIDDEN, "%s is longer than the %s that the rule %q allows without approval.",
			l.Duration, r.Urgent.Max, r.Name).about(FieldDuration), func(c *OpenLease) { c.Duration = r.Urgent.Max })
	}
	return nil
}

func joinInts(ns []int) string {
	var out []string
	for _, n := range ns {
		out = append(out, fmt.Sprint(n))
	}
	return strings.Join(out, ", ")
}
