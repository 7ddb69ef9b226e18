package bolt

import (
	"cmp"
	"encoding/json"
	"slices"
	"sync"
	"time"

	"github.com/sshforward/sshforward"
)

// kept is what was last written of each lease that is not closed, for the day
// on which the file is lost: access has to end all the same. It is as large as
// the active leases, whatever else is in the file.
type kept struct {
	mu     sync.Mutex
	leases map[string]keptLease
}

type keptLease struct {
	header
	value []byte // as in the file
}

func (k *kept) put(id string, h header, value []byte) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if h.State == sshforward.Closed {
		delete(k.leases, id)
		return
	}
	if k.leases == nil {
		k.leases = make(map[string]keptLease)
	}
	k.leases[id] = keptLease{h, value}
}

func (k *kept) remove(id string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.leases, id)
}

func (k *kept) has(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.leases[id]
	return ok
}

// lease returns a lease, nil if it is closed or was never there.
func (k *kept) lease(id string) *sshforward.Lease {
	k.mu.Lock()
	defer k.mu.Unlock()
	l, ok := k.leases[id]
	if !ok {
		return nil
	}
	return l.decode()
}

// decode cannot fail: the value was made from a lease, or read as one.
func (l keptLease) decode() *sshforward.Lease {
	var lease sshforward.Lease
	_ = json.Unmarshal(l.value, &lease)
	return &lease
}

func (k *kept) due(now time.Time, limit int) (ids []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for id, l := range k.leases {
		if !l.DueAt.IsZero() && !l.DueAt.After(now) {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		return cmp.Or(k.leases[a].DueAt.Compare(k.leases[b].DueAt), cmp.Compare(a, b))
	})
	return ids[:min(limit, len(ids))]
}

func (k *kept) active() (leases []*sshforward.Lease) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.leases {
		leases = append(leases, l.decode())
	}
	slices.SortFunc(leases, func(a, b *sshforward.Lease) int {
		return cmp.Or(a.RequestedAt.Compare(b.RequestedAt), cmp.Compare(a.ID, b.ID))
	})
	return leases
}
