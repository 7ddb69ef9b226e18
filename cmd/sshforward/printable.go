package main

import (
	"fmt"
	"io"
	"strings"
	"unicode"
)

// printable is s as a terminal or a log may have it. Whoever may tag in AWS
// writes tag values: with control characters, those of C1 among them, they would
// move the cursor or begin a new line, with bidirectional ones turn a sentence
// around. Such characters are shown by their number.
func printable(s string) string {
	if strings.IndexFunc(s, unprintable) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if unprintable(r) {
			escapeRune(&b, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unprintable characters are control characters, formats (bidirectional ones and
// those without a width) and the two separators that some take for line ends.
func unprintable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029'
}

func escapeRune(w io.Writer, r rune) {
	if r > 0xffff { // as JSON has it, in two halves
		r -= 0x10000
		fmt.Fprintf(w, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		return
	}
	fmt.Fprintf(w, `\u%04x`, r)
}

// plainJSON writes lines of JSON, in which encoding/json leaves C1 and
// bidirectional characters as they are, with those escaped too: it means the same.
type plainJSON struct{ w io.Writer }

func (p plainJSON) Write(line []byte) (int, error) {
	text, end := strings.CutSuffix(string(line), "\n")
	text = printable(text)
	if end {
		text += "\n"
	}
	if _, err := io.WriteString(p.w, text); err != nil {
		return 0, err
	}
	return len(line), nil
}
