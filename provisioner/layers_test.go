package provisioner_test

import (
	"testing"

	"github.com/sshforward/sshforward/internal/layers"
)

// The files can be read from the bottom up: what is configured and the clients,
// AWS's errors, one run with its waits, then one file for each thing that is
// made, and above them the steps.
func TestFilesFormLayers(t *testing.T) {
	t.Parallel()
	layers.Check(t, ".", 1)
}
