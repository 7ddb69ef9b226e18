package sshforward

import "context"

// Directory knows who belongs to a user group.
type Directory interface {
	// Member reports whether user is in group (an id like S0123).
	// EUNAVAILABLE if that cannot be told right now, which callers treat as
	// no and say so.
	Member(ctx context.Context, user, group string) (bool, error)
}
