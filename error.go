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

// Error is a failure with a code for programs and a sentence for people.
type Error struct {
	// Code is one of the E… constants.
	Code string
	// Message is one plain sentence, with what to do about it where there is
	// something to do. It is all that a person in Slack sees.
	Message string
	// Err is the cause. It goes to the log, once, and to nobody else.
	Err error
	// RetryAfter is how long the other side asked us to stay away; zero if it
	// did not say.
	RetryAfter time.Duration
}

// Error returns the sentence and the cause, for logs.
func (e *Error) Error() string {
	switch {
	case e.Err == nil:
		return e.Message
	case e.Message == "":
		return e.Err.Error()
	}
	return strings.TrimSuffix(e.Message, ".") + ": " + e.Err.Error()
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

// ErrorMessage returns the sentence for people, or a general one when err
// carries none.
func ErrorMessage(err error) string {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok && e.Message != "" {
		return e.Message
	}
	return "Something went wrong on my side; the operator finds the cause in my log."
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
