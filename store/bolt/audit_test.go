package bolt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
)

// over is the end of a lease that an owner had open.
func over(owner, id string, at time.Time) sshforward.Event {
	return sshforward.Event{At: at, Act: sshforward.ActClosed, Result: sshforward.ResultOK,
		Owner: owner, Lease: id, Opened: at.Add(-time.Hour)}
}

func mustAppend(t testing.TB, s *Store, events ...sshforward.Event) {
	t.Helper()
	if err := s.Append(t.Context(), events...); err != nil {
		t.Fatalf("Append: %v", err)
	}
}

// read returns the leases that the events from since on are about.
func read(ctx context.Context, s *Store, since time.Time) (leases []string, err error) {
	for e, err := range s.Events(ctx, since) {
		if err != nil {
			return leases, err
		}
		leases = append(leases, e.Lease)
	}
	return leases, nil
}

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// spoil makes the first event of the file unreadable, until the test ends.
func spoil(t *testing.T, s *Store) {
	t.Helper()
	var key string
	if err := s.db.View(func(tx *bbolt.Tx) error {
		k, _ := tx.Bucket(bucketEvents).Cursor().First()
		key = string(k)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var was []byte
	replace(t, s, bucketEvents, key, []byte(`{"time":`), &was)
	t.Cleanup(func() { replace(t, s, bucketEvents, key, was, nil) })
}

func TestDamagedEvent(t *testing.T) {
	s := newStore(t)
	mustAppend(t, s, over("U1", "aaaaaaa", noon))
	spoil(t, s)
	_, eventsErr := read(t.Context(), s, time.Time{})
	_, pastErr := s.Past(t.Context(), "U1", time.Time{}, 10)
	for what, err := range map[string]error{"Events": eventsErr, "Past": pastErr} {
		if !errors.Is(err, ErrDamaged) || sshforward.ErrorCode(err) != sshforward.EINTERNAL {
			t.Errorf("%s: %v", what, err)
		}
	}
	mustPut(t, s, newLease("bbbbbbb")) // and leases are none the worse
	mustAppend(t, s, over("U1", "ccccccc", noon))
}

// What is before the damage can still be exported.
func TestEventsBeforeTheDamageAreRead(t *testing.T) {
	s := newStore(t)
	mustAppend(t, s, over("U1", "damaged", noon))
	spoil(t, s)
	mustAppend(t, s, over("U1", "aaaaaaa", noon.Add(-time.Hour)))
	leases, err := read(t.Context(), s, time.Time{})
	if len(leases) != 1 || leases[0] != "aaaaaaa" || !errors.Is(err, ErrDamaged) {
		t.Errorf("read %v, %v", leases, err)
	}
}

// Neither reads what is older than it was asked for, or other people's.
func TestAuditRecordSeeks(t *testing.T) {
	s := newStore(t)
	mustAppend(t, s, over("U1", "damaged", noon), over("U1", "aaaaaaa", noon.Add(time.Hour)), over("U2", "bbbbbbb", noon.Add(time.Hour)))
	spoil(t, s)
	if leases, err := read(t.Context(), s, noon.Add(time.Hour)); err != nil || len(leases) != 2 {
		t.Errorf("Events: %v, %v", leases, err)
	}
	if past, err := s.Past(t.Context(), "U1", noon.Add(time.Hour), 10); err != nil || len(past) != 1 {
		t.Errorf("Past since: %v, %v", past, err)
	}
	if past, err := s.Past(t.Context(), "U1", time.Time{}, 1); err != nil || len(past) != 1 {
		t.Errorf("Past with a limit: %v, %v", past, err)
	}
	if past, err := s.Past(t.Context(), "U2", time.Time{}, 10); err != nil || len(past) != 1 {
		t.Errorf("another's past: %v, %v", past, err)
	}
}

func TestEventsShareTheCommitOfTheirLease(t *testing.T) {
	s := newStore(t)
	before := commits(t, s)
	if err := s.Put(t.Context(), newLease("aaaaaaa"), over("U1", "aaaaaaa", noon), over("U1", "aaaaaaa", noon)); err != nil {
		t.Fatal(err)
	}
	if n := commits(t, s) - before; n != 1 {
		t.Errorf("a put with events took %d commits", n)
	}

	before = commits(t, s)
	release := hold(t, s)
	var writers sync.WaitGroup
	for i := range 50 {
		writers.Go(func() { mustAppend(t, s, over("U1", fmt.Sprint(i), noon)) })
	}
	waitQueued(t, s, 50)
	release()
	writers.Wait()
	if n := commits(t, s) - before; n != 1 {
		t.Errorf("50 queued appends took %d commits, want 1", n)
	}
	if leases, err := read(t.Context(), s, time.Time{}); err != nil || len(leases) != 52 {
		t.Errorf("%d events, %v", len(leases), err)
	}
}

func TestBackup(t *testing.T) {
	s := newStore(t)
	l := newLease("aaaaaaa")
	if err := s.Put(t.Context(), l, over("U1", l.ID, noon)); err != nil {
		t.Fatal(err)
	}
	var copied bytes.Buffer
	n, err := s.Backup(t.Context(), &copied)
	if err != nil || n != int64(copied.Len()) {
		t.Fatalf("Backup: %d of %d bytes, %v", n, copied.Len(), err)
	}
	mustPut(t, s, newLease("toolate"))
	path := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(path, copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	c := mustOpen(t, path)
	if got, err := c.Lease(t.Context(), l.ID); err != nil || got.Revision != l.Revision {
		t.Errorf("the copy's lease: %+v, %v", got, err)
	}
	if past, err := c.Past(t.Context(), "U1", time.Time{}, 10); err != nil || len(past) != 1 {
		t.Errorf("the copy's past: %v, %v", past, err)
	}
	_, err = c.Lease(t.Context(), "toolate")
	wantCode(t, err, sshforward.ENOTFOUND)
	mustPut(t, c, newLease("bbbbbbb"))
}

// Copies are made while the bot writes, and several at once.
func TestBackupWhileWriting(t *testing.T) {
	s := newStore(t)
	stop := make(chan struct{})
	var writer, readers sync.WaitGroup
	writer.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				mustAppend(t, s, over("U1", fmt.Sprint(i), noon))
			}
		}
	})
	for i := range 3 {
		readers.Go(func() {
			path := filepath.Join(t.TempDir(), fmt.Sprint(i))
			f, err := os.Create(path)
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := s.Backup(t.Context(), f); err != nil {
				t.Errorf("Backup: %v", err)
			}
			if err := f.Close(); err != nil {
				t.Error(err)
			}
			c, err := Open(path, Options{ReadOnly: true})
			if err != nil {
				t.Errorf("open the copy: %v", err)
				return
			}
			wantConsistent(t, c)
			mustClose(t, c)
		})
	}
	readers.Wait()
	close(stop)
	writer.Wait()
}

