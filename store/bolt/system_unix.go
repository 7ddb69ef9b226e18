//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bolt

import (
	"errors"
	"os"
	"syscall"
	"time"

	berrors "go.etcd.io/bbolt/errors"
)

// mapAhead is how large the file may get before a backup can hold up a write.
const mapAhead = 1 << 30

// lock takes the lock that bbolt takes: on the open file, so that bbolt, which
// gets the same one, takes it once more and it is still one.
func lock(f *os.File, exclusive bool, timeout time.Duration) (bool, error) {
	const pause = 50 * time.Millisecond // bbolt's own
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	for end := time.Now().Add(timeout); ; time.Sleep(pause) {
		err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err == nil, err
		}
		if time.Now().Add(pause).After(end) {
			return false, berrors.ErrTimeout
		}
	}
}

// unlock gives back bbolt's lock. Closing the file would not do: the lock lives
// as long as the mapping of the file that a panic leaves behind.
func unlock(f *os.File) { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN) }

// syncDir makes a new name in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
