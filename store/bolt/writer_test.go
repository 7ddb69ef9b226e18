package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/sshforward/sshforward"
)

// hold keeps the writer busy, as a slow sync would, until release is called.
// What is put meanwhile is queued.
func hold(t *testing.T, s *Store) (release func()) {
	t.Helper()
	held, end := make(chan struct{}), make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		err := s.writer.do(context.Background(), write{apply: func(*bbolt.Tx) (bool, error) {
			close(held)
			<-end
			return false, nil
		}})
		if err != nil {
			t.Errorf("the holding write: %v", err)
		}
	})
	<-held
	return sync.OnceFunc(func() { close(end); ended.Wait() })
}

// waitQueued returns once n writes are queued.
func waitQueued(t *testing.T, s *Store, n int) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
		s.writer.mu.Lock()
		queued := len(s.writer.queue)
		s.writer.mu.Unlock()
		if queued == n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d writes are queued, want %d", queued, n)
		}
	}
}

// commits counts the commits since the file was made.
func commits(t testing.TB, s *Store) int {
	t.Helper()
	var n int
	if err := s.db.View(func(tx *bbolt.Tx) error { n = tx.ID(); return nil }); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWritesQueuedBehindACommitShareTheNext(t *testing.T) {
	s := newStore(t)
	taken := newLease("taken00")
	mustPut(t, s, taken)
	before := commits(t, s)

	release := hold(t, s)
	var writers sync.WaitGroup
	for i := range 100 {
		writers.Go(func() {
			if err := s.Put(t.Context(), newLease(fmt.Sprintf("aaaaa%02d", i))); err != nil {
				t.Errorf("Put: %v", err)
			}
		})
	}
	// One that loses its race costs the others nothing.
	writers.Go(func() {
		err := s.Put(t.Context(), newLease(taken.ID))
		if sshforward.ErrorCode(err) != sshforward.ECONFLICT {
			t.Errorf("the conflicting put: %v", err)
		}
	})
	waitQueued(t, s, 101)
	release()
	writers.Wait()

	if n := commits(t, s) - before; n != 1 {
		t.Errorf("100 queued writes took %d commits, want 1", n)
	}
	if active, err := s.Active(t.Context()); err != nil || len(active) != 101 {
		t.Errorf("%d leases are there, want 101 (%v)", len(active), err)
	}
}

func TestConcurrentWritesNeedFarFewerCommits(t *testing.T) {
	s := newStore(t)
	before, stats := commits(t, s), s.db.Stats()
	const writers, each = 100, 10
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			l := newLease(fmt.Sprintf("aaaaa%02d", i))
			for range each {
				if err := s.Put(t.Context(), l); err != nil {
					t.Errorf("Put: %v", err)
				}
			}
		})
	}
	all.Wait()
	n, after := commits(t, s)-before, s.db.Stats()
	took := after.TxStats.Sub(&stats.TxStats)
	t.Logf("%d writes in %d commits; %v spent writing", writers*each, n, took.GetWriteTime())
	if n > writers*each/4 {
		t.Errorf("%d writes took %d commits", writers*each, n)
	}
}

func TestAGroupOfLosersCostsNoCommit(t *testing.T) {
	s := newStore(t)
	mustPut(t, s, newLease("aaaaaaa"))
	before := commits(t, s)
	for range 5 {
		wantCode(t, s.Put(t.Context(), newLease("aaaaaaa")), sshforward.ECONFLICT)
	}
	if err := s.Delete(t.Context(), "nothing", 1); err != nil {
		t.Fatal(err)
	}
	if n := commits(t, s) - before; n != 0 {
		t.Errorf("%d commits", n)
	}
}

