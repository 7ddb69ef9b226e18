//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package bolt

import (
	"os"
	"syscall"
)

// mapAhead is how large the file may get before a backup can hold up a write.
const mapAhead = 1 << 30

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
