//go:build (darwin || dragonfly || freebsd || linux || netbsd || openbsd) && (amd64 || arm64)

package bolt

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

// stuck is a disk that takes nothing until it is let go.
type stuck struct {
	begun sync.Once
	first chan struct{} // closed when something is written
	let   chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	s.begun.Do(func() { close(s.first) })
	<-s.let
	return len(p), nil
}

// However long a backup takes, what ends a lease is written meanwhile, also
// where the file has to grow for it.
func TestBackupHoldsUpNoWrite(t *testing.T) {
	s, err := Open(filepath.Join(t.TempDir(), "leases.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	slow := &stuck{first: make(chan struct{}), let: make(chan struct{})}
	var backup error
	var done sync.WaitGroup
	done.Go(func() { _, backup = s.Backup(t.Context(), slow) })
	<-slow.first
	written := make(chan error, 1)
	go func() {
		var events []sshforward.Event
		for i := range testenv.UnlessRaced(50_000, 10_000) {
			events = append(events, over("U7", fmt.Sprintf("%07d", i), time.Now()))
		}
		written <- s.Append(t.Context(), events...)
	}()
	select {
	case err := <-written:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(30 * time.Second):
		t.Error("the write waits for the backup")
	}
	close(slow.let)
	done.Wait()
	if backup != nil {
		t.Error(backup)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}
