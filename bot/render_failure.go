package bot

import (
	"errors"
	"net/netip"
	"strings"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// failure tells people of an error: its sentence, and not what caused it.
func (v render) failure(err error) message {
	m := paragraph(trim(escape(v.says(err)), 2900))
	if row := v.tryRow(err); row != nil {
		m.Blocks = append(m.Blocks, row)
	}
	return m
}

// tryRow is the button that does what the error suggests, where no command can be
// typed; nil if there is none.
func (v render) tryRow(err error) slack.Block {
	e, ok := errors.AsType[*sshforward.Error](err)
	if !ok || !v.threaded {
		return nil
	}
	id, isLease := sshforward.ParseID(e.Try.Ref)
	by, notSpan := sshforward.ParseDuration(e.Try.Rest)
	switch {
	case e.Try.Verb == "extend" && isLease && notSpan == nil:
		return buttons(fromNowhere.blockID(id),
			button(actionExtend, durationValue(id, by), v.label("Extend %s", v.span(by)), v.say("Lease %s", id)))
	case e.Try.Verb == "close" && isLease:
		return buttons(fromNowhere.blockID(id), button(actionClose, id, v.label("Close"), v.say("Lease %s", id)))
	}
	return nil
}

// says is what a person is told of an error, not escaped yet: the sentence and,
// where the error suggests one, a command that would work.
func (v render) says(err error) string {
	e, ok := errors.AsType[*sshforward.Error](err)
	switch {
	case !ok || e.Try.IsZero():
		return v.text(sshforward.ErrorMessage(err))
	case v.threaded:
		return v.text(e.Message)
	case e.Try.Command != nil:
		return v.sentences(v.text(e.Message), v.say("Try %s.", inCode(suggested(v.corrected(e.Try)))))
	}
	return v.sentences(v.text(sshforward.ErrorMessage(err)), v.say("Try: %s", suggested(e.Try)))
}

// inForm is an error as it stands in a form: plain text, which speaks of the
// field that it stands under and not of words of a command.
func (v render) inForm(err error) string {
	e, ok := errors.AsType[*sshforward.Error](err)
	if !ok || e.Field == "" && e.Try.Command == nil {
		return cut(v.says(err), 1000)
	}
	example := ""
	switch open, _ := v.corrected(e.Try).Command.(sshforward.OpenLease); {
	case e.Field == sshforward.FieldSource && len(open.Sources) > 0:
		example = v.say("For example: %s", sshforward.FormatSources(open.Sources))
	case e.Field == sshforward.FieldDuration && open.Duration > 0:
		example = v.say("For example: %s", v.span(open.Duration))
	}
	return cut(v.sentences(v.text(e.Message), example), 1000)
}

// corrected is a suggestion that policy does not refuse, as far as that can be
// told without knowing the instance.
func (v render) corrected(s sshforward.Suggestion) sshforward.Suggestion {
	if v.correct == nil {
		return s
	}
	switch c := s.Command.(type) {
	case sshforward.OpenLease:
		s.Command = v.correct(c)
	case sshforward.SetSource:
		c.Sources = v.correct(sshforward.OpenLease{Sources: c.Sources}).Sources
		s.Command = c
	case sshforward.ChangeSource: // which is to a single address
		c.To = addressIn(sshforward.FormatSources(v.correct(sshforward.OpenLease{Sources: []netip.Prefix{c.To}}).Sources))
		s.Command = c
	case sshforward.ExtendLease:
		c.Duration = v.correct(sshforward.OpenLease{Duration: c.Duration}).Duration
		s.Command = c
	}
	return s
}

// exampleSources are an address for examples that policy takes.
func (v render) exampleSources() string {
	example := []netip.Prefix{netip.MustParsePrefix(exampleSource + "/32")}
	if v.correct != nil {
		example = v.correct(sshforward.OpenLease{Sources: example}).Sources
	}
	return sshforward.FormatSources(example)
}

// suggested writes a suggestion as it is typed.
func suggested(s sshforward.Suggestion) string {
	if s.Command != nil {
		return Slash + " " + formatCommand(s.Command)
	}
	words := []string{Slash, s.Verb}
	if s.Ref != "" {
		words = append(words, quote(s.Ref))
	}
	if s.Rest != "" {
		words = append(words, s.Rest)
	}
	return strings.Join(words, " ")
}
