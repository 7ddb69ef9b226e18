package sshforward

import (
	"cmp"
	"regexp"
)

// Account is what a lease takes over from its account's configuration.
type Account struct {
	ListenerPort int    // what the user's ssh dials
	SSHUser      string // unless the instance's tag sshforward:user says otherwise
	DeadMan      bool   // whether open leases have a dead-man switch
}

// TagUser on an instance names the user to log in as.
const TagUser = "sshforward:user"

// safeUser is what may stand before the @ of a command that people paste into
// a shell. Tags are written by other people.
var safeUser = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)

func sshUser(in Instance, a Account) string {
	if user := in.Tags[TagUser]; safeUser.MatchString(user) {
		return user
	}
	return cmp.Or(a.SSHUser, "ec2-user")
}
