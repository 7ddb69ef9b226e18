package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/storetest"
)

func TestContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) storetest.Subject {
		path := filepath.Join(t.TempDir(), "leases.db")
		s := mustOpen(t, path)
		return storetest.Subject{
			Store: s,
			Reopen: func() storetest.Store {
				mustClose(t, s)
				s = mustOpen(t, path)
				return s
			},
			Lossy: func() storetest.Store { return &lossy{Store: s} },
			Fill:  func(closed, events int) { fill(t, s, closed, events) },
		}
	})
}

// lossy loses every fourth answer of a write that was done, as a commit that
// does not end in time does.
type lossy struct {
	*Store
	writes atomic.Int64
}

func (l *lossy) Put(ctx context.Context, lease *sshforward.Lease, events ...sshforward.Event) error {
	err := l.Store.Put(ctx, lease, events...)
	if err == nil && l.writes.Add(1)%4 == 0 {
		lease.Revision--
		return failed("write", errCut)
	}
	return err
}

// retrying puts once more what lossy lost the answer of, as the clients of most
// stores in a network do by themselves.
type retrying struct{ *lossy }

func (r retrying) Put(ctx context.Context, lease *sshforward.Lease, events ...sshforward.Event) error {
	err := r.lossy.Put(ctx, lease, events...)
	if errors.Is(err, errCut) {
		err = r.lossy.Put(ctx, lease, events...)
	}
	return err
}

// TestTheContractFindsAStoreThatTakesItselfForAnother is a test of the contract:
// it has to find the store that tells its own success as a conflict.
func TestTheContractFindsAStoreThatTakesItselfForAnother(t *testing.T) {
	s := newStore(t)
	err := storetest.Writers(t.Context(), []storetest.Store{retrying{&lossy{Store: s}}, s}, 30)
	if err == nil || !strings.Contains(err.Error(), "is said to be a conflict, and was written") {
		t.Errorf("it finds %v", err)
	}
}

// fill adds closed leases and events in few transactions.
func fill(t testing.TB, s *Store, closed, events int) {
	t.Helper()
	const atOnce = 10_000
	for from := 0; from < closed; from += atOnce {
		err := s.writer.do(t.Context(), write{apply: func(tx *bbolt.Tx) (bool, error) {
			for i := from; i < min(from+atOnce, closed); i++ {
				l := newLease(fmt.Sprintf("closed%07d", i))
				l.Revision, l.State, l.DueAt = 1, sshforward.Closed, l.DueAt.Add(24*time.Hour)
				value, err := json.Marshal(l)
				if err != nil {
					return true, err
				}
				if _, err := put(tx, l.ID, 0, headerOf(l), value); err != nil {
					return true, err
				}
			}
			return true, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
	}
	for from := 0; from < events; from += atOnce {
		var all []sshforward.Event
		for i := from; i < min(from+atOnce, events); i++ {
			all = append(all, over(fmt.Sprint("U", i%100), fmt.Sprintf("closed%07d", i), noon.Add(time.Duration(i)*time.Second)))
		}
		mustAppend(t, s, all...)
	}
}

// mustOpen opens a store that is checked and closed when the test ends.
func mustOpen(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if !t.Failed() {
			wantConsistent(t, s)
		}
		mustClose(t, s)
	})
	return s
}

func mustClose(t testing.TB, s *Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
}

func newStore(t testing.TB) *Store {
	t.Helper()
	return mustOpen(t, filepath.Join(t.TempDir(), "leases.db"))
}

func newLease(id string) *sshforward.Lease {
	now := time.Date(2026, 3, 4, 5, 6, 7, 8, time.UTC)
	return &sshforward.Lease{ID: id, State: sshforward.Open, RequestedAt: now, DueAt: now}
}

func mustPut(t testing.TB, s *Store, leases ...*sshforward.Lease) {
	t.Helper()
	for _, l := range leases {
		if err := s.Put(t.Context(), l); err != nil {
			t.Fatalf("Put(%s): %v", l.ID, err)
		}
	}
}

func wantCode(t testing.TB, err error, code string) {
	t.Helper()
	if got := sshforward.ErrorCode(err); got != code {
		t.Fatalf("error code %q, want %q (error: %v)", got, code, err)
	}
}

func TestDueReadsNoLease(t *testing.T) {
	s := newStore(t)
	l := newLease("aaaaaaa")
	mustPut(t, s, l)
	var value []byte
	replace(t, s, bucketLeases, l.ID, []byte("not a lease"), &value)
	ids, err := s.Due(t.Context(), l.DueAt, 10)
	if err != nil || len(ids) != 1 {
		t.Fatalf("Due: %v, %v", ids, err)
	}
	replace(t, s, bucketLeases, l.ID, value, nil)
}

func TestActiveDoesNotReadClosedLeases(t *testing.T) {
	s := newStore(t)
	closed := newLease("aaaaaaa")
	closed.State = sshforward.Closed
	mustPut(t, s, closed, newLease("bbbbbbb"))
	var value []byte
	replace(t, s, bucketLeases, closed.ID, []byte("not a lease"), &value)
	leases, err := s.Active(t.Context())
	if err != nil || len(leases) != 1 || leases[0].ID != "bbbbbbb" {
		t.Fatalf("Active: %v, %v", leases, err)
	}
	replace(t, s, bucketLeases, closed.ID, value, nil)
}

func TestUnknownFieldsAreIgnored(t *testing.T) {
	s := newStore(t)
	l := newLease("aaaaaaa")
	mustPut(t, s, l)
	var value []byte
	replace(t, s, bucketLeases, l.ID, nil, &value)
	replace(t, s, bucketLeases, l.ID, []byte(`{"OfTheFuture":{"a":[1]},`+string(value[1:])), nil)
	got, err := s.Lease(t.Context(), l.ID)
	if err != nil {
		t.Fatal(err)
	}
	if diff := storetest.Diff(l, got); diff != "" {
		t.Fatalf("(-written +read):\n%s", diff)
	}
	mustPut(t, s, got)
}

// replace writes v behind the store's back; was, if not nil, gets what was there.
func replace(t *testing.T, s *Store, bucket []byte, key string, v []byte, was *[]byte) {
	t.Helper()
	var id int
	err := s.db.Update(func(tx *bbolt.Tx) error {
		id = tx.ID()
		b := tx.Bucket(bucket)
		if was != nil {
			*was = append([]byte(nil), b.Get([]byte(key))...)
		}
		return b.Put([]byte(key), v)
	})
	if err != nil {
		t.Fatal(err)
	}
	s.watch.committed.Store(uint64(id)) // it is the store's own doing
}

func TestAClosedLeaseThatCannotBeReadIsReportedAsDamage(t *testing.T) {
	s := newStore(t)
	l := newLease("aaaaaaa")
	l.State = sshforward.Closed
	mustPut(t, s, l, newLease("bbbbbbb"))
	var was []byte
	replace(t, s, bucketLeases, l.ID, []byte(`{"Revision":"x"`), &was)

	_, errLease := s.Lease(t.Context(), l.ID)
	for what, err := range map[string]error{
		"Lease": errLease, "Put": s.Put(t.Context(), l), "Delete": s.Delete(t.Context(), l.ID, 1),
	} {
		if !errors.Is(err, ErrDamaged) || sshforward.ErrorCode(err) != sshforward.EINTERNAL {
			t.Errorf("%s: %v", what, err)
		}
	}
	if l.Revision != 1 {
		t.Errorf("a failed put moved the revision to %d", l.Revision)
	}
	// The others are not affected.
	mustPut(t, s, newLease("ccccccc"))
	if active, err := s.Active(t.Context()); err != nil || len(active) != 2 || s.Cause() != nil {
		t.Errorf("%d leases are active, %v, %v", len(active), err, s.Cause())
	}
	replace(t, s, bucketLeases, l.ID, was, nil)
}

func TestAnActiveLeaseThatCannotBeReadIsDamageAtTheNextStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	s, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := newLease("aaaaaaa")
	mustPut(t, s, l)
	replace(t, s, bucketLeases, l.ID, []byte(`{"Revision":"x"`), nil)
	mustClose(t, s)
	if _, err := Open(path, Options{}); !errors.Is(err, ErrDamaged) {
		t.Errorf("Open: %v", err)
	}
}

