package sshforward

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
)

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
