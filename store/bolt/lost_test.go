package bolt

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
)

const (
	often    = watchEvery / 100
	hangSoon = 50 // rounds: a disk may need longer than ten
	hangLate = 10_000
)

// watched opens a store that watches itself often. It may be lost, so nothing is
// checked at its end.
func watched(t *testing.T, path string, hung int) *Store {
	t.Helper()
	s, err := Open(path, Options{watchEvery: often, hungRounds: hung})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func wantLost(t *testing.T, s *Store) error {
	t.Helper()
	select {
	case <-s.Lost():
	case <-time.After(10 * time.Second):
		t.Fatal("it does not notice")
	}
	if !errors.Is(s.Cause(), ErrLost) {
		t.Fatalf("the cause: %v", s.Cause())
	}
	return s.Cause()
}

// wantFromMemory fails unless a lost store still tells what the keeper needs to
// end access, and refuses the rest at once.
func wantFromMemory(t *testing.T, s *Store, want ...*sshforward.Lease) {
	t.Helper()
	began := time.Now()
	active, err := s.Active(t.Context())
	if err != nil || len(active) != len(want) {
		t.Fatalf("%d leases are active, %v", len(active), err)
	}
	var due []string
	for i, l := range want {
		due = append(due, l.ID)
		got, err := s.Lease(t.Context(), l.ID)
		if err != nil || got.Revision != l.Revision || active[i].ID != l.ID || active[i].Revision != l.Revision {
			t.Errorf("lease %s: %+v, %v", l.ID, got, err)
		}
	}
	if got, err := s.Due(t.Context(), want[0].DueAt, 10); err != nil || !slices.Equal(got, due) {
		t.Errorf("due: %v, %v", got, err)
	}
	if got, err := s.Due(t.Context(), want[0].DueAt.Add(-1), 10); err != nil || len(got) > 0 {
		t.Errorf("due before their time: %v, %v", got, err)
	}
	_, errUnknown := s.Lease(t.Context(), "unknown")
	_, errSource := s.Source(t.Context(), "U1")
	_, errBackup := s.Backup(t.Context(), io.Discard)
	for what, err := range map[string]error{
		"Lease": errUnknown, "Source": errSource, "Put": s.Put(t.Context(), want[0]),
		"Append": s.Append(t.Context(), over("U1", "aaaaaaa", noon)),
		"Backup": errBackup,
	} {
		if !errors.Is(err, ErrLost) || sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE {
			t.Errorf("%s: %v", what, err)
		}
	}
	s.Close()
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("all that took %s", took)
	}
}

func TestTheFileIsLostUnderTheRunningStore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		damaged bool
		spoil   func(t *testing.T, path, older string) error
	}{
		"overwritten by an older copy": {true, func(t *testing.T, path, older string) error {
			content, err := os.ReadFile(older)
			if err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.Write(content)
			return errors.Join(err, f.Close())
		}},
		"overwritten by another bot's": {true, func(t *testing.T, path, _ string) error {
			other := filepath.Join(t.TempDir(), "other.db")
			s := mustOpen(t, other)
			for range 50 {
				mustAppend(t, s, over("U1", "aaaaaaa", noon))
			}
			mustClose(t, s)
			content, err := os.ReadFile(other)
			if err != nil {
				return err
			}
			f, err := os.OpenFile(path, os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			_, err = f.Write(content)
			return errors.Join(err, f.Close())
		}},
		"emptied":             {true, func(_ *testing.T, path, _ string) error { return os.Truncate(path, 0) }},
		"cut off":             {true, func(_ *testing.T, path, _ string) error { return os.Truncate(path, 5*int64(os.Getpagesize())) }},
		"a byte shorter":      {true, func(_ *testing.T, path, _ string) error { return shorten(path) }},
		"removed":             {false, func(_ *testing.T, path, _ string) error { return os.Remove(path) }},
		"replaced":            {false, func(_ *testing.T, path, older string) error { return os.Rename(older, path) }},
		"nothing but zeros":   {true, func(_ *testing.T, path, _ string) error { return zero(path, 0) }},
		"good metas, no more": {true, func(_ *testing.T, path, _ string) error { return zero(path, 2*int64(os.Getpagesize())) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			path, older := filepath.Join(dir, "leases.db"), filepath.Join(dir, "older.db")
			s := watched(t, path, hangLate)
			mustPut(t, s, newLease("aaaaaaa"))
			f, err := os.Create(older)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Backup(t.Context(), f); err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			one, two, closed := newLease("bbbbbbb"), newLease("ccccccc"), newLease("aaaaaaa")
			closed.Revision, closed.State = 1, sshforward.Closed
			mustPut(t, s, one, two, closed, two)

			if err := c.spoil(t, path, older); err != nil {
				t.Fatal(err)
			}
			// The keeper looks once a second.
			if _, err := s.Due(t.Context(), noon, 10); err != nil {
				t.Logf("Due: %v", err)
			}
			if _, err := s.Active(t.Context()); err != nil {
				t.Logf("Active: %v", err)
			}
			if cause := wantLost(t, s); errors.Is(cause, ErrDamaged) != c.damaged {
				t.Errorf("the cause is damage: %t; %v", !c.damaged, cause)
			}
			wantFromMemory(t, s, one, two)
		})
	}
}

