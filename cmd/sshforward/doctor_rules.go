package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sshforward/sshforward"
)

// lookAtRules says of each rule who gets in where, and which rules can never
// decide about anything.
func lookAtRules(c *config) []finding {
	rules := c.Policy.policy(c.Slack.Admins).Rules
	accounts := convert(c.AWS, func(a awsConfig) string { return a.Name })
	var found []finding
	for i := range rules {
		r := &rules[i]
		a := &about{what: "rule " + r.Name}
		before := slices.IndexFunc(rules[:i], func(earlier sshforward.Rule) bool { return shadows(&earlier, r, accounts) })
		switch tag, torn := contradiction(r); {
		case torn:
			a.mend("it can never decide: it wants %s and forbids it", tag)
		case before >= 0:
			a.mend("it can never decide: %s stands before it and covers all that it covers; put the narrower one first", rules[before].Name)
		default:
			a.ok("%s", describeRule(r))
		}
		found = append(found, a.found...)
	}
	return found
}

// contradiction returns a tag that a rule both wants and forbids.
func contradiction(r *sshforward.Rule) (tag string, ok bool) {
	for key, value := range r.NotTags {
		if want, ok := r.Tags[key]; ok && want == value {
			return key + "=" + value, true
		}
	}
	return "", false
}

// shadows reports whether a rule covers every instance that a later one does,
// as far as that can be told without looking at instances.
func shadows(earlier, later *sshforward.Rule, accounts []string) bool {
	for key, want := range earlier.Tags {
		if value, ok := later.Tags[key]; !ok || value != want {
			return false
		}
	}
	for key, unwanted := range earlier.NotTags {
		not, ok := later.NotTags[key]
		excluded := ok && not == unwanted
		value, wanted := later.Tags[key]
		if !excluded && (!wanted || value == unwanted) {
			return false
		}
	}
	all := func(names []string) []string {
		if len(names) == 0 {
			return accounts
		}
		return names
	}
	return within(all(later.Accounts), all(earlier.Accounts)) &&
		narrower(later.VPCs, earlier.VPCs) && narrower(later.Instances, earlier.Instances)
}

// narrower reports whether a list leaves in nothing that another does not. An
// empty one leaves in everything.
func narrower(list, than []string) bool {
	return len(than) == 0 || len(list) > 0 && within(list, than)
}

func within(list, of []string) bool {
	return !slices.ContainsFunc(list, func(s string) bool { return !slices.Contains(of, s) })
}

// describeRule says who gets in where, for how long and with whose yes.
func describeRule(r *sshforward.Rule) string {
	who := "every full member of the workspace"
	if len(r.Users) > 0 {
		who = strings.Join(r.Users, ", ")
	}
	if r.Guests {
		who += ", guests among them,"
	}
	text := fmt.Sprintf("%s may open %s for up to %s", who, describePlace(r), sshforward.FormatDuration(r.Max))
	if r.Approvals == 0 {
		return text + ", without approval"
	}
	text += ", with " + describeQuorum(r.Approvals, r.Needs, strings.Join(r.Approvers, ", "))
	switch {
	case r.ExtendApprovals == 0:
		text += ", extensions without"
	case r.ExtendApprovals != r.Approvals || !slices.Equal(r.ExtendNeeds, r.Needs):
		text += ", extensions with " + describeQuorum(r.ExtendApprovals, r.ExtendNeeds, "them")
	}
	if len(r.Notify) > 0 {
		text += ", of whom " + strings.Join(r.Notify, ", ") + " are asked"
	}
	if u := r.Urgent; u != nil {
		text += fmt.Sprintf("; %s may go past that for up to %s", strings.Join(u.Users, ", "), sshforward.FormatDuration(min(u.Max, r.Max)))
	}
	return text
}

// describeQuorum says how many approvals are needed, and of whom.
func describeQuorum(n int, needs []sshforward.Need, approvers string) string {
	if len(needs) == 0 {
		return fmt.Sprintf("%s of %s", count(n, "approval"), approvers)
	}
	var out []string
	for _, need := range needs {
		out = append(out, fmt.Sprintf("%s of %s", count(need.N, "approval"), need.From))
	}
	return strings.Join(out, " and ")
}

// describePlace says which instances a rule covers.
func describePlace(r *sshforward.Rule) string {
	place := "every instance"
	if len(r.Tags) > 0 {
		place = "instances with " + describeTags(r.Tags, " and ")
	}
	if len(r.NotTags) > 0 {
		place += " without " + describeTags(r.NotTags, " or ")
	}
	for _, where := range []struct {
		what string
		ids  []string
	}{{"account", r.Accounts}, {"", r.VPCs}} {
		if len(where.ids) > 0 {
			place += strings.TrimRight(" in "+where.what, " ") + " " + strings.Join(where.ids, " or ")
		}
	}
	if len(r.Instances) > 0 {
		place += " that are " + strings.Join(r.Instances, " or ")
	}
	return place
}

func describeTags(tags map[string]string, between string) string {
	var out []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		out = append(out, fmt.Sprintf("%s=%q", key, tags[key]))
	}
	return strings.Join(out, between)
}

// severalNamed is how many instances are named that more than one rule covers.
const severalNamed = 10

// coveredTwice tells of instances that several rules cover: which of them
// decides hangs on the order alone, and on whoever may tag.
func coveredTwice(a *about, rules []sshforward.Rule, instances []sshforward.Instance) {
	told, more := 0, 0
	for _, in := range instances {
		var names []string
		for i := range rules {
			if rules[i].Covers(in) {
				names = append(names, rules[i].Name)
			}
		}
		switch {
		case len(names) < 2:
		case told == severalNamed:
			more++
		default:
			told++
			a.ok("%s (%q) is covered by the rules %s; the first, %s, decides", in.ID, in.Name, strings.Join(names, ", "), names[0])
		}
	}
	if more > 0 {
		a.ok("so are %d more", more)
	}
}

// nearMisses lists tags that are nearly what a rule goes by. Nobody can open
// those instances.
func nearMisses(a *about, p *sshforward.Policy, instances []sshforward.Instance) {
	for _, in := range instances {
		if r, key, ok := p.NearMiss(in); ok {
			want, wanted := r.Tags[key]
			if !wanted {
				want = r.NotTags[key]
			}
			a.mend("%s (%q) has %s=%q, and the rule %s goes by %q: nobody can open it until the tag is corrected",
				in.ID, in.Name, key, in.Tags[key], r.Name, want)
		}
	}
}
