package bot

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

const (
	// suggestWait keeps the answer within the second in which a list that
	// follows the typing feels alive; Slack itself would wait for 3 s.
	suggestWait = 700 * time.Millisecond
	maxSuggest  = 30
)

// suggest answers what somebody types into the form's list of instances. It
// always answers with a list, if only an empty one: Slack shows an error for
// anything else.
func (h *handler) suggest(in *inbound, p clickPayload) {
	c := p.caller()
	none := optionsPayload{[]*slack.OptionBlockObject{}}
	switch p.ActionID {
	case sshforward.FieldDuration:
		in.acknowledge(optionsPayload{h.renderWithin(in, c.User).durations(p.Value, h.duration)})
		return
	case sshforward.FieldInstance:
	default:
		h.recordUnknown(c, "list "+p.ActionID)
		in.acknowledge(none)
		return
	}
	cmd := listInstances{Query: strings.TrimSpace(cut(p.Value, maxName))}
	select {
	case o := <-h.start(c, cmd):
		if o.err != nil {
			h.logRefusal(c, cmd, o.err)
			in.acknowledge(none)
			return
		}
		in.acknowledge(suggestions(h.renderCached(c.User), o.offers))
	case <-time.After(suggestWait - time.Since(in.at)):
		h.client.log.Warn("the list of instances took too long", "user", c.User)
		in.acknowledge(none)
	}
}

// suggestions are as many as a list is good for and an acknowledgement takes.
func suggestions(v render, all []sshforward.Offer) optionsPayload {
	out := optionsPayload{[]*slack.OptionBlockObject{}}
	for _, in := range all {
		if in.ID == "" || utf8.RuneCountInString(in.ID) > maxValue {
			continue
		}
		out.Options = append(out.Options, option(in.ID, offerLabel(v, in)))
		if len(out.Options) == maxSuggest {
			break
		}
	}
	for !fitsAck(out) {
		out.Options = out.Options[:len(out.Options)-1]
	}
	return out
}

// instanceLabel names an instance in a list. A long name gives way to the id,
// which is what tells two of the same name apart. It is plain text, in which
// Slack knows no markup.
func instanceLabel(in sshforward.Instance) string { return labelWith(in, "") }

// offerLabel says also which rule asks for an approval, before what can be cut.
func offerLabel(v render, o sshforward.Offer) string {
	if o.Approvals == 0 {
		return instanceLabel(o.Instance)
	}
	return labelWith(o.Instance, " · "+v.say("%s: needs approval", cut(strings.Join(strings.Fields(o.Rule), " "), 16)))
}

func labelWith(in sshforward.Instance, more string) string {
	oneLine := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	rest := more + fmt.Sprintf(" · %s · %s", oneLine(in.Zone), oneLine(in.Account))
	name := oneLine(in.Name)
	if name == "" {
		return cut(in.ID+rest, maxLabel)
	}
	rest = " (" + in.ID + ")" + rest
	room := max(maxLabel-utf8.RuneCountInString(rest), 20)
	return cut(cut(name, room)+rest, maxLabel)
}
