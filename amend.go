package sshforward

import (
	"regexp"
	"regexp/syntax"
)

// refusal is an error about a request that would be let in with a change.
type refusal struct {
	says  *Error
	amend func(*OpenLease)
}

// Error returns what the log has of it.
func (r refusal) Error() string { return r.says.Error() }

// Unwrap returns what people are told.
func (r refusal) Unwrap() error { return r.says }

// amendable says of an error what would have to change in the request.
func amendable(err error, amend func(*OpenLease)) error {
	if e, ok := err.(*Error); ok {
		return refusal{e, amend}
	}
	return err
}

// admit refuses what is shorter than any lease.
func (t Timing) admit(l *Lease) error {
	if l.Duration >= t.Min {
		return nil
	}
	return amendable(Errorf(EINVALID, "%s is shorter than the %s a lease has at least.", l.Duration, t.Min).about(FieldDuration),
		func(c *OpenLease) { c.Duration = t.Min })
}

// exampleReason stands where a reason is missing: because …
const exampleReason = "of a deployment"

// reasonFor is one that a pattern takes, which may be nil; "" if none can be made
// up.
func reasonFor(pattern *regexp.Regexp) string {
	for _, reason := range []string{exampleReason, matching(pattern)} {
		if reason != "" && (pattern == nil || pattern.MatchString(reason)) {
			return reason
		}
	}
	return ""
}

// matching makes up a short text for a pattern: TICKET-1 for ^[A-Z]+-[0-9]+. It
// knows what is in patterns of ticket numbers, and has to be tried.
func matching(pattern *regexp.Regexp) string {
	if pattern == nil {
		return ""
	}
	tree, err := syntax.Parse(pattern.String(), syntax.Perl)
	if err != nil {
		return ""
	}
	var write func(*syntax.Regexp) string
	write = func(e *syntax.Regexp) (out string) {
		switch e.Op {
		case syntax.OpLiteral:
			return string(e.Rune)
		case syntax.OpCharClass:
			for i := 0; i+1 < len(e.Rune); i += 2 { // a letter or a digit, if it takes one
				for _, r := range []rune{'1', 'A', 'a'} {
					if e.Rune[i] <= r && r <= e.Rune[i+1] {
						return string(r)
					}
				}
			}
			if len(e.Rune) > 0 {
				return string(e.Rune[0])
			}
		case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
			return "x"
		case syntax.OpCapture, syntax.OpPlus:
			return write(e.Sub[0])
		case syntax.OpRepeat:
			for range e.Min {
				out += write(e.Sub[0])
			}
		case syntax.OpAlternate:
			return write(e.Sub[0])
		case syntax.OpConcat:
			for _, s := range e.Sub {
				out += write(s)
			}
		}
		return out
	}
	return write(tree)
}
