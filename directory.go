package sshforward

import "context"

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
