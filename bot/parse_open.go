package bot

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sshforward/sshforward"
)

// openParser collects an open command. It reads to the end after a mistake, so
// that the corrected example has everything that was right.
type openParser struct {
	text    string
	args    []word
	cmd     sshforward.OpenLease
	problem sshforward.Text // the first one
}

func (o *openParser) fail(format string, args ...any) {
	if o.problem.IsZero() {
		o.problem = sshforward.Textf(format, args...)
	}
}

// parseOpen reads what follows "open":
//
//	<instance id | Name tag> [<duration>] [from <ip or cidr>[,…]] [port <n>] [urgent] [because <reason>]
//
// Without an instance it is not wrong: the form asks for that.
func parseOpen(text string, args []word) (operation, error) {
	o := &openParser{text: text, args: args}
	switch {
	case len(args) == 0 || startsConditions(args):
	default:
		o.cmd.Instance = refOf(args[:1])
		if problem := badName(o.cmd.Instance); !problem.IsZero() {
			o.fail("%s", problem)
			o.cmd.Instance = ""
		}
		o.args = args[1:]
	}
	for len(o.args) > 0 {
		w := o.args[0]
		o.args = o.args[1:]
		switch {
		case w.is("from"):
			o.from()
		case w.is("port"):
			o.port()
		case w.is("urgent"):
			o.cmd.Urgent = true
		case w.is("because"):
			o.because(w.rest)
		case w.comma():
			// "open web-1, 2h" reads well too.
		case w.is("for") && startsDuration(o.args):
			// "open web-1 for 2h" is how people speak.
		default:
			o.other(w)
		}
	}
	if o.problem.IsZero() {
		return o.cmd, nil
	}
	return nil, better(o.cmd, "%s", o.problem)
}

// startsConditions reports whether a word belongs to what comes after the
// instance. One that is called like that needs quotes.
func startsConditions(args []word) bool {
	_, n := durationIn(args)
	return startsCondition(args[0]) || args[0].is("for") || args[0].comma() || n > 0 && !args[0].quoted
}

func startsCondition(w word) bool {
	return w.is("from") || w.is("port") || w.is("urgent") || w.is("because")
}

// from reads the list, which may have spaces around its commas.
func (o *openParser) from() {
	var list []string
	for len(o.args) > 0 {
		w := o.args[0]
		more := len(list) == 0 || strings.HasSuffix(list[len(list)-1], ",") || strings.HasPrefix(w.text, ",")
		if !more || startsCondition(w) || isDuration(w) {
			break
		}
		list = append(list, w.text)
		o.args = o.args[1:]
	}
	typed := strings.Join(list, "")
	if typed == "" {
		o.fail("After %s comes the address you connect from.", inCode("from"))
		o.addSources(exampleSource)
		return
	}
	sources, err := sshforward.ParseSources(sourceText(typed))
	if err != nil {
		o.fail("%s", messageOf(err))
		o.addSources(guessSources(typed))
		return
	}
	before := o.cmd.Sources
	o.cmd.Sources = nil
	o.addSources(sshforward.FormatSources(append(before, sources...)))
}

// addSources adds what ParseSources takes, which drops what is there twice.
func (o *openParser) addSources(list string) {
	if sources, err := sshforward.ParseSources(list); err == nil {
		o.cmd.Sources = append(o.cmd.Sources, sources...)
		return
	} else if len(o.cmd.Sources) == 0 {
		o.fail("%s", messageOf(err))
	}
}

func (o *openParser) port() {
	typed := ""
	if len(o.args) > 0 {
		typed = strings.TrimSpace(sshforward.Typed(o.args[0].text))
		o.args = o.args[1:]
	}
	n, err := strconv.Atoi(typed)
	switch {
	case typed == "":
		o.fail("After %s comes the port of sshd on the instance.", inCode("port"))
		n = 22
	case err != nil || n < 1 || n > 65535:
		o.fail("%s is not a port from 1 to 65535.", inCode(typed))
		n = 22
	case o.cmd.Port != 0 && o.cmd.Port != n:
		o.fail("There are two ports in it, %d and %d.", o.cmd.Port, n)
	}
	o.cmd.Port = n
}

// because takes the rest as it was typed.
func (o *openParser) because(start int) {
	reason := strings.TrimSpace(o.text[start:])
	o.args = nil
	switch n := utf8.RuneCountInString(reason); {
	case sshforward.Blank(reason):
		o.fail("After %s comes the reason.", inCode("because"))
		reason = "of a deployment"
	case n > maxReason:
		o.fail("The reason has %d characters, and %d are allowed.", n, maxReason)
		reason = strings.TrimSpace(cut(reason, maxReason))
	}
	o.cmd.Because = reason
}

// other reads a word that stands alone: the duration, or a mistake.
func (o *openParser) other(w word) {
	all := append([]word{w}, o.args...)
	meant, until := nearlyDuration(all)
	if d, n := durationIn(all); n >= max(meant, 1) {
		if o.cmd.Duration != 0 && o.cmd.Duration != d {
			o.fail("There are two durations in it, %s and %s.", sshforward.FormatDuration(o.cmd.Duration), sshforward.FormatDuration(d))
		}
		o.cmd.Duration, o.args = d, o.args[n-1:]
		return
	}
	if meant > 0 {
		o.args = o.args[meant-1:]
		if until {
			o.fail("Say for how long; I do not take an end such as %s.", inCode(joinWords(all[:meant])))
			o.guess("1h")
			return
		}
		o.fail("%s is not a duration.", inCode(joinWords(all[:meant])))
		o.guess(guessDuration(joinWords(all[:meant])))
		return
	}
	typed := sourceText(w.text)
	if sources, err := sshforward.ParseSources(typed); err == nil && !w.quoted {
		o.fail("An address comes after the word %s.", inCode("from"))
		o.cmd.Sources = append(o.cmd.Sources, sources...)
		return
	}
	if startsWithDigit(w.text) && !w.quoted {
		o.fail("%s is not a duration.", inCode(w.text))
		o.guess(guessDuration(w.text))
		return
	}
	o.fail("I do not understand %s; a name with spaces needs quotes.", inCode(w.text))
	if o.cmd.Duration == 0 && o.cmd.Sources == nil && o.cmd.Port == 0 && o.cmd.Instance != "" {
		name := o.cmd.Instance + " " + w.text
		if problem := badName(name); problem.IsZero() {
			o.cmd.Instance = name
		}
	}
}

// startsDuration reports whether words begin with what is meant to be a duration.
func startsDuration(args []word) bool {
	_, n := durationIn(args)
	meant, _ := nearlyDuration(args)
	return n > 0 || meant > 0 || len(args) > 0 && startsWithDigit(args[0].text)
}

// guess is the duration of the example, unless one was typed that is right.
func (o *openParser) guess(duration string) {
	if o.cmd.Duration == 0 {
		o.cmd.Duration, _ = sshforward.ParseDuration(duration)
	}
}
