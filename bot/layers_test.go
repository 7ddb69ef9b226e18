package bot

import (
	"testing"

	"github.com/sshforward/sshforward/internal/layers"
)

// A part of the bot uses only parts below it, see the package comment.
func TestFilesFormLayers(t *testing.T) {
	layers.Check(t, ".", 1)
}
