package sim

import (
	"os"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.IsolateAWS()
	os.Exit(m.Run())
}

// unlessRaced is how much of something there is: less under the race detector,
// which makes everything cost five times as much.
func unlessRaced(all, raced int) int {
	if testenv.Race {
		return raced
	}
	return all
}
