package bot

import (
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/sshforward/sshforward"
)

// A word is one word of a command, with the place where the text after it
// begins, so that a reason can be taken as it was typed. What is not in quotes
// is in the letters of [sshforward.Typed].
type word struct {
	text   string
	quoted bool // never a keyword
	start  int
	rest   int
}

// is reports whether the word is a keyword, in whatever case.
func (w word) is(keyword string) bool { return !w.quoted && strings.EqualFold(w.text, keyword) }

// comma reports whether the word is one that stands alone, as between two
// addresses; elsewhere it means nothing.
func (w word) comma() bool { return !w.quoted && w.text == "," }

// autoLink matches what Slack makes of an address when it links it by itself:
// <http://web-1.example.com|web-1.example.com>. Mentions (<@U1>, <#C1|ops>,
// <!here>) are none.
var autoLink = regexp.MustCompile(`<([a-zA-Z][a-zA-Z0-9+.-]*:[^<>|\s]*)(?:\|([^<>]*))?>`)

// entities undoes Slack's escaping of the three characters it escapes; once,
// so that a typed &amp;lt; stays one.
var entities = strings.NewReplacer("&amp;", "&", "&lt;", "<", "&gt;", ">")

// plainText is text as it was typed, before Slack's client formatted it.
func plainText(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	s = autoLink.ReplaceAllStringFunc(s, func(m string) string {
		part := autoLink.FindStringSubmatch(m)
		if part[2] != "" {
			return part[2]
		}
		return part[1]
	})
	s = strings.TrimSpace(entities.Replace(s))
	// A whole command in backticks or quotes is one that was copied from a message.
	if inner, ok := unwrap(s); ok {
		return inner
	}
	return s
}

// unwrap takes the quotes off a whole command; false if there are none around it,
// or others in it.
func unwrap(s string) (string, bool) {
	bare := strings.TrimFunc(s, func(r rune) bool { return unicode.IsSpace(r) || sshforward.Invisible(r) })
	open, n := utf8.DecodeRuneInString(bare)
	last, m := utf8.DecodeLastRuneInString(bare)
	if len(bare) < n+m || !closes(open, last) {
		return "", false
	}
	inner := strings.TrimSpace(bare[n : len(bare)-m])
	if !strings.ContainsFunc(inner, unicode.IsSpace) || strings.ContainsFunc(inner, func(r rune) bool { return closes(open, r) }) {
		return "", false
	}
	return inner, true
}

// Slack's clients turn typed quotes into curly ones, so any of a row opens and
// any of it closes. Single ones are also apostrophes, see [singleQuoted].
const (
	quotes       = `"“”„‟«»＂`
	singleQuotes = "'‘’‚‛＇"
	backticks    = "`｀"
)

var cornerQuotes = map[rune]rune{'「': '」', '『': '』', '｢': '｣'}

// closes reports whether a quotation that begins with one rune may end with the
// other; false if the first begins none.
func closes(open, r rune) bool {
	for _, row := range []string{quotes, singleQuotes, backticks} {
		if strings.ContainsRune(row, open) {
			return strings.ContainsRune(row, r)
		}
	}
	end, ok := cornerQuotes[open]
	return ok && end == r
}

func opensQuotation(r rune) bool {
	_, corner := cornerQuotes[r]
	return corner || strings.ContainsRune(quotes+singleQuotes+backticks, r)
}

// words splits plain text. Quotes and backticks keep spaces together; inside
// them a backslash makes a quote or another backslash an ordinary character.
// A quote that is never closed runs to the end. Commas that no keyboard without
// an input method has are words of their own, and so is one at the end of a word.
func words(s string) []word {
	var out []word
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case blank(r):
			i += n
		case sshforward.Typed(string(r)) == ",":
			out = append(out, word{text: ",", start: i, rest: i + n})
			i += n
		case opensQuotation(r) && !apostrophe(s[i:], r):
			w := word{quoted: true, start: i}
			w.text, i = quotation(s, i+n, r)
			w.rest = i
			out = append(out, w)
		default:
			end := i + endOfWord(s[i:])
			out = append(out, word{text: sshforward.Typed(s[i:end]), start: i, rest: end})
			i = end
		}
	}
	return out
}

