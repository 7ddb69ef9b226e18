package bolt

import (
	"testing"

	"github.com/sshforward/sshforward/store/storetest"
)

func TestMoves(t *testing.T) { storetest.RunMoves(t, newStore(t), newStore(t)) }
