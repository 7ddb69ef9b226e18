//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package bolt

import (
	"errors"
	"testing"
)

// readUnmapped has no memory to read here.
func readUnmapped(*testing.T) error { return errors.New("not on this system") }
