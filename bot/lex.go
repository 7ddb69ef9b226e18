package bot

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sshforward/sshforward"
)

// A word is one word of a command, with the place where the text after it
// begins, so that a reason can be taken as it was typed.
type word struct {
	text   string
	quoted bool // never a keyword
	start  int
	rest   int
}

// is reports whether the word is a keyword, in whatever case.
func (w word) is(keyword string) bool { return !w.quoted && strings.EqualFold(w.text, keyword) }

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
	// A whole command in backticks is one that was copied from a message.
	if len(s) > 1 && s[0] == '`' && s[len(s)-1] == '`' && strings.Count(s, "`") == 2 && strings.ContainsFunc(s, unicode.IsSpace) {
		s = strings.TrimSpace(s[1 : len(s)-1])
	}
	return s
}

// Slack's clients turn typed quotes into curly ones, so any of these opens and
// any closes.
const quotes = `"“”„‟«»`

// words splits plain text. Quotes and backticks keep spaces together; inside
// them a backslash makes a quote or another backslash an ordinary character.
// A quote that is never closed runs to the end.
func words(s string) []word {
	var out []word
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		switch {
		case unicode.IsSpace(r):
			i += n
		case strings.ContainsRune(quotes, r) || r == '`':
			w := word{quoted: true, start: i}
			w.text, i = quotation(s, i+n, r)
			w.rest = i
			out = append(out, w)
		default:
			end := strings.IndexFunc(s[i:], unicode.IsSpace)
			if end < 0 {
				end = len(s) - i
			}
			out = append(out, word{text: s[i : i+end], start: i, rest: i + end})
			i += end
		}
	}
	return out
}

// quotation reads from after the opening quote and returns where the text
// after the closing one begins.
func quotation(s string, i int, open rune) (string, int) {
	var b strings.Builder
	for i < len(s) {
		r, n := utf8.DecodeRuneInString(s[i:])
		i += n
		if r == '\\' {
			next, m := utf8.DecodeRuneInString(s[i:])
			if next == '\\' || next == '`' || m > 0 && strings.ContainsRune(quotes, next) {
				b.WriteRune(next)
				i += m
				continue
			}
		}
		if open == '`' && r == '`' || open != '`' && strings.ContainsRune(quotes, r) {
			return b.String(), i
		}
		b.WriteRune(r)
	}
	return b.String(), i
}

func isDuration(w word) bool {
	_, err := sshforward.ParseDuration(w.text)
	return err == nil && !w.quoted
}
