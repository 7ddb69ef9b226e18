package bot

import (
	"fmt"
	"strings"

	"github.com/sshforward/sshforward"
)

// Slash is the command people type.
const Slash = "/sshforward"

// invalid is a parse error: a sentence, and an example that works.
func invalid(example, format string, args ...any) error {
	return &sshforward.Error{Code: sshforward.EINVALID, Message: sshforward.Textf(format, args...),
		Example: sshforward.Textf("Try %s.", inCode(Slash+" "+example))}
}

// better is a parse error: a sentence, and the command that was meant.
func better(cmd any, format string, args ...any) error {
	return &sshforward.Error{Code: sshforward.EINVALID, Message: sshforward.Textf(format, args...),
		Try: sshforward.Suggestion{Command: cmd}}
}

// formatCommand writes an operation the way parse reads it.
func formatCommand(op operation) string {
	switch c := op.(type) {
	case sshforward.OpenLease:
		out := "open"
		if c.Instance != "" {
			out += " " + quote(c.Instance)
		}
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
		if c.Ref == "" {
			return "extend " + sshforward.FormatDuration(c.Duration)
		}
		return "extend " + quote(c.Ref) + " " + sshforward.FormatDuration(c.Duration)
	case sshforward.ChangeSource:
		if c.Ref == "" {
			return "from " + c.To.Addr().String()
		}
		return "from " + quote(c.Ref) + " " + c.To.Addr().String()
	case sshforward.AbandonLease:
		return "abandon " + c.ID + " because " + c.Because
	case showWhy:
		return "why " + quote(c.Ref)
	case showLease:
		return "show " + c.ID
	case showHistory:
		return "history"
	case askAgain:
		return fmt.Sprintf("again %d", c.Nth)
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
	if plain := words(s); len(plain) == 1 && !plain[0].quoted && refOf(plain) == s && !keywords[strings.ToLower(s)] && !mayBeDuration(s) {
		return s
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r == '\\' || isQuote(r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String()
}

// mayBeDuration reports whether a name would be read as a duration, or as the
// number of one whose unit follows.
func mayBeDuration(s string) bool {
	return isDuration(word{text: s}) || strings.Trim(s, "0123456789.") == ""
}

// keywords have to be quoted when they are meant as names.
var keywords = map[string]bool{"from": true, "port": true, "because": true, "for": true, "by": true,
	"all": true, "clear": true, "urgent": true}
