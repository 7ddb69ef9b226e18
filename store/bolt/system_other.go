//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package bolt

import "os"

// mapAhead is not used here: the file would be made as large, see bbolt.
const mapAhead = 0

// unlock does nothing here: the lock ends with the process.
func unlock(*os.File) {}

// syncDir does nothing here: folders cannot be synced.
func syncDir(string) error { return nil }
