package bot

import (
	"maps"
	"slices"
	"strings"

	"github.com/sshforward/sshforward"
)

// why says which rule decides about an instance, what it asks for, and what is
// missing.
func (v render) why(w sshforward.Why) message {
	if len(w.Several) > 0 {
		return v.whySeveral(w.Several)
	}
	r := w.Rule
	title := v.say("Access to %s", instance(w.Instance))
	says := []string{v.say("The rule %s decides, for every instance where it applies.", code(r.Name, 60))}
	if len(w.Tags) > 0 {
		var tags []string
		for _, key := range slices.Sorted(maps.Keys(w.Tags)) {
			tags = append(tags, code(key+"="+w.Tags[key], 200))
		}
		says[0] = v.say("The rule %s decides, because of %s.", code(r.Name, 60), strings.Join(tags, ", "))
	}
	says = append(says, v.say("You are let in, for up to %s.", v.span(r.Max)))
	says = append(says, v.whyApprovals(w)...)
	if len(w.Sources) > 0 {
		says = append(says, v.say("You come from %s unless you say otherwise.", line(sshforward.FormatSources(w.Sources), 500)))
	}
	missing := v.say("Nothing is missing.")
	if len(w.Missing) > 0 {
		var all []string
		for _, m := range w.Missing[:min(len(w.Missing), 10)] {
			all = append(all, v.line(m, 600))
		}
		missing = "*" + v.say("What is missing") + "*\n• " + strings.Join(all, "\n• ")
	}
	return message{
		Text:   title + ": " + v.sentences(says[0], says[1]),
		Blocks: withoutNil(section("*"+title+"*\n• "+strings.Join(says, "\n• ")), section(missing)),
	}
}

// whyApprovals says whose yes it takes.
func (v render) whyApprovals(w sshforward.Why) (says []string) {
	r := w.Rule
	if r.Approvals == 0 {
		return []string{v.say("No approval is needed.")}
	}
	who := v.anyOf(r.Approvers)
	if len(r.Needs) > 0 {
		var each []string
		for _, need := range r.Needs {
			each = append(each, v.say("%d of %s", need.N, mentionAny(need.From)))
		}
		who = v.enumerate(each, func(a, b string) string { return v.say("%s, %s", a, b) })
	}
	needed := v.sayN("It takes %d approval: %s.", "It takes %d approvals: %s.", r.Approvals, r.Approvals, who)
	if w.AbleKnown {
		needed = v.sentences(needed, v.sayN("Besides you, %d person could give one.", "Besides you, %d people could give one.", w.Able, w.Able))
	}
	says = append(says, needed)
	if r.ExtendApprovals > 0 {
		says = append(says, v.sayN("More time takes %d approval.", "More time takes %d approvals.", r.ExtendApprovals, r.ExtendApprovals))
	} else {
		says = append(says, v.say("More time takes no approval."))
	}
	if w.Urgent && r.Urgent != nil {
		says = append(says, v.say("With %s you may go past the approvers, for up to %s.", "`urgent`", v.span(r.Urgent.Max)))
	}
	return says
}

// whySeveral lists what a name can mean.
func (v render) whySeveral(all []sshforward.Instance) message {
	title := v.say("That could be several instances. Ask for one of these:")
	var out []string
	for _, in := range all[:min(len(all), 20)] {
		out = append(out, inCode(Slash+" "+formatCommand(showWhy{Ref: in.ID}))+" "+instance(in))
	}
	return message{Text: title, Blocks: withoutNil(section(title + "\n• " + strings.Join(out, "\n• ")))}
}