func TestAValueThatCannotBeEncodedIsRefused(t *testing.T) {
	s := newStore(t)
	l := newLease("aaaaaaa")
	l.OpenBy = time.Date(12345, 1, 1, 0, 0, 0, 0, time.UTC)
	wantCode(t, s.Put(t.Context(), l), sshforward.EINVALID)
	wantCode(t, s.Put(t.Context(), newLease(strings.Repeat("a", maxKey+1))), sshforward.EINVALID)
	wantCode(t, s.SetSource(t.Context(), "", nil), sshforward.EINVALID)
	if l.Revision != 0 {
		t.Errorf("revision moved to %d", l.Revision)
	}
}

func TestAfterCloseEverythingSaysSo(t *testing.T) {
	s := newStore(t)
	l := newLease("aaaaaaa")
	mustPut(t, s, l)
	mustClose(t, s)
	mustClose(t, s)

	_, errLease := s.Lease(t.Context(), l.ID)
	_, errDue := s.Due(t.Context(), l.DueAt, 1)
	_, errActive := s.Active(t.Context())
	_, errSource := s.Source(t.Context(), "U1")
	for what, err := range map[string]error{
		"Lease": errLease, "Due": errDue, "Active": errActive, "Source": errSource,
		"Put":       s.Put(t.Context(), l),
		"Delete":    s.Delete(t.Context(), l.ID, l.Revision),
		"SetSource": s.SetSource(t.Context(), "U1", nil),
	} {
		if !errors.Is(err, ErrClosed) || sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
			t.Errorf("%s: %v", what, err)
		}
	}
	if l.Revision != 1 {
		t.Errorf("a refused put moved the revision to %d", l.Revision)
	}
}

func TestReadsHonourTheContext(t *testing.T) {
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Active(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("Active: %v", err)
	}
}

func TestACopyMadeWhileOpenIsAStore(t *testing.T) {
	s := newStore(t)
	mustPut(t, s, newLease("aaaaaaa"))
	copied := filepath.Join(t.TempDir(), "copy.db")
	if err := s.db.View(func(tx *bbolt.Tx) error { return tx.CopyFile(copied, 0o600) }); err != nil {
		t.Fatal(err)
	}
	if _, err := mustOpen(t, copied).Lease(t.Context(), "aaaaaaa"); err != nil {
		t.Fatal(err)
	}
}
