//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bolt

import (
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

// readUnmapped reads memory that is mapped from a file beyond the file's end,
// as bbolt does on a file that was cut off.
func readUnmapped(t *testing.T) error {
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		return err
	}
	defer f.Close()
	b, err := syscall.Mmap(int(f.Fd()), 0, os.Getpagesize(), syscall.PROT_READ, syscall.MAP_SHARED)
	if err != nil {
		return err
	}
	defer syscall.Munmap(b)
	return fmt.Errorf("read %d where nothing is", b[0])
}

// TestAFullDiskIsSurvived fills the disk without one: no file may grow beyond
// a limit that is just above the store's size.
func TestAFullDiskIsSurvived(t *testing.T) {
	testenv.SkipRaced(t, "it writes 17 MB, and the built program meets a full disk there")
	path := filepath.Join(t.TempDir(), "leases.db")
	s := mustOpen(t, path)
	first := newLease("aaaaaaa")
	// The limit is on every file of this process, and go test keeps one too: a
	// list of the files that the tests have opened, which has to stay below it.
	room := newLease("ccccccc")
	room.Because = strings.Repeat("x", 1<<20)
	mustPut(t, s, room, first)

	lift := limitFileSize(t, path)
	big := newLease("bbbbbbb")
	big.Because = strings.Repeat("x", 17<<20) // more than bbolt enlarges the file by in advance
	err := s.Put(t.Context(), big)
	wantCode(t, err, sshforward.EUNAVAILABLE)
	if big.Revision != 0 {
		t.Errorf("a failed put moved the revision to %d", big.Revision)
	}
	// Reading goes on, and so does writing what fits.
	if _, err := s.Lease(t.Context(), first.ID); err != nil {
		t.Error(err)
	}
	_, err = s.Lease(t.Context(), big.ID)
	wantCode(t, err, sshforward.ENOTFOUND)
	mustPut(t, s, first)

	lift()
	mustPut(t, s, big, first)
	mustClose(t, s)
	s = mustOpen(t, path)
	if got, err := s.Lease(t.Context(), big.ID); err != nil || got.Because != big.Because {
		t.Errorf("after room was made: %v", err)
	}
}

// limitFileSize keeps this process from growing files until lift is called.
func limitFileSize(t *testing.T, path string) (lift func()) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	var was syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
		t.Skip(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	limit := was
	limit.Cur = uint64(info.Size())
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		t.Skip(err)
	}
	lifted := false
	lift = func() {
		if lifted {
			return
		}
		lifted = true
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &was); err != nil {
			t.Error(err)
		}
		signal.Reset(syscall.SIGXFSZ)
	}
	t.Cleanup(lift)
	return lift
}
