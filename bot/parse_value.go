package bot

import (
	"errors"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sshforward/sshforward"
)

// badName says what is wrong with a name; zero if nothing is.
func badName(s string) sshforward.Text {
	switch n := utf8.RuneCountInString(s); {
	case n > maxName:
		return sshforward.Textf("A name has at most %d characters, and this one has %d.", maxName, n)
	case sshforward.Blank(s):
		return sshforward.Textf("The name in quotes is empty.")
	case strings.ContainsFunc(s, unicode.IsControl):
		return sshforward.Textf("There is a control character in the name.")
	}
	return sshforward.Text{}
}

func startsWithDigit(s string) bool { return s != "" && s[0] >= '0' && s[0] <= '9' }

// sourceText drops what a browser or Slack puts around an address.
func sourceText(s string) string {
	var out []string
	for field := range strings.SplitSeq(strings.ReplaceAll(sshforward.Typed(s), "・", "/"), ",") {
		field = strings.TrimRight(strings.Trim(strings.TrimSpace(field), backticks+singleQuotes+quotes+"()[]「」『』｢｣"), " .")
		field = strings.TrimPrefix(strings.TrimPrefix(field, "http://"), "https://")
		out = append(out, strings.TrimSuffix(field, "/"))
	}
	return strings.Join(out, ",")
}

// guessSources keeps the addresses of a list that are right, corrects those
// with host bits set, and falls back to an example.
func guessSources(typed string) string {
	var out []netip.Prefix
	for field := range strings.SplitSeq(sourceText(typed), ",") {
		field, _, _ = strings.Cut(strings.TrimSpace(field), " ")
		if p, err := netip.ParsePrefix(field); err == nil && p.Addr().Is4() {
			out = append(out, p.Masked())
		} else if a, err := netip.ParseAddr(field); err == nil && a.Is4() {
			out = append(out, netip.PrefixFrom(a, 32))
		}
	}
	for n := len(out); n > 0; n-- { // too many of them: as many as are allowed
		if list := sshforward.FormatSources(out[:n]); validSources(list) {
			return list
		}
	}
	return exampleSource
}

func validSources(list string) bool {
	_, err := sshforward.ParseSources(list)
	return err == nil
}

// messageOf is the domain's sentence without its general example: the caller has
// a better one, made from what was typed.
func messageOf(err error) sshforward.Text {
	if e, ok := errors.AsType[*sshforward.Error](err); ok {
		return e.Message
	}
	return sshforward.ErrorMessage(err)
}

func tooLongReason(s string) sshforward.Text {
	if n := utf8.RuneCountInString(s); n > maxReason {
		return sshforward.Textf("The reason has %d characters, and %d are allowed.", n, maxReason)
	}
	return sshforward.Text{}
}

const (
	maxReason = 500 // runes; more belongs into a ticket, and the card has to stay readable
	maxName   = 256 // runes; the longest value a tag in AWS may have
)
