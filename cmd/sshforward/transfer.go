package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
	"github.com/sshforward/sshforward/store/bolt"
)

const (
	// eventsAtOnce is how many events are written together, recordsAtOnce how many
	// other records side by side.
	eventsAtOnce  = 100
	recordsAtOnce = 16
)

// transfer copies all that a store keeps into an empty one, which becomes the same
// store: what was signed for the one is taken by the other. It returns the number
// of the last event in the other one.
//
// The bots may go on meanwhile. What is read last is the audit record, so that it
// tells of everything that the copy has; of a lease that was changed between the
// two it tells more, which is as if a backup had been made a moment before.
func transfer(ctx context.Context, from, to leaseStore) (last uint64, err error) {
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(recordsAtOnce)
	for c, err := range from.Contents(within) {
		if err != nil {
			_ = group.Wait() // the first error is the one to tell
			return 0, fmt.Errorf("read what is to be copied: %w", err)
		}
		group.Go(func() (err error) {
			defer safe.Recover(&err)
			return put(within, to, c)
		})
	}
	if err := group.Wait(); err != nil {
		return 0, err
	}
	if err := transferEvents(ctx, from, to); err != nil {
		return 0, fmt.Errorf("copy the audit record: %w", err)
	}
	if err := to.Adopt(ctx, from.ID()); err != nil {
		return 0, fmt.Errorf("copy the store's id: %w", err)
	}
	for e, err := range to.EventsAfter(ctx, 0) {
		if err != nil {
			return 0, fmt.Errorf("read the copy: %w", err)
		}
		last = e.Seq
	}
	return last, nil
}

// transferEvents copies the audit record in the order of writing.
func transferEvents(ctx context.Context, from, to leaseStore) error {
	var some []sshforward.Event
	for e, err := range from.EventsAfter(ctx, 0) {
		if err != nil {
			return err
		}
		if some = append(some, e); len(some) == eventsAtOnce {
			if err := to.Append(ctx, some...); err != nil {
				return err
			}
			some = nil
		}
	}
	if len(some) == 0 {
		return nil
	}
	return to.Append(ctx, some...)
}

// put writes one thing that is not there yet.
func put(ctx context.Context, to leaseStore, c sshforward.Content) error {
	switch {
	case c.Lease != nil:
		c.Lease.Revision = 0
		if err := to.Put(ctx, c.Lease); err != nil {
			return fmt.Errorf("copy lease %s: %w", c.Lease.ID, err)
		}
	case c.Saved != nil:
		if err := to.SetSource(ctx, c.Saved.User, c.Saved.Source); err != nil {
			return fmt.Errorf("copy the address of %s: %w", c.Saved.User, err)
		}
	case c.Held != nil:
		c.Held.Revision = 0
		if err := to.SetHeld(ctx, c.Held); err != nil {
			return fmt.Errorf("copy the quota of %s: %w", c.Held.User, err)
		}
	case c.Rebuilt != "":
		if err := to.SetRebuilt(ctx, c.Rebuilt); err != nil {
			return fmt.Errorf("copy the account %s: %w", c.Rebuilt, err)
		}
	}
	return nil
}

// fileOfTable copies a table into a file of bolt's, in a folder where there is
// room, and opens it. Whoever calls it removes the file.
func fileOfTable(ctx context.Context, c *dynamoDBConfig, dir string) (f *os.File, err error) {
	table, err := openTable(ctx, c, false, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	defer func() { _ = table.Close() }() // nothing was written
	tmp, err := os.MkdirTemp(dir, ".sshforward-backup-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	path := filepath.Join(tmp, "leases.db")
	file, err := bolt.Open(path, bolt.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return nil, err
	}
	if _, err := transfer(ctx, table, file); err != nil {
		_ = file.Close() // it is thrown away
		return nil, err
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return os.Open(path) // it stays readable as long as it is open
}