func shorten(path string) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	return os.Truncate(path, info.Size()-1)
}

// zero writes over a file from an offset on, without changing its length.
func zero(path string, from int64) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(make([]byte, info.Size()-from), from)
	return errors.Join(err, f.Close())
}

// TestATransactionThatDoesNotReturn: whoever calls is not kept for ever, be it
// a write or a read.
func TestATransactionThatDoesNotReturn(t *testing.T) {
	t.Parallel()
	for name, hang := range map[string]func(s *Store, until chan struct{}) error{
		"write": func(s *Store, until chan struct{}) error {
			return s.writer.do(t.Context(), write{apply: func(*bbolt.Tx) (bool, error) { <-until; return false, nil }})
		},
		"read": func(s *Store, until chan struct{}) error {
			_, err := view(t.Context(), s, "read", func(*bbolt.Tx) (int, error) { <-until; return 0, nil })
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := watched(t, filepath.Join(t.TempDir(), "leases.db"), hangSoon)
			l := newLease("aaaaaaa")
			mustPut(t, s, l)
			until := make(chan struct{})
			defer close(until)
			err := hang(s, until)
			if !errors.Is(err, ErrLost) || errors.Is(err, ErrDamaged) {
				t.Errorf("it says %v", err)
			}
			wantLost(t, s)
			wantFromMemory(t, s, l)
		})
	}
}

// TestACallIsCutShortByItsContext although bbolt does not return.
func TestACallIsCutShortByItsContext(t *testing.T) {
	s := newStore(t)
	release := hold(t, s)
	defer release()
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := view(ctx, s, "read", func(*bbolt.Tx) (int, error) { time.Sleep(time.Second); return 0, nil })
	if !errors.Is(err, ctx.Err()) {
		t.Errorf("a read: %v", err)
	}
	if took := time.Since(began); took > 900*time.Millisecond {
		t.Errorf("it took %s", took)
	}
}

func TestCloseDoesNotWaitForATransactionThatHangs(t *testing.T) {
	t.Parallel()
	s, err := Open(filepath.Join(t.TempDir(), "leases.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	release := hold(t, s)
	defer release()
	began := time.Now()
	if err := s.Close(); err == nil {
		t.Error("it says that it is closed")
	}
	if took := time.Since(began); took > closeWithin+time.Second {
		t.Errorf("it took %s", took)
	}
}

// TestABackupIsNoHang: a write that waits for a backup waits for as long as the
// backup gets on, and no longer.
func TestABackupIsNoHang(t *testing.T) {
	t.Parallel()
	s := watched(t, filepath.Join(t.TempDir(), "leases.db"), hangSoon)
	mustPut(t, s, newLease("aaaaaaa"))
	stop := make(chan struct{})
	to := &until{ctx: t.Context(), w: new(bytes.Buffer)}
	end := s.watch.beginCopy(to)
	defer end()
	until := make(chan struct{})
	defer close(until)
	go view(t.Context(), s, "read", func(*bbolt.Tx) (int, error) { <-until; return 0, nil })
	go func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(often):
				to.Write([]byte("some of it"))
			}
		}
	}()
	select {
	case <-s.Lost():
		t.Fatal("it is lost while a backup is made")
	case <-time.After(3 * hangSoon * often):
	}
	close(stop)
	wantLost(t, s)
}

// TestAWriteThatMeetsABadPage: bbolt panics over it, and the file is looked at.
func TestAWriteThatMeetsABadPage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	s := watched(t, path, hangLate)
	l := newLease("aaaaaaa")
	mustPut(t, s, l)
	for range 100 {
		mustAppend(t, s, over("U1", "aaaaaaa", noon))
	}
	var root int64
	if err := s.db.View(func(tx *bbolt.Tx) error { root = int64(tx.Bucket(bucketEvents).Root()); return nil }); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt(make([]byte, os.Getpagesize()), root*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), over("U1", "aaaaaaa", noon)); !errors.Is(err, ErrDamaged) {
		t.Fatalf("Append: %v", err)
	}
	if cause := wantLost(t, s); !errors.Is(cause, ErrDamaged) {
		t.Errorf("the cause: %v", cause)
	}
	wantFromMemory(t, s, l)
}

// TestAnEventThatCannotBeReadIsNoReason to give the leases up.
func TestAnEventThatCannotBeReadIsNoReason(t *testing.T) {
	s := watched(t, filepath.Join(t.TempDir(), "leases.db"), hangLate)
	mustAppend(t, s, over("U1", "aaaaaaa", noon))
	spoil(t, s)
	if _, err := read(t.Context(), s, time.Time{}); !errors.Is(err, ErrDamaged) {
		t.Fatalf("Events: %v", err)
	}
	time.Sleep(20 * often)
	if err := s.Cause(); err != nil {
		t.Error(err)
	}
}
