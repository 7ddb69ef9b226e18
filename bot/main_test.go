package bot

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

// TestMain lets more tests run side by side than there are cores: most of them
// wait most of the time.
func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("test.parallel", "16"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	testenv.Exit(m.Run())
}
