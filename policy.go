package sshforward

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
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

// Rule is one line of the policy. The first rule that covers an instance
// decides about it. What is empty in a rule asks nothing of the instance.
type Rule struct {
	Name    string
	Tags    map[string]string // the instance has all of them
	NotTags map[string]string // the instance has none of them
	// Unlike tags, the next three cannot be changed by whoever may tag.
	Accounts  []string // names of configured accounts, one of which it is in
	VPCs      []string // ids, of one of which it is in
	Instances []string // ids, one of which is its own

	Users         []string       // users and user groups; empty: every full member of the workspace
	Guests        bool           // guests of the workspace are let in too
	Max           time.Duration  // of a lease, extensions included
	Approvers     []string       // users and user groups
	Approvals     int            // how many of them are needed
	Needs         []Need         // of whom they have to be, Approvals in all; empty: of any of them
	Notify        []string       // users and user groups who are asked; empty: all Approvers
	Reason        bool           // a reason must be given
	ReasonPattern *regexp.Regexp // and must match this; nil: any
	// ExtendApprovals is how many approvers an extension needs.
	ExtendApprovals int
	ExtendNeeds     []Need // as Needs
	// Urgent says who may go past the approvers; nil: nobody.
	Urgent *Urgent
	// Prepare is when what the rule lets in is built ahead; empty: as the policy
	// says.
	Prepare Prepare
	// TagKeys are those that any rule of the policy goes by; see Policy.goBy. A
	// configuration does not say them.
	TagKeys []string
}

// Urgent is what may be opened without approval when it cannot wait. A reason
// must be given, and everybody hears of it.
type Urgent struct {
	Users []string      // users and user groups
	Max   time.Duration // of such a lease, extensions included
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

// Nearly reports whether the rule does not cover an instance and would if only
// values of tags were compared without case and blanks, and returns the key of
// the first such tag.
func (r *Rule) Nearly(in Instance) (key string, ok bool) {
	for _, k := range slices.Sorted(maps.Keys(r.Tags)) {
		got, there := in.Tags[k]
		switch want := r.Tags[k]; {
		case !there || !looksLike(got, want):
			return "", false
		case got != want && key == "":
			key = k
		}
	}
	for _, k := range slices.Sorted(maps.Keys(r.NotTags)) {
		got, there := in.Tags[k]
		switch unwanted := r.NotTags[k]; {
		case !there || !looksLike(got, unwanted):
		case got == unwanted:
			return "", false
		case key == "":
			key = k
		}
	}
	return key, key != "" && r.placed(in)
}

// looksLike compares without case and blanks.
func looksLike(a, b string) bool {
	bare := func(s string) string { return strings.Join(strings.Fields(s), "") }
	return strings.EqualFold(bare(a), bare(b))
}

// Covers reports whether the rule would decide about the instance if no rule
// stood before it.
func (r *Rule) Covers(in Instance) bool {
	for key, want := range r.Tags {
		if got, ok := in.Tags[key]; !ok || got != want {
			return false
		}
	}
	for key, unwanted := range r.NotTags {
		if got, ok := in.Tags[key]; ok && got == unwanted {
			return false
		}
	}
	_, nearlyForbidden := r.Nearly(in)
	return r.placed(in) && !nearlyForbidden
}

// placed reports whether an instance is where the rule reaches, whatever its tags.
func (r *Rule) placed(in Instance) bool {
	return oneOf(r.Accounts, in.Account) && oneOf(r.VPCs, in.VPC) && oneOf(r.Instances, in.ID)
}

// oneOf reports whether a list that narrows leaves s in.
func oneOf(list []string, s string) bool { return len(list) == 0 || slices.Contains(list, s) }

// total is the most time that a lease may have, extensions included.
func (r *Rule) total(urgent bool) time.Duration {
	if urgent && r.Urgent != nil {
		return min(r.Max, r.Urgent.Max)
	}
	return r.Max
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

// IsMember reports whether user is listed in who, directly or through a user
// group. EUNAVAILABLE if a group cannot be resolved and nothing else says yes:
// callers treat that as no.
func IsMember(ctx context.Context, dir Directory, user string, who []string) (bool, error) {
	if slices.Contains(who, user) {
		return true, nil
	}
	var unknown error
	for _, w := range who {
		if !IsGroup(w) {
			continue
		}
		users, err := dir.Members(ctx, w)
		switch {
		case err != nil:
			unknown = cannotTell(err)
		case slices.Contains(users, user):
			return true, nil
		}
	}
	return false, unknown
}

// IsGroup reports whether an id is a user group's and not a person's.
func IsGroup(id string) bool { return strings.HasPrefix(id, "S") }

// cannotTell is the no to who asks while a group cannot be resolved. The
// directory knows best whether asking again helps.
func cannotTell(err error) error {
	e := &Error{Code: EUNAVAILABLE, Err: err, RetryAfter: retryAfter(err)}
	if from, ok := errors.AsType[*Error](err); ok {
		e.Message = from.Message
	}
	if e.Message.IsZero() {
		e.Message = Textf("I cannot check with Slack who you are right now, so the answer is no for the moment. Try again in a minute.")
	}
	return e
}

func joinInts(ns []int) string {
	var out []string
	for _, n := range ns {
		out = append(out, fmt.Sprint(n))
	}
	return strings.Join(out, ", ")
}

// applyRule takes over what a rule says now. The total is never raised: what was
// agreed on is the most there is, and stands in AWS for the day when the store
// is lost. Nor does it fall below what was promised already.
func (l *Lease) applyRule(r *Rule) {
	l.Rule, l.Approvers, l.Approvals, l.ExtendApprovals = r.Name, r.Approvers, r.Approvals, r.ExtendApprovals
	l.Needs, l.ExtendNeeds, l.Notify = r.Needs, r.ExtendNeeds, r.Notify
	l.RuleTags, l.RuleLacks = r.tagsOf(l.Instance)
	l.Max = max(min(l.Max, r.total(l.Urgent)), l.ExpiresAt.Sub(l.OpenedAt))
}

// tagsOf are the tags of an instance that the policy goes by, nil if there are
// none, and the keys of those that it does not have.
func (r *Rule) tagsOf(in Instance) (tags map[string]string, lacks []string) {
	for _, key := range r.TagKeys {
		value, ok := in.Tags[key]
		switch {
		case !ok:
			lacks = append(lacks, key)
		case tags == nil:
			tags = map[string]string{key: value}
		default:
			tags[key] = value
		}
	}
	return tags, lacks
}

// ownTags are the tags of an instance by which the rule itself decides.
func (r *Rule) ownTags(in Instance) map[string]string {
	out := make(map[string]string)
	for _, tags := range []map[string]string{r.Tags, r.NotTags} {
		for key := range tags {
			if value, ok := in.Tags[key]; ok {
				out[key] = value
			}
		}
	}
	return out
}
