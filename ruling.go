package sshforward

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Ruling is what policy says to a request, before anybody is asked or anything is
// looked at in AWS.
type Ruling struct {
	Rule      string // that decides; "" for none
	Approvals int    // how many it takes; 0: it is let in at once
	Refused   error  // nil: it is let in
}

// Unknown reports whether it cannot be told: who somebody is, or is in a group.
func (r Ruling) Unknown() bool { return ErrorCode(r.Refused) == EUNAVAILABLE }

// String is "allow", "approve 2", "deny because …" or "cannot tell because …".
func (r Ruling) String() string {
	switch {
	case r.Unknown():
		return "cannot tell because " + ErrorMessage(r.Refused).String()
	case r.Refused != nil:
		return "deny because " + ErrorMessage(r.Refused).String()
	case r.Approvals > 0:
		return fmt.Sprintf("approve %d", r.Approvals)
	}
	return "allow"
}

// Rule says what would become of a request: l has who asks, the instance with its
// tags, and the terms.
func (p *Policy) Rule(ctx context.Context, dir Directory, l *Lease, t Timing) Ruling {
	out := Ruling{Refused: t.admit(l)}
	if rule, ok := p.Match(l.Instance); ok {
		out.Rule = rule.Name
	}
	if out.Refused != nil {
		return out
	}
	rule, err := p.Admit(ctx, dir, l)
	if err == nil && !l.Urgent {
		out.Approvals = rule.Approvals
		err = rule.approvable(ctx, dir, l.Owner)
	}
	if unseen, ok := errors.AsType[hidden](err); ok {
		err = unseen.why // who tries a policy may know
	}
	out.Refused = err
	return out
}

// Undecidable returns a tag, or "vpc", that would have to be known to tell which rule decides
// about an instance, and the rule that goes by it; "" if none would. Known are the
// keys of which it is known whether the instance has them.
func (p *Policy) Undecidable(in Instance, known []string) (key, rule string) {
	for i := range p.Rules {
		r := &p.Rules[i]
		if !oneOf(r.Accounts, in.Account) || !oneOf(r.Instances, in.ID) || in.VPC != "" && !oneOf(r.VPCs, in.VPC) {
			continue
		}
		unknown := ""
		covers := true
		for _, tags := range []map[string]string{r.Tags, r.NotTags} {
			for _, k := range slices.Sorted(maps.Keys(tags)) {
				switch got, there := in.Tags[k]; {
				case !there && !slices.Contains(known, k):
					unknown = cmp.Or(unknown, k)
				case r.Tags[k] != "" && (!there || !looksLike(got, r.Tags[k])):
					covers = false
				}
			}
		}
		switch {
		case covers && unknown != "":
			return unknown, r.Name
		case covers && len(r.VPCs) > 0 && in.VPC == "":
			return "vpc", r.Name
		case r.Covers(in):
			return "", ""
		}
	}
	return "", ""
}

// goBy tells the rules what tags the whole policy goes by, which are recorded of
// every instance that one of them decides about: which rule decides may hang on a
// tag that is not there.
func (p Policy) goBy() Policy {
	keys := make(map[string]bool)
	for _, r := range p.Rules {
		for _, tags := range []map[string]string{r.Tags, r.NotTags} {
			for key := range tags {
				keys[key] = true
			}
		}
	}
	p.Rules = slices.Clone(p.Rules)
	for i := range p.Rules {
		p.Rules[i].TagKeys = slices.Sorted(maps.Keys(keys))
	}
	return p
}
