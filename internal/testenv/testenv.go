// Package testenv sets up what tests of several packages need from the machine:
// an environment without settings of its own, and the program as a file that
// can be run.
package testenv

import (
	"os"
	"strings"
)

// UnlessRaced is how much of something there is: less under the race detector,
// which makes everything cost five times as much.
func UnlessRaced(all, raced int) int {
	if Race {
		return raced
	}
	return all
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
