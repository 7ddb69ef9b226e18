package bot

import (
	"errors"
	"slices"
	"strings"

	"github.com/sshforward/sshforward"
)

// topic is what was asked for besides the commands of the keeper.
type topic int

const (
	topicCommand topic = iota // see request.command
	topicHelp
	topicForm // the modal, filled in with request.command, an OpenLease without instance
)

// request is what the text of a slash command means.
type request struct {
	topic   topic
	command operation
}

// verbs in the order of the help text.
var verbs = []string{"open", "again", "list", "close", "extend", "from", "show", "why", "ip", "history", "abandon", "help"}

// parse reads the text of a slash command. The error is EINVALID with a
// sentence and one corrected example made from what was typed; nothing that
// was typed is lost in it.
func parse(text string) (request, error) {
	text = plainText(text)
	all := withoutStop(text, words(text))
	for len(all) > 0 && (all[0].is(Slash) || all[0].comma()) {
		all = all[1:]
	}
	if len(all) == 0 {
		return request{topic: topicForm, command: sshforward.OpenLease{}}, nil
	}
	args := trimCommas(all[1:])
	var cmd operation
	var err error
	switch verb := strings.ToLower(sshforward.Typed(all[0].text)); verb {
	case "help", "?", "-h", "--help":
		return request{topic: topicHelp}, nil
	case "history":
		cmd = showHistory{}
	case "open":
		cmd, err = parseOpen(text, args)
	case "list", "ls":
		cmd, err = parseList(args)
	case "close":
		cmd, err = parseClose(args)
	case "extend":
		cmd, err = parseExtend(args)
	case "why":
		cmd, err = parseWhy(args)
	case "from":
		cmd, err = parseFrom(args)
	case "abandon":
		cmd, err = parseAbandon(text, args)
	case "again":
		cmd, err = parseAgain(args)
	case "show":
		cmd, err = parseShow(args)
	case "ip":
		cmd, err = parseIP(text, args)
	default:
		return request{}, unknownVerb(text, all[0])
	}
	if err != nil {
		return request{}, err
	}
	if open, ok := cmd.(sshforward.OpenLease); ok && open.Instance == "" {
		return request{topic: topicForm, command: open}, nil
	}
	return request{command: cmd}, nil
}

func unknownVerb(text string, first word) error {
	if strings.HasPrefix(strings.ToLower(first.text), "i-") {
		return suggestIfRead("open "+text[first.start:], "open "+quote(sshforward.InstanceRef(first.text)),
			"The first word says what to do, and %s is an instance.", inCode(first.text))
	}
	best, distance := "help", 3
	for _, v := range verbs {
		if d := editDistance(strings.ToLower(first.text), v); d < distance {
			best, distance = v, d
		}
	}
	meant := best
	if best != "help" {
		meant += " " + strings.TrimSpace(text[first.rest:])
	}
	return suggestIfRead(meant, best, "I do not know the command %s.", inCode(first.text))
}

// suggestIfRead suggests what was probably meant or, where that has mistakes of
// its own, what corrects them; without those, another command.
func suggestIfRead(meant, other, format string, args ...any) error {
	req, err := parse(meant)
	if err == nil {
		if req.command == nil {
			return invalid("help", format, args...)
		}
		return better(req.command, format, args...)
	}
	if e, ok := errors.AsType[*sshforward.Error](err); ok && e.Try.Command != nil {
		return better(e.Try.Command, format, args...)
	}
	if _, err := parse(other); err != nil {
		other = "help"
	}
	return invalid(other, format, args...)
}

// withoutStop is a sentence without the full stop that an input method ends it with.
func withoutStop(text string, args []word) []word {
	args = trimCommas(args)
	if len(args) == 0 {
		return nil
	}
	last := args[len(args)-1]
	raw := text[last.start:last.rest]
	switch {
	case raw == "。" || raw == "｡":
		return trimCommas(args[:len(args)-1])
	case !last.quoted && (strings.HasSuffix(raw, "。") || strings.HasSuffix(raw, "｡")):
		last.text = strings.TrimSuffix(last.text, ".")
		return append(slices.Clone(args[:len(args)-1]), last)
	}
	return args
}

func parseList(args []word) (operation, error) {
	switch {
	case len(args) == 0:
		return listLeases{}, nil
	case len(args) == 1 && args[0].is("all"):
		return listLeases{All: true}, nil
	}
	return nil, invalid("list all", "After %s there is only %s, not %s.", inCode("list"), inCode("all"), inCode(joinWords(args)))
}

func parseShow(args []word) (operation, error) {
	if len(args) == 0 {
		return nil, invalid("list", "Say which lease.")
	}
	id, ok := sshforward.ParseID(sshforward.Typed(args[0].text))
	switch {
	case len(args) == 1 && ok:
		return showLease{ID: id}, nil
	case ok:
		return nil, invalid("show "+id, "%s takes one lease, not %s too.", inCode("show"), inCode(joinWords(args[1:])))
	}
	return nil, invalid("list all", "%s is not the id of a lease.", inCode(joinWords(args)))
}

// editDistance counts the letters to add, drop or change (Levenshtein).
func editDistance(a, b string) int {
	if len(a) > 20 {
		return len(a)
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			last, row[j+1] = row[j+1], slices.Min([]int{row[j+1] + 1, row[j] + 1, last + cost})
		}
	}
	return row[len(b)]
}
