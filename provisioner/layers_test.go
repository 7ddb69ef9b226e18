package provisioner_test

import (
	"testing"

	"github.com/sshforward/sshforward/internal/layers"
	"github.com/sshforward/sshforward/internal/testenv"
)

// The files can be read from the bottom up: what is configured and the clients,
// AWS's errors, one run with its waits, then one file for each thing that is
// made, and above them the steps.
func TestFilesFormLayers(t *testing.T) {
	testenv.SkipRaced(t, "it reads the sources")
	t.Parallel()
	layers.Check(t, ".", 1)
}
