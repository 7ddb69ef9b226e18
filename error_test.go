package sshforward

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func TestError(t *testing.T) {
	cause := errors.New("cause")
	for _, tt := range []struct {
		err     error
		code    string
		message string
		text    string
		final   bool
	}{
		{&Error{Code: EQUOTA, Message: Textf("Full.")}, EQUOTA, "Full.", "Full.", true},
		{&Error{Code: EUNAVAILABLE, Message: Textf("Later."), Err: cause}, EUNAVAILABLE, "Later.", "Later: cause", false},
		{fmt.Errorf("open: %w", &Error{Code: EFORBIDDEN, Message: Textf("No.")}), EFORBIDDEN, "No.", "open: No.", true},
		{&Error{Code: ECONFLICT, Err: cause}, ECONFLICT, ErrorMessage(cause).String(), "cause", false},
		{&Error{Code: ENOTFOUND, Message: Textf("Gone."), Err: &Error{Code: EINTERNAL}}, ENOTFOUND, "Gone.", "Gone: ", true},
		{&Error{Message: Textf("Odd.")}, EINTERNAL, "Odd.", "Odd.", false},
		{cause, EINTERNAL, ErrorMessage(&Error{}).String(), "cause", false},
	} {
		if got := ErrorCode(tt.err); got != tt.code {
			t.Errorf("%v: code %q, want %q", tt.err, got, tt.code)
		}
		if got := ErrorMessage(tt.err).String(); got != tt.message || got == "" {
			t.Errorf("%v: message %q, want %q", tt.err, got, tt.message)
		}
		if got := tt.err.Error(); got != tt.text {
			t.Errorf("text %q, want %q", got, tt.text)
		}
		if got := Final(tt.err); got != tt.final {
			t.Errorf("%v: final is %t", tt.err, got)
		}
	}
	if ErrorCode(nil) != "" || !ErrorMessage(nil).IsZero() || Final(nil) {
		t.Error("no error is no error")
	}
	if !errors.Is(&Error{Err: cause}, cause) {
		t.Error("the cause cannot be found")
	}
	if got := retryAfter(fmt.Errorf("x: %w", &Error{RetryAfter: time.Minute})); got != time.Minute {
		t.Errorf("retry after %s", got)
	}
}
