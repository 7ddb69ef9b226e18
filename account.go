package sshforward

import (
	"cmp"
	"regexp"
	"strings"
)

// Account is what a lease takes over from its account's configuration.
type Account struct {
	ListenerPort int    // what the user's ssh dials
	SSHUser      string // unless the instance's tag sshforward:user says otherwise
	// HostKeyAlias is the name under which ssh looks for host keys, unless the
	// instance's tag sshforward:host-key-alias says otherwise; {id} and {name}
	// stand for the instance's. Empty: its id.
	HostKeyAlias string
	DeadMan      bool // whether open leases have a dead-man switch
}

// Tags on an instance that go into the ssh command.
const (
	TagUser         = "sshforward:user"           // whom to log in as
	TagHostKeyAlias = "sshforward:host-key-alias" // a name that host certificates are for
)

// What a shell and sshd take as one word that means nothing else. Tags are
// written by other people.
var (
	safeUser  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,31}$`)
	safeAlias = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
)

// maxAlias is the longest name that DNS has. Counted in the expression it would take 100 kB of memory.
const maxAlias = 253

// SafeUser reports whether a login name may stand before the @ of a command that
// people paste into a shell.
func SafeUser(user string) bool { return safeUser.MatchString(user) }

// SafeHostKeyAlias reports the same of a name for host keys.
func SafeHostKeyAlias(alias string) bool {
	return len(alias) <= maxAlias && safeAlias.MatchString(alias)
}

const defaultUser = "ec2-user"

func sshUser(in Instance, a Account) string {
	if user := in.Tags[TagUser]; SafeUser(user) {
		return user
	}
	return cmp.Or(a.SSHUser, defaultUser)
}

// hostKeyAlias is empty for the instance's id.
func hostKeyAlias(in Instance, a Account) string {
	if alias := in.Tags[TagHostKeyAlias]; SafeHostKeyAlias(alias) {
		return alias
	}
	alias := strings.NewReplacer("{id}", in.ID, "{name}", in.Name).Replace(a.HostKeyAlias)
	if !SafeHostKeyAlias(alias) {
		return ""
	}
	return alias
}

// refusedTags says which tags of an instance do not go into a command, and not
// what they say: that is not for showing either.
func refusedTags(in Instance) (out []Text) {
	for _, tag := range []struct {
		key  string
		safe func(string) bool
	}{{TagUser, SafeUser}, {TagHostKeyAlias, SafeHostKeyAlias}} {
		if value, ok := in.Tags[tag.key]; ok && !tag.safe(value) {
			out = append(out, Textf("The instance's tag %s is not a plain name, so I do not put it into the ssh command.", tag.key))
		}
	}
	return out
}