func TestAWriteThatPanicsOrFailsHalfwayFailsAlone(t *testing.T) {
	halfway := errors.New("halfway")
	for name, bad := range map[string]apply{
		"panic": func(tx *bbolt.Tx) (bool, error) {
			tx.Bucket(bucketLeases).Put([]byte("half"), []byte("{}"))
			panic("for the test")
		},
		"error": func(tx *bbolt.Tx) (bool, error) {
			tx.Bucket(bucketLeases).Put([]byte("half"), []byte("{}"))
			return true, halfway
		},
		"fault": func(tx *bbolt.Tx) (bool, error) {
			tx.Bucket(bucketLeases).Put([]byte("half"), []byte("{}"))
			return true, readUnmapped(t)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			release := hold(t, s)
			var writers sync.WaitGroup
			for i := range 10 {
				writers.Go(func() {
					if err := s.Put(t.Context(), newLease(fmt.Sprintf("aaaaaa%d", i))); err != nil {
						t.Errorf("a good put: %v", err)
					}
				})
			}
			writers.Go(func() {
				err := s.writer.do(t.Context(), write{apply: bad})
				if sshforward.ErrorCode(err) != sshforward.EINTERNAL {
					t.Errorf("the bad write: %v", err)
				}
				if name == "error" && !errors.Is(err, halfway) {
					t.Errorf("the cause is lost: %v", err)
				}
			})
			waitQueued(t, s, 11)
			release()
			writers.Wait()

			_, err := s.Lease(t.Context(), "half")
			wantCode(t, err, sshforward.ENOTFOUND)
			if active, err := s.Active(t.Context()); err != nil || len(active) != 10 {
				t.Errorf("%d leases are there, want 10 (%v)", len(active), err)
			}
		})
	}
}

func TestAContextThatEndsInTheQueueWithdrawsTheWrite(t *testing.T) {
	s := newStore(t)
	release := hold(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	l := newLease("aaaaaaa")
	result := make(chan error)
	go func() { result <- s.Put(ctx, l) }()
	waitQueued(t, s, 1)
	cancel()
	err := <-result // although the writer is still busy
	if !errors.Is(err, context.Canceled) || l.Revision != 0 {
		t.Errorf("Put: %v, revision %d", err, l.Revision)
	}
	release()
	_, err = s.Lease(t.Context(), l.ID)
	wantCode(t, err, sshforward.ENOTFOUND)
}

func TestAContextThatEndsDuringTheCommitDoesNotHideItsOutcome(t *testing.T) {
	s := newStore(t)
	ctx, cancel := context.WithCancel(t.Context())
	l := newLease("aaaaaaa")
	l.Revision = 1
	value, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	err = s.writer.do(ctx, write{apply: func(tx *bbolt.Tx) (bool, error) {
		cancel()
		time.Sleep(10 * time.Millisecond) // let the waiting side see it
		return put(tx, l.ID, 0, headerOf(l), value)
	}, then: func() { s.kept.put(l.ID, headerOf(l), value) }})
	if err != nil {
		t.Fatalf("the write was done, but says %v", err)
	}
	if _, err := s.Lease(t.Context(), l.ID); err != nil {
		t.Fatal(err)
	}
}

func TestCloseFinishesWhatWasAccepted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "leases.db")
	s := mustOpen(t, path)
	const n = 200
	errs := make([]error, n)
	var writers sync.WaitGroup
	for i := range n {
		writers.Go(func() {
			time.Sleep(time.Duration(i) * 50 * time.Microsecond)
			errs[i] = s.Put(t.Context(), newLease(fmt.Sprintf("aaaa%03d", i)))
		})
	}
	time.Sleep(5 * time.Millisecond)
	var closers sync.WaitGroup
	for range 3 {
		closers.Go(func() { mustClose(t, s) })
	}
	closers.Wait()
	writers.Wait()

	s = mustOpen(t, path)
	refused := 0
	for i, err := range errs {
		_, found := s.Lease(t.Context(), fmt.Sprintf("aaaa%03d", i))
		switch {
		case err == nil && found != nil:
			t.Errorf("put %d was acknowledged and is lost: %v", i, found)
		case err != nil && !errors.Is(err, ErrClosed):
			t.Errorf("put %d: %v", i, err)
		case err != nil && found == nil:
			t.Errorf("put %d was refused and is there", i)
		}
		if err != nil {
			refused++
		}
	}
	t.Logf("%d of %d were refused", refused, n)
}

func TestErrorsAreOneLineForTheLogAndASentenceForPeople(t *testing.T) {
	s := newStore(t)
	err := s.writer.do(t.Context(), write{apply: func(*bbolt.Tx) (bool, error) { panic("for the test") }})
	if strings.Contains(err.Error(), "\n") || !strings.Contains(err.Error(), "for the test") {
		t.Errorf("for the log: %q", err)
	}
	if m := sshforward.ErrorMessage(err).String(); strings.Contains(m, "panic") || !strings.HasSuffix(m, ".") {
		t.Errorf("for people: %q", m)
	}
}
