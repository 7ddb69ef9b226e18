// Package testenv sets up what tests of several packages need from the machine:
// an environment without settings of its own, and the program as a file that
// can be run.
package testenv

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// UnlessRaced is how much of something there is: less under the race detector,
// which makes everything cost five times as much.
func UnlessRaced(all, raced int) int {
	if Race {
		return raced
	}
	return all
}

// Thinned is every nth of all under the race detector, and all without it.
func Thinned[T any](all []T, n int) []T {
	if !Race {
		return all
	}
	var some []T
	for i := 0; i < len(all); i += n {
		some = append(some, all[i])
	}
	return some
}

// ThinnedRows is every nth row of a table, in the order of their names, under the
// race detector, and all without it.
func ThinnedRows[T any](table map[string]T, n int) map[string]T {
	some := make(map[string]T)
	for _, name := range Thinned(slices.Sorted(maps.Keys(table)), n) {
		some[name] = table[name]
	}
	return some
}

// SkipRaced leaves out, under the race detector, what it can find nothing in that
// is not looked at elsewhere. why says what that is.
func SkipRaced(t testing.TB, why string) {
	t.Helper()
	if Race {
		t.Skipf("not under the race detector: %s; go test without -race runs it, and .ci/run does both", why)
	}
}

// IsolateAWS keeps the SDK's own loader from this machine's settings, in this
// process and in those that it starts. The credentials are good enough for the
// stand-ins, and no one else's.
func IsolateAWS() {
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") {
			_ = os.Unsetenv(name)
		}
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIATEST", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_EC2_METADATA_DISABLED": "true",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		_ = os.Setenv(name, value)
	}
}
