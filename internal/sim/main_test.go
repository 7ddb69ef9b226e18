package sim

import (
	"os"
	"runtime/debug"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

func TestMain(m *testing.M) {
	testenv.Exit(func() int {
		testenv.IsolateAWS()
		// Half of the time would go into garbage and into waiting for a disk
		// that no simulated death takes anything from.
		debug.SetGCPercent(800)
		if dir, err := os.MkdirTemp("/dev/shm", "sshforward-sim-"); err == nil {
			defer os.RemoveAll(dir)
			os.Setenv("TMPDIR", dir)
		}
		return m.Run()
	}())
}
