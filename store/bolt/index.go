package bolt

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
)

var (
	bucketMeta    = []byte("meta")
	bucketLeases  = []byte("leases")
	bucketDue     = []byte("due")
	bucketActive  = []byte("active")
	bucketSources = []byte("sources")
)

// maxKey bounds ids, in bytes. It is far above any id of Slack's or ours; a
// longer one in an index key is a sign of damage.
const maxKey = 128

// header is what compare-and-swap and the indexes need of a stored lease.
type header struct {
	Revision    uint64
	State       sshforward.State
	RequestedAt time.Time
	DueAt       time.Time
}

func headerOf(l *sshforward.Lease) header {
	return header{Revision: l.Revision, State: l.State, RequestedAt: l.RequestedAt, DueAt: l.DueAt}
}

// dueKey and activeKey are the lease's keys in the indexes, nil for none.
func (h header) dueKey(id string) []byte {
	if h.DueAt.IsZero() {
		return nil
	}
	return joinKey(h.DueAt, id)
}

func (h header) activeKey(id string) []byte {
	if h.State == sshforward.Closed {
		return nil
	}
	return joinKey(h.RequestedAt, id)
}

// put writes the lease and its index entries if the stored revision is still
// the given one. It reports whether it changed anything.
func put(tx *bbolt.Tx, id string, revision uint64, next header, value []byte) (bool, error) {
	leases := tx.Bucket(bucketLeases)
	old, found, err := stored(leases, id)
	if err != nil {
		return false, err
	}
	if old.Revision != revision {
		return false, sshforward.RevisionConflict(id, revision, old.Revision)
	}
	if err := leases.Put([]byte(id), value); err != nil {
		return true, err
	}
	var oldDue, oldActive []byte
	if found {
		oldDue, oldActive = old.dueKey(id), old.activeKey(id)
	}
	if err := move(tx.Bucket(bucketDue), oldDue, next.dueKey(id)); err != nil {
		return true, err
	}
	return true, move(tx.Bucket(bucketActive), oldActive, next.activeKey(id))
}

// remove deletes the lease and its index entries if the stored revision is
// still the given one. It reports whether it changed anything.
func remove(tx *bbolt.Tx, id string, revision uint64) (bool, error) {
	leases := tx.Bucket(bucketLeases)
	old, found, err := stored(leases, id)
	switch {
	case err != nil:
		return false, err
	case !found:
		return false, nil
	case old.Revision != revision:
		return false, sshforward.RevisionConflict(id, revision, old.Revision)
	}
	if err := leases.Delete([]byte(id)); err != nil {
		return true, err
	}
	if err := move(tx.Bucket(bucketDue), old.dueKey(id), nil); err != nil {
		return true, err
	}
	return true, move(tx.Bucket(bucketActive), old.activeKey(id), nil)
}

// move replaces one index entry by another; nil stands for none.
func move(index *bbolt.Bucket, from, to []byte) error {
	if bytes.Equal(from, to) {
		return nil
	}
	if from != nil {
		if err := index.Delete(from); err != nil {
			return err
		}
	}
	if to == nil {
		return nil
	}
	return index.Put(to, nil)
}

// stored returns the header of a stored lease; a lease that is not there has
// the zero header, so revision 0.
func stored(leases *bbolt.Bucket, id string) (h header, found bool, err error) {
	v := leases.Get([]byte(id))
	if v == nil {
		return header{}, false, nil
	}
	if err := json.Unmarshal(v, &h); err != nil {
		return header{}, true, fmt.Errorf("%w: decode lease %s: %w", ErrDamaged, id, err)
	}
	return h, true, nil
}

// lease reads one lease. The result shares nothing with the file.
func lease(tx *bbolt.Tx, id []byte) (*sshforward.Lease, error) {
	v := tx.Bucket(bucketLeases).Get(id)
	if v == nil {
		return nil, &sshforward.Error{
			Code:    sshforward.ENOTFOUND,
			Message: sshforward.Textf("There is no lease %s.", id),
		}
	}
	var l sshforward.Lease
	if err := json.Unmarshal(v, &l); err != nil {
		return nil, fmt.Errorf("%w: decode lease %s: %w", ErrDamaged, id, err)
	}
	return &l, nil
}

func joinKey(t time.Time, id string) []byte {
	k := make([]byte, 8, 8+len(id))
	binary.BigEndian.PutUint64(k, sortable(t))
	return append(k, id...)
}

// splitKey takes an index key apart. id is only good as long as k is.
func splitKey(k []byte) (at uint64, id []byte, err error) {
	if len(k) <= 8 || len(k) > 8+maxKey {
		return 0, nil, fmt.Errorf("%w: index key of %d bytes", ErrDamaged, len(k))
	}
	return binary.BigEndian.Uint64(k), k[8:], nil
}

var (
	firstInstant = time.Unix(0, math.MinInt64) // in 1677
	lastInstant  = time.Unix(0, math.MaxInt64) // in 2262
)

// sortable maps a time to a number that sorts as the times do, in nanoseconds.
// Flipping the sign bit puts the times before 1970 before the others; times
// that nanoseconds in 64 bits cannot express, the zero time among them, are
// moved to the nearest that they can.
func sortable(t time.Time) uint64 {
	switch {
	case t.Before(firstInstant):
		t = firstInstant
	case t.After(lastInstant):
		t = lastInstant
	}
	return uint64(t.UnixNano()) ^ 1<<63
}

// checkKey refuses what bbolt could not store, before it spoils a commit that
// others share.
func checkKey(what, key string) error {
	if key == "" || len(key) > maxKey {
		return &sshforward.Error{
			Code:    sshforward.EINVALID,
			Message: sshforward.Textf("A %s has 1 to %d characters.", what, maxKey),
		}
	}
	return nil
}
