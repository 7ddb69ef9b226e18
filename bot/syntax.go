package bot

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sshforward/sshforward"
)

// Slash is the command people type.
const Slash = "/sshforward"

// invalid is a parse error: a sentence, and an example that works.
func invalid(example, format string, args ...any) error {
	return &sshforward.Error{Code: sshforward.EINVALID, Message: sshforward.Textf(format, args...),
		Example: sshforward.Textf("Try %s.", inCode(Slash+" "+example))}
}

// formatCommand writes an operation the way parse reads it.
func formatCommand(op operation) string {
	switch c := op.(type) {
	case sshforward.OpenLease:
		out := "open " + quote(c.Instance)
		if c.Duration > 0 {
			out += " " + sshforward.FormatDuration(c.Duration)
		}
		if len(c.Sources) > 0 {
			out += " from " + sshforward.FormatSources(c.Sources)
		}
		if c.Port != 0 {
			out += fmt.Sprintf(" port %d", c.Port)
		}
		if c.Urgent {
			out += " urgent"
		}
		if c.Because != "" {
			out += " because " + c.Because
		}
		return out
	case listLeases:
		if c.All {
			return "list all"
		}
		return "list"
	case sshforward.CloseLease:
		switch {
		case c.All:
			return "close all"
		case c.Ref == "":
			return "close"
		}
		return "close " + quote(c.Ref)
	case sshforward.ExtendLease:
		return "extend " + quote(c.Ref) + " " + sshforward.FormatDuration(c.Duration)
	case sshforward.AbandonLease:
		return "abandon " + c.ID + " because " + c.Because
	case showLease:
		return "show " + c.ID
	case showHistory:
		return "history"
	case showSource:
		return "ip"
	case sshforward.SetSource:
		if c.Clear {
			return "ip clear"
		}
		return "ip " + sshforward.FormatSources(c.Sources)
	}
	return "help"
}

// exampleSource is from a range kept for documentation (RFC 5737).
const exampleSource = "203.0.113.7"

// quote writes a word so that words reads it back as that one word.
func quote(s string) string {
	plain := s != "" && !strings.ContainsFunc(s, unicode.IsSpace) && !keywords[strings.ToLower(s)] && !isDuration(word{text: s})
	if r, _ := utf8.DecodeRuneInString(s); plain && r != '`' && !strings.ContainsRune(quotes, r) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r == '\\' || r == '`' || strings.ContainsRune(quotes, r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}

// keywords have to be quoted when they are meant as names.
var keywords = map[string]bool{"from": true, "port": true, "because": true, "for": true, "all": true, "clear": true, "urgent": true}
