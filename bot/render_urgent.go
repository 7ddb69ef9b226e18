package bot

import "github.com/sshforward/sshforward"

// urgentWord stands after the lease's id in the value of the second Open
// button of an urgent lease.
const urgentWord = "urgent"

// asksAgain reports whether a yes was not enough: an urgent lease takes a
// second one, given after being told what that means.
func asksAgain(cmd sshforward.ConfirmLease, l *sshforward.Lease) bool {
	return l != nil && l.Urgent && !cmd.Urgent && l.State == sshforward.Requested
}
