package layers_test

import (
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

func TestMain(m *testing.M) { testenv.Run(m) }
