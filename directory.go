package sshforward

import (
	"context"
	"errors"
	"slices"
	"strings"
)

// Directory knows people, and who belongs to a user group. What it cannot tell
// right now is EUNAVAILABLE, which callers treat as no and say so.
type Directory interface {
	// Members returns the users of a group (an id like S0123).
	Members(ctx context.Context, group string) ([]string, error)

	// Person returns what is known of a user. It may be a minute old.
	Person(ctx context.Context, user string) (Person, error)
}

// Person is what policy has to know of somebody. The zero value is a full member.
type Person struct {
	Guest       bool // of the workspace, in one channel or several
	Deactivated bool // the account was closed
	Bot         bool
	Stranger    bool // of another company
}

// checkServed refuses whom the bot does nothing for, whatever policy says. EFORBIDDEN.
func (p Person) checkServed() error {
	switch {
	case p.Stranger:
		return Errorf(EFORBIDDEN, "I only take commands from people of the workspace I am installed in.")
	case p.Deactivated:
		return Errorf(EFORBIDDEN, "The account is deactivated in Slack.")
	case p.Bot:
		return Errorf(EFORBIDDEN, "I take no commands from bots.")
	}
	return nil
}

// IsMember reports whether user is listed in who, directly or through a user
// group. EUNAVAILABLE if a group cannot be resolved and nothing else says yes:
// callers treat that as no.
func IsMember(ctx context.Context, dir Directory, user string, who []string) (bool, error) {
	if slices.Contains(who, user) {
		return true, nil
	}
	var unknown error
	for _, w := range who {
		if !IsGroup(w) {
			continue
		}
		users, err := dir.Members(ctx, w)
		switch {
		case err != nil:
			unknown = cannotTell(err)
		case slices.Contains(users, user):
			return true, nil
		}
	}
	return false, unknown
}

// IsGroup reports whether an id is a user group's and not a person's.
func IsGroup(id string) bool { return strings.HasPrefix(id, "S") }

// cannotTell is the no to who asks while a group cannot be resolved. The
// directory knows best whether asking again helps.
func cannotTell(err error) error {
	e := &Error{Code: EUNAVAILABLE, Err: err, RetryAfter: retryAfter(err)}
	if from, ok := errors.AsType[*Error](err); ok {
		e.Message = from.Message
	}
	if e.Message.IsZero() {
		e.Message = Textf("I cannot check with Slack who you are right now, so the answer is no for the moment. Try again in a minute.")
	}
	return e
}
