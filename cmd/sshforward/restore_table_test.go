package main

import (
	"testing"

	"github.com/sshforward/sshforward"
)

// Replicas that run on an empty table keep a backup out of it; those that are dead
// do not.
func TestRunning(t *testing.T) {
	t.Parallel()
	before := []sshforward.Replica{{ID: "alive", Beat: 3}, {ID: "dead", Beat: 9}}
	now := []sshforward.Replica{{ID: "alive", Beat: 4}, {ID: "dead", Beat: 9}, {ID: "new", Beat: 1}}
	if n := running(before, now); n != 2 {
		t.Errorf("%d run", n)
	}
}
