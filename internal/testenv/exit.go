package testenv

import (
	"os"
	"syscall"
	"testing"
)

// Run is the TestMain of a package that needs nothing else in it.
func Run(m *testing.M) { Exit(m.Run()) }

// Exit ends a test's process with the code of m.Run. Under the race detector
// os.Exit sleeps for a second first, in each of the packages: it waits for what
// goroutines that outlived their tests may still do wrong. What was found before,
// in tests or beside them, m.Run has told of and made a failure.
func Exit(code int) {
	if Race {
		syscall.Exit(code)
	}
	os.Exit(code)
}
