package playground

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
)

// keptTraffic is how many sessions, and how many refusals, are remembered.
const keptTraffic = 200

// traffic remembers who came through a forward and who did not: of that the bot
// knows nothing, since it is in no data path.
type traffic struct {
	tell func(at time.Time, kind, format string, args ...any) // to the chronicle

	mu       sync.Mutex
	last     int
	sessions []web.Session
	refusals []web.Refusal
}

// came is somebody who has logged in, and returns the number of the session.
func (t *traffic) came(lease, instance string, from netip.Addr) (id int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	t.sessions = lastOf(append(t.sessions, web.Session{
		ID: t.last, Lease: lease, Instance: instance, From: from.String(), Began: time.Now().UTC(),
	}))
	t.tell(time.Now(), ofSession, "Somebody logs in to %s by ssh, from %s", instance, from)
	return t.last
}

// ended is a session that is over, cut by the load balancer or left by who was
// there; the first word about it counts. Zero is nobody's.
func (t *traffic) ended(id int, cut bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	i := slices.IndexFunc(t.sessions, func(s web.Session) bool { return s.ID == id })
	if i >= 0 && t.sessions[i].Ended.IsZero() {
		s := &t.sessions[i]
		s.Ended, s.Cut = time.Now().UTC(), cut
		how := map[bool]string{true: "is cut", false: "is over"}[cut]
		t.tell(s.Ended, ofSession, "The ssh session on %s from %s %s", s.Instance, s.From, how)
	}
}

// refused is somebody whom the security group did not let in.
func (t *traffic) refused(lease string, from netip.Addr) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	t.tell(time.Now(), ofRefusal, "A connection from %s is refused: the security group lets in nobody from there", from)
	t.refusals = lastOf(append(t.refusals, web.Refusal{ID: t.last, Lease: lease, From: from.String(), At: time.Now().UTC()}))
}

// all is what is remembered, the oldest first.
func (t *traffic) all() ([]web.Session, []web.Refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.sessions), slices.Clone(t.refusals)
}

func lastOf[T any](all []T) []T { return all[max(0, len(all)-keptTraffic):] }
