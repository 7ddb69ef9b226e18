package sshforward

import (
	"crypto/sha256"
	"errors"
	"slices"
	"strconv"
)

// Slack delivers an envelope again when it has not heard the acknowledgement, and
// it may come to another replica, or to two at once. Nobody keeps a table of them:
// what came of one knows it, see [Lease.Envelopes], and who answers it stands with
// the person, see [Keeper.Answers].

// envelopesKept is how many envelopes a lease knows. Slack tries again for an hour
// at most, and what changes a lease so often changes nothing more the second time.
const envelopesKept = 8

// leaseID is the id of the lease that an envelope asks for: the same one wherever
// it comes to. With n above zero it is the one to take after n others that other
// leases have already. What came in no envelope gets a random one.
func leaseID(envelope string, n int) string {
	if envelope == "" {
		return NewID()
	}
	sum := sha256.Sum256([]byte(envelope + "/" + strconv.Itoa(n)))
	return idFrom([idLength]byte(sum[:idLength]))
}

// cameIn reports whether the lease was made or changed by a command in an envelope.
func (l *Lease) cameIn(envelope string) bool {
	return envelope != "" && slices.Contains(l.Envelopes, envelope)
}

// remember notes the envelope of a change.
func (l *Lease) remember(envelope string) {
	if envelope == "" {
		return
	}
	l.Envelopes = append(slices.Clone(l.Envelopes), envelope)
	l.Envelopes = l.Envelopes[max(0, len(l.Envelopes)-envelopesKept):]
}

// repeated ends a command that was done already, since its envelope came before.
type repeated struct{ lease *Lease }

func (r repeated) Error() string { return "the envelope came before, about lease " + r.lease.ID }

// asRepeated returns the lease that a command was done to before.
func asRepeated(err error) (*Lease, bool) {
	r, ok := errors.AsType[repeated](err)
	return r.lease, ok
}