func TestBackupThatFails(t *testing.T) {
	s := newStore(t)
	mustPut(t, s, newLease("aaaaaaa"))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.Backup(gone, new(bytes.Buffer))
	if wantCode(t, err, sshforward.EUNAVAILABLE); !errors.Is(err, context.Canceled) {
		t.Errorf("with a context that is over: %v", err)
	}
	_, err = s.Backup(t.Context(), refusing{})
	wantCode(t, err, sshforward.EUNAVAILABLE)
}

type refusing struct{}

func (refusing) Write([]byte) (int, error) { return 0, errors.New("no room") }

func TestReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	_, err := Open(path, Options{ReadOnly: true})
	wantCode(t, err, sshforward.EINVALID)
	if _, err := os.Stat(path); err == nil {
		t.Fatal("it made a file")
	}
	s := mustOpen(t, path)
	mustAppend(t, s, over("U1", "aaaaaaa", noon))
	_, err = Open(path, Options{ReadOnly: true})
	wantCode(t, err, sshforward.EUNAVAILABLE) // in use
	mustClose(t, s)

	for range 2 { // readers share it
		r, err := Open(path, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		defer mustClose(t, r)
		if leases, err := read(t.Context(), r, time.Time{}); err != nil || len(leases) != 1 {
			t.Errorf("Events: %v, %v", leases, err)
		}
		wantCode(t, r.Append(t.Context(), over("U1", "bbbbbbb", noon)), sshforward.EUNAVAILABLE)
	}
	_, err = Open(path, Options{})
	wantCode(t, err, sshforward.EUNAVAILABLE)
}
