//go:build unix

package testenv

import (
	"os"
	"path/filepath"
	"syscall"
)

// alone waits until no other test process links what is kept at a path, so that it
// is linked once and not by each of those that begin together. What fails costs a
// second link, and that is all.
func alone(kept string) (done func()) {
	if kept == "" || os.MkdirAll(filepath.Dir(kept), 0o700) != nil {
		return func() {}
	}
	lock, err := os.OpenFile(kept+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return func() {}
	}
	_ = syscall.Flock(int(lock.Fd()), syscall.LOCK_EX)
	return func() { lock.Close() }
}
