package bot

import (
	"errors"
	"strings"

	"github.com/sshforward/sshforward"
)

// failure tells people of an error: its sentence, and not what caused it.
func (v render) failure(err error) message {
	return paragraph(trim(escape(v.says(err)), 2900))
}

// says is what a person is told of an error, not escaped yet: the sentence and,
// where the error suggests one, a command that would work.
func (v render) says(err error) string {
	sentence := v.text(sshforward.ErrorMessage(err))
	e, ok := errors.AsType[*sshforward.Error](err)
	if !ok || e.Try == (sshforward.Suggestion{}) {
		return sentence
	}
	return v.sentences(sentence, v.say("Try: %s", suggested(e.Try)))
}

// suggested writes a suggestion as it is typed.
func suggested(s sshforward.Suggestion) string {
	words := []string{Slash, s.Verb}
	if s.Ref != "" {
		words = append(words, quote(s.Ref))
	}
	if s.Rest != "" {
		words = append(words, s.Rest)
	}
	return strings.Join(words, " ")
}
