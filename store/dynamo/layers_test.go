package dynamo

import (
	"testing"

	"github.com/sshforward/sshforward/internal/layers"
	"github.com/sshforward/sshforward/internal/testenv"
)

// The package is read from the bottom up, as the root is.
func TestFilesFormLayers(t *testing.T) {
	testenv.SkipRaced(t, "it reads the sources")
	layers.CheckOrder(t, ".",
		layers.Layer{Name: "open", Files: []string{"open.go", "examine.go", "doc.go"}},
		layers.Layer{Name: "contract", Files: []string{"lease.go", "trail.go", "members.go", "saved.go", "pieces.go"}},
		layers.Layer{Name: "store", Files: []string{"store.go"}},
		layers.Layer{Name: "telling", Files: []string{"teller.go", "record.go", "tail.go"}},
		layers.Layer{Name: "table", Files: []string{"client.go", "swap.go", "table.go"}},
		layers.Layer{Name: "items", Files: []string{"item.go", "error.go"}},
	)
	layers.Check(t, ".", 1)
}
