package bot

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
)

// language is one that people read. English stands in the code,
// where it is also the key of its translations; the others are PO files, which
// every translation tool reads (locale/ja.po).
type language struct {
	tag   string            // "en", "ja"
	words func() *catalogue // nil: English
	units *strings.Replacer // of a duration, for its letters; nil: as they are
}

//go:embed locale/ja.po
var japanesePO []byte

var (
	english  = &language{tag: "en"}
	japanese = &language{tag: "ja", words: sync.OnceValue(func() *catalogue { return mustCatalogue(japanesePO) }),
		units: strings.NewReplacer("d", "日", "h", "時間", "m", "分", "s", "秒")}
)

// Languages are what Options.Language may be.
func Languages() []string { return []string{english.tag, japanese.tag} }

// languageOf is the language of a locale as Slack has them, as in ja-JP, or of
// a tag; anything that is not there is English.
func languageOf(locale string) *language {
	if tag, _, _ := strings.Cut(strings.ToLower(locale), "-"); tag == japanese.tag {
		return japanese
	}
	return english
}

// say puts a sentence into the language. The format is a literal wherever say
// is called, so that a test finds all of them (language_test.go).
func (g *language) say(format string, args ...any) string {
	if g.words == nil {
		return fmt.Sprintf(format, args...)
	}
	return apart(fmt.Sprintf(g.translate(format), args...))
}

// apart puts a space between Japanese punctuation and a code span that begins
// after it: Slack sees no markup there otherwise.
func apart(s string) string {
	var b strings.Builder
	last, inside := rune(0), false
	for _, r := range s {
		if r == '`' {
			if !inside && (last == '、' || last == '。') {
				b.WriteByte(' ')
			}
			inside = !inside
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// label is say for the words on a button, which is something to do: elsewhere
// the same word may be a state.
func (g *language) label(format string, args ...any) string {
	if g.words == nil {
		return fmt.Sprintf(format, args...)
	}
	return fmt.Sprintf(g.words().get(onButton, format), args...)
}

// onButton is the gettext context of labels.
const onButton = "button"

// sayN is say for a sentence that English has in two forms. Both take the same
// args.
func (g *language) sayN(one, many string, n int, args ...any) string {
	format := many
	switch {
	case g.words != nil:
		format = g.words().getN(one, many, n)
	case n == 1:
		format = one
	}
	return fmt.Sprintf(format, args...)
}

// text puts what the domain says into the language.
func (g *language) text(t sshforward.Text) string {
	if t.IsZero() {
		return ""
	}
	if g.words != nil {
		return apart(t.In(g.translate, g.span))
	}
	return t.In(g.translate, g.span)
}

func (g *language) translate(format string) string {
	if g.words == nil {
		return format
	}
	return g.words().get("", format)
}

// span writes a duration as people read it; in a command it has to be
// [sshforward.FormatDuration] in any language.
func (g *language) span(d time.Duration) string {
	s := sshforward.FormatDuration(d)
	if g.units != nil {
		s = g.units.Replace(s)
	}
	return s
}

// approx is span rounded for people: whole minutes from ten minutes on.
func (g *language) approx(d time.Duration) string {
	if d >= 10*time.Minute {
		d = d.Round(time.Minute)
	}
	return g.span(d)
}

// dollars is an estimate, so it is never less than a cent.
func (g *language) dollars(f float64) string { return g.say("about $%.2f", max(f, 0.01)) }

// timeLeft is the time that is left, for a sentence: the end comes …
func (g *language) timeLeft(d time.Duration) string {
	m, s := int((d+30*time.Second)/time.Minute), max(1, int(d.Round(time.Second)/time.Second))
	switch {
	case d <= 0:
		return g.say("now")
	case d < time.Minute:
		return g.sayN("in %d second", "in %d seconds", s, s)
	default:
		return g.sayN("in %d minute", "in %d minutes", m, m)
	}
}

// maxNamed is how many are named in a sentence.
const maxNamed = 10

// anyOf mentions people and groups of whom one is enough: a, b or c.
func (g *language) anyOf(ids []string) string {
	return g.enumerate(g.people(ids), func(a, b string) string { return g.say("%s or %s", a, b) })
}

// allOf mentions people and groups: a, b and c.
func (g *language) allOf(ids []string) string {
	return g.enumerate(g.people(ids), func(a, b string) string { return g.say("%s and %s", a, b) })
}

func (g *language) people(ids []string) []string {
	var out []string
	for i, id := range ids {
		if i == maxNamed {
			return append(out, g.say("%d more", len(ids)-i))
		}
		out = append(out, mentionAny(id))
	}
	return out
}

func (g *language) enumerate(items []string, last func(a, b string) string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	out, end := items[0], len(items)-1
	for _, item := range items[1:end] {
		out = g.say("%s, %s", out, item)
	}
	return last(out, items[end])
}
