package sshforward

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"
)

// countingStore counts how often all leases are read.
type countingStore struct {
	*memStore
	active atomic.Int32
}

func (s *countingStore) Active(ctx context.Context) ([]*Lease, error) {
	s.active.Add(1)
	time.Sleep(10 * time.Millisecond) // as of a disk
	return s.memStore.Active(ctx)
}

// However many accounts there are, a sweep reads the leases for all of them
// together before it looks at AWS, and again after: for who is first alone, and
// then for all the others at once.
func TestSweepReadsTheLeasesForAllAccountsTogether(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		store := &countingStore{memStore: w.store}
		accounts := make(map[string]Account)
		for n := range 50 {
			accounts[fmt.Sprint("account-", n)] = Account{}
		}
		slow := func(_ context.Context, op string, _ *Lease) error {
			if op == "survey" { // and all answer at the same time
				time.Sleep(time.Second)
			}
			return nil
		}
		w.cloud.script(slow)
		k := NewKeeper(Options{
			Store: store, Cloud: w.cloud, Slack: people{w.slack, w.dir}, Policy: w.policy, Timing: w.timing, Accounts: accounts,
			Logger: slog.New(slog.DiscardHandler),
		})
		if err := k.Sweep(context.Background()); err != nil { // notes that the accounts were looked at
			t.Fatal(err)
		}
		w.pass(time.Minute)
		store.active.Store(0)
		if err := k.Sweep(context.Background()); err != nil {
			t.Fatal(err)
		}
		if n := store.active.Load(); n > 4 {
			t.Errorf("a sweep through %d accounts reads the leases %d times", len(accounts), n)
		}
	})
}
