package testenv

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// Required reports whether SSHFORWARD_REQUIRE names what a machine may lack.
func Required(name string) bool {
	return slices.Contains(strings.Split(os.Getenv("SSHFORWARD_REQUIRE"), ","), name)
}

// Missing ends a test that needs what the machine lacks: it is skipped, and fails
// where that is required.
func Missing(t testing.TB, name string, err error) {
	t.Helper()
	if Required(name) {
		t.Fatal(err)
	}
	t.Skipf("%v (SSHFORWARD_REQUIRE=%s makes this a failure)", err, name)
}
