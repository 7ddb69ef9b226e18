package bolt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/storetest"
)

// wantConsistent checks bbolt's pages, and that the indexes say exactly what
// the leases say.
func wantConsistent(t testing.TB, s *Store) {
	t.Helper()
	err := s.db.View(func(tx *bbolt.Tx) error {
		for err := range tx.Check() {
			t.Errorf("bbolt: %v", err)
		}
		due, active := 0, 0
		err := tx.Bucket(bucketLeases).ForEach(func(k, v []byte) error {
			var h header
			if err := json.Unmarshal(v, &h); err != nil {
				return fmt.Errorf("lease %s: %w", k, err)
			}
			for _, index := range []struct {
				name, key []byte
				count     *int
			}{
				{bucketDue, h.dueKey(string(k)), &due},
				{bucketActive, h.activeKey(string(k)), &active},
			} {
				if index.key == nil {
					continue
				}
				*index.count++
				if tx.Bucket(index.name).Get(index.key) == nil {
					t.Errorf("lease %s is not in %s", k, index.name)
				}
			}
			return nil
		})
		checkPast(t, tx)
		checkKept(t, s, tx)
		if n := tx.Bucket(bucketDue).Stats().KeyN; n != due {
			t.Errorf("%d entries in due for %d leases", n, due)
		}
		if n := tx.Bucket(bucketActive).Stats().KeyN; n != active {
			t.Errorf("%d entries in active for %d leases", n, active)
		}
		return err
	})
	if err != nil && !errors.Is(err, berrors.ErrDatabaseNotOpen) {
		t.Error(err)
	}
}

// checkKept checks that memory has what the file has of the active leases.
func checkKept(t testing.TB, s *Store, tx *bbolt.Tx) {
	t.Helper()
	inFile := tx.Bucket(bucketActive).Stats().KeyN
	for _, l := range s.kept.active() {
		stored, err := lease(tx, []byte(l.ID))
		if err != nil {
			t.Errorf("lease %s is in memory: %v", l.ID, err)
			continue
		}
		if diff := storetest.Diff(stored, l); diff != "" {
			t.Errorf("lease %s (-file +memory):\n%s", l.ID, diff)
		}
		inFile--
	}
	if inFile != 0 {
		t.Errorf("%d active leases more in the file than in memory", inFile)
	}
}

// checkPast checks that the indexes on owners and numbers say what the events say.
func checkPast(t testing.TB, tx *bbolt.Tx) {
	t.Helper()
	events, past := tx.Bucket(bucketEvents), tx.Bucket(bucketPast)
	if events == nil {
		return
	}
	want, inOrder := 0, 0
	last, err := lastUnordered(tx)
	if err != nil {
		t.Error(err)
	}
	c, entries := events.Cursor(), past.Cursor()
	for k, v := c.First(); k != nil; k, v = c.Next() {
		e, err := event(k, v)
		if err != nil {
			t.Error(err)
		}
		if seqOf(k) > last {
			inOrder++
			if at := tx.Bucket(bucketOrder).Get(k[8:]); !bytes.Equal(at, k[:8]) {
				t.Errorf("event %x is at %x in order", k, at)
			}
		}
		if e.Act != sshforward.ActClosed || e.Opened.IsZero() {
			continue
		}
		want++
		key := slices.Concat(ownerKey(e.Owner), k)
		if found, _ := entries.Seek(key); !bytes.Equal(found, key) {
			t.Errorf("event %x is not in past", k)
		}
	}
	if order := tx.Bucket(bucketOrder); order != nil && order.Stats().KeyN != inOrder {
		t.Errorf("%d entries in order for %d events", order.Stats().KeyN, inOrder)
	}
	if n := past.Stats().KeyN; n != want {
		t.Errorf("%d entries in past for %d events", n, want)
	}
}
