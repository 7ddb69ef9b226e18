package dynamo

import (
	"context"
	"errors"
	"path/filepath"
	"testing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
	"github.com/sshforward/sshforward/store/storetest"
)

// People move between a file and a table, in both directions.
func TestMoves(t *testing.T) {
	t.Parallel()
	file := func(t *testing.T) storetest.Moved {
		s, err := bolt.Open(filepath.Join(t.TempDir(), "leases.db"), bolt.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	table := func(t *testing.T) storetest.Moved { return open(t, newTable()) }
	t.Run("from a table to a table", func(t *testing.T) { storetest.RunMoves(t, table(t), table(t)) })
	t.Run("from a table to a file", func(t *testing.T) { storetest.RunMoves(t, table(t), file(t)) })
	t.Run("from a file to a table", func(t *testing.T) { storetest.RunMoves(t, file(t), table(t)) })
}

// A bot must not start on a table that has half of a backup, and whoever loads it
// again has nothing twice.
func TestLoadGoesOnWhereItWasBrokenOff(t *testing.T) {
	t.Parallel()
	from, name := open(t, newTable()), newTable()
	events := make([]sshforward.Event, 250)
	for i := range events {
		events[i] = sshforward.Event{At: noon, Act: sshforward.ActOpen, Lease: "aaaaaaa"}
	}
	mustPut(t, from, newLease("aaaaaaa"), events...)

	broken := errors.New("broken off")
	to := open(t, name)
	err := to.Load(t.Context(), func(yield func(sshforward.Piece, error) bool) {
		n := 0
		for p, err := range from.Pieces(t.Context()) {
			if p.Event != nil {
				if n++; n > 120 {
					yield(p, broken)
					return
				}
			}
			if !yield(p, err) {
				return
			}
		}
	})
	if !errors.Is(err, broken) {
		t.Fatalf("Load: %v", err)
	}
	mustClose(t, to)

	if _, err := Open(context.Background(), options(t, name)); !errors.Is(err, ErrLoading) {
		t.Fatalf("a table with half of a backup opens: %v", err)
	}
	to = open(t, name, func(o *Options) { o.ToLoad = true })
	if err := to.Load(t.Context(), from.Pieces(t.Context())); err != nil {
		t.Fatalf("Load: %v", err)
	}
	mustClose(t, to)
	to = open(t, name)
	n := 0
	for _, err := range to.EventsAfter(t.Context(), 0) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != len(events) {
		t.Errorf("%d events of %d", n, len(events))
	}
}
