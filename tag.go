package sshforward

import (
	"strings"
	"unicode"
)

// TagWord is what a tag says that nothing proves. Value is empty where it does not
// look as the bot writes it, which nobody is to read.
type TagWord struct{ Key, Value string }

// maxTagValue is ELB's limit; EC2 takes one more.
const maxTagValue = 255

// TagValue is what of a text stands in a tag: what ELB does not take is replaced,
// and what is too long cut.
func TagValue(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" +-=._:/@", r) {
			return r
		}
		return '_'
	}, s)
	if r := []rune(s); len(r) > maxTagValue {
		s = string(r[:maxTagValue])
	}
	return strings.TrimSpace(s)
}