func blank(r rune) bool { return unicode.IsSpace(r) || sshforward.Invisible(r) || r == '\u2800' }

// endOfWord is the length of the word at the beginning of s.
func endOfWord(s string) int {
	for i, r := range s {
		switch {
		case unicode.IsSpace(r) || r == '\u2800':
			return i
		case r != ',' && sshforward.Typed(string(r)) == ",":
			return i
		case r == ',' && i > 0:
			if next, n := utf8.DecodeRuneInString(s[i+1:]); n == 0 || blank(next) {
				return i
			}
		}
	}
	return len(s)
}

// apostrophe reports whether a single quote begins no quotation: none ends with a
// word further on.
func apostrophe(s string, r rune) bool {
	if !strings.ContainsRune(singleQuotes, r) {
		return false
	}
	_, n := utf8.DecodeRuneInString(s)
	return closing(s[n:], r) < 0
}

// closing finds the quote that ends a quotation: of single ones one at the end of
// a word. It is -1 if there is none.
func closing(s string, open rune) int {
	single := strings.ContainsRune(singleQuotes, open)
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == '\\' && escapes(s[i+n:]) > 0 {
			i += n + escapes(s[i+n:])
			continue
		}
		if closes(open, r) {
			next, m := utf8.DecodeRuneInString(s[i+n:])
			if !single || m == 0 || blank(next) || sshforward.Typed(string(next)) == "," {
				return i
			}
		}
		i += n
	}
	return -1
}

// escapes is the length of what a backslash before s makes an ordinary character;
// 0 if it stands for itself.
func escapes(s string) int {
	r, n := utf8.DecodeRuneInString(s)
	if n > 0 && (r == '\\' || isQuote(r)) {
		return n
	}
	return 0
}

// isQuote reports whether a rune begins or ends a quotation of some kind.
func isQuote(r rune) bool {
	return opensQuotation(r) || strings.ContainsRune("」』｣", r)
}

// quotation reads from after the opening quote and returns where the text
// after the closing one begins.
func quotation(s string, i int, open rune) (string, int) {
	end, after := len(s), len(s)
	if at := closing(s[i:], open); at >= 0 {
		_, n := utf8.DecodeRuneInString(s[i+at:])
		end, after = i+at, i+at+n
	}
	var b strings.Builder
	for i < end {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if m := escapes(s[i:]); r == '\\' && m > 0 {
			b.WriteString(s[i : i+m])
			i += m
			continue
		}
		b.WriteRune(r)
	}
	return b.String(), after
}

// durationIn reads the duration that words begin with, which may be several of
// them (1h 30m, 2 hours), and returns how many; 0 if they begin with none.
func durationIn(args []word) (d time.Duration, n int) {
	for n = min(len(args), maxDurationWords); n > 0; n-- {
		if d, err := sshforward.ParseDuration(joinWords(args[:n])); err == nil {
			return d, n
		}
	}
	return 0, 0
}

// maxDurationWords is how many words a duration has at most: 1 day 2 hours and 3
// minutes 4 seconds.
const maxDurationWords = 9

// isDuration reports whether a word alone is one.
func isDuration(w word) bool {
	_, err := sshforward.ParseDuration(w.text)
	return err == nil && !w.quoted
}

// joinWords is what was typed, one space between the words.
func joinWords(args []word) string {
	out := ""
	for i, w := range args {
		if i > 0 && !w.comma() {
			out += " "
		}
		out += w.text
	}
	return out
}

// refOf is the lease or the instance that words name, with or without quotes.
func refOf(args []word) string {
	args = trimCommas(args)
	if len(args) == 1 && args[0].quoted {
		return args[0].text
	}
	return sshforward.InstanceRef(joinWords(args))
}

// trimCommas are words without the commas around them.
func trimCommas(args []word) []word {
	for len(args) > 0 && args[0].comma() {
		args = args[1:]
	}
	for len(args) > 0 && args[len(args)-1].comma() {
		args = args[:len(args)-1]
	}
	return args
}
