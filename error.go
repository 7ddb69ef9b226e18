package sshforward

import (
	"errors"
	"strings"
	"time"
)

// Codes say what kind of failure an [Error] is; programs match on them, never
// on text.
const (
	// EINVALID: it cannot be done as asked; asking differently may help.
	EINVALID = "invalid"
	// EFORBIDDEN: policy, or AWS permissions, do not allow it.
	EFORBIDDEN = "forbidden"
	// ENOTFOUND: the lease or the instance does not exist.
	ENOTFOUND = "not_found"
	// ECONFLICT: someone or something else was first.
	ECONFLICT = "conflict"
	// EQUOTA: a limit is reached, here or in AWS.
	EQUOTA = "quota"
	// EUNAVAILABLE: it could not be done or checked just now; trying again may help.
	EUNAVAILABLE = "unavailable"
	// EINTERNAL: anything else.
	EINTERNAL = "internal"
)

// Parts of an open request, by the names that the form has for them.
const (
	FieldInstance = "instance"
	FieldDuration = "duration"
	FieldSource   = "source"
	FieldReason   = "reason"
)

// Error is a failure with a code for programs and a sentence for people.
type Error struct {
	// Code is one of the E… constants.
	Code string
	// Message is one plain sentence, with what to do about it where there is
	// something to do. It is all that a person in Slack sees.
	Message Text
	// Example says what to write instead; whoever knows a better one leaves it
	// out. It is shown after Message.
	Example Text
	// Try is a command that would work; zero for none.
	Try Suggestion
	// Field is which part of an open request it is about, one of the Field…
	// constants, or "" for none: a form shows the sentence there.
	Field string
	// Err is the cause. It goes to the log, once, and to nobody else.
	Err error
	// RetryAfter is how long the other side asked us to stay away; zero if it
	// did not say.
	RetryAfter time.Duration
}

// Suggestion is a command to give, which each user interface writes in its own
// syntax: what to do, to which instance or lease, and what follows.
type Suggestion struct {
	Verb string // open, close, extend, list, history or ip
	Ref  string // an id or a name; "" for none
	Rest string // as it is typed, for example "1h" or "all"; "" for nothing
	// Command is set instead of these where it is the [Command] that was given,
	// corrected. It says more than the error's Example.
	Command any
}

// IsZero reports whether nothing is suggested.
func (s Suggestion) IsZero() bool { return s.Verb == "" && s.Command == nil }

// Error returns the sentence and the cause, for logs.
func (e *Error) Error() string {
	says := e.Message.And(e.Example).String()
	switch {
	case e.Err == nil:
		return says
	case says == "":
		return e.Err.Error()
	}
	return strings.TrimSuffix(says, ".") + ": " + e.Err.Error()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// ErrorCode returns the code of the outermost [Error] in err's chain, EINTERNAL
// for any other error and "" for nil.
func ErrorCode(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Code != "" {
		return e.Code
	}
	return EINTERNAL
}

// Errorf makes an [Error] that has no cause.
func Errorf(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: Textf(format, args...)}
}

// instead adds an example of what to write.
func (e *Error) instead(format string, args ...any) *Error {
	e.Example = Textf(format, args...)
	return e
}

// try adds a command that would work.
func (e *Error) try(verb, ref, rest string) *Error {
	e.Try = Suggestion{Verb: verb, Ref: ref, Rest: rest}
	return e
}

// about says which part of an open request it is about.
func (e *Error) about(field string) *Error {
	e.Field = field
	return e
}

// ErrorMessage returns the sentence for people, or a general one when err
// carries none. What Try suggests is not in it.
func ErrorMessage(err error) Text {
	if err == nil {
		return Text{}
	}
	if e, ok := errors.AsType[*Error](err); ok && !e.Message.IsZero() {
		return e.Message.And(e.Example)
	}
	return Textf("Something went wrong on my side; the operator finds the cause in my log.")
}

// Final reports whether repeating the same thing cannot help: what was asked
// is impossible, forbidden or over a limit, as opposed to not possible now.
func Final(err error) bool {
	switch ErrorCode(err) {
	case EINVALID, EFORBIDDEN, ENOTFOUND, EQUOTA:
		return true
	}
	return false
}

// retryAfter returns how long the other side asked us to stay away.
func retryAfter(err error) time.Duration {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.RetryAfter
	}
	return 0
}

// errMoved ends an update whose reason went away meanwhile.
var errMoved = errors.New("the lease has moved on")

func unlessMoved(err error) error {
	if errors.Is(err, errMoved) {
		return nil
	}
	return err
}
