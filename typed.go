package sshforward

import (
	"regexp"
	"strings"
	"unicode"
)

// Typed is text as a keyboard without an input method would have typed it: what
// full-width letters, digits and punctuation, dashes and blanks of other scripts
// stand for, and without what nobody sees. It is for what is read by its letters;
// a reason is kept as it is.
func Typed(s string) string {
	var b strings.Builder
	last := rune(0)
	for _, r := range s {
		if Invisible(r) {
			continue
		}
		if r = plainRune(r); r == '\u30FC' && asciiWord(last) {
			r = '-' // the key of the hyphen, with the input method on
		}
		b.WriteRune(r)
		last = r
	}
	return b.String()
}

// Invisible reports whether a rune takes no room and changes no other one: blanks
// of no width, joiners, marks of direction. They come along when text is copied.
func Invisible(r rune) bool {
	switch r {
	case '\u034F', '\u115F', '\u1160', '\u17B4', '\u17B5', '\u3164', '\uFFA0':
		return true
	}
	return unicode.In(r, unicode.Cf, unicode.Variation_Selector)
}

// plainRune is the ASCII character that a rune stands for; itself for others.
func plainRune(r rune) rune {
	switch {
	case r >= '\uFF01' && r <= '\uFF5E':
		return r - 0xFEE0
	case r >= '\u2010' && r <= '\u2015', r == '\u2212', r == '\uFE58', r == '\uFE63', r == '\u2043':
		return '-'
	case r == '\u3001', r == '\uFF64', r == '\uFE50', r == '\uFE51':
		return ','
	case r == '\u3002', r == '\uFF61', r == '\uFE52':
		return '.'
	case r == '\uFF70': // half a width of it
		return '\u30FC'
	case unicode.IsSpace(r), r == '\u2800':
		return ' '
	}
	return r
}

func asciiWord(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
}

var instanceID = regexp.MustCompile(`^(?i:i-[0-9a-f]{3,17})$`)

// InstanceRef is what names an instance as it was probably meant: its id in small
// letters, or a Name tag in the letters of [Typed].
func InstanceRef(s string) string {
	s = strings.TrimSpace(Typed(s))
	if instanceID.MatchString(s) {
		return strings.ToLower(s)
	}
	return s
}

// Blank reports whether there is nothing to read in a text.
func Blank(s string) bool {
	for _, r := range s {
		if !unicode.IsSpace(r) && !Invisible(r) && r != '\u2800' {
			return false
		}
	}
	return true
}
