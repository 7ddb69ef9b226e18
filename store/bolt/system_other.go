//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package bolt

import (
	"os"
	"time"
)

// mapAhead is not used here: the file would be made as large, see bbolt.
const mapAhead = 0

// lock takes no lock here.
func lock(*os.File, bool, time.Duration) (bool, error) { return false, nil }

// unlock does nothing here: the lock ends with the process.
func unlock(*os.File) {}

// syncDir does nothing here: folders cannot be synced.
func syncDir(string) error { return nil }
