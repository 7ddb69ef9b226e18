package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
)

// beatsWithin is how long a replica that runs may take to show it: it beats every
// three seconds.
const beatsWithin = 4 * time.Second

// runTable copies the backup into a table that is empty, so that nothing is
// replaced there, and which no replica uses.
func (o *restoreOptions) runTable(ctx context.Context, con console, c *dynamoDBConfig) error {
	b, err := readBackup(ctx, o.from)
	if err != nil {
		return fmt.Errorf("%s cannot be restored: %w", o.from, err)
	}
	discard := slog.New(slog.DiscardHandler)
	table, err := openTable(ctx, c, c.Create, nil, discard)
	if err != nil {
		return err
	}
	defer func() { _ = table.Close() }() // what was written is there by then
	if err := unused(ctx, table); err != nil {
		return fmt.Errorf("the table %s %w", c.Table, err)
	}
	file, err := bolt.Open(o.from, bolt.Options{ReadOnly: true, Logger: discard})
	if err != nil {
		return err
	}
	last, err := transfer(ctx, file, table)
	if err := errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("%s is not all in the table %s, of which no bot should be started now: %w", o.from, c.Table, err)
	}
	fmt.Fprintf(con.stdout, "%s is in the table %s: %s\n", o.from, c.Table, b)
	if last > 0 {
		fmt.Fprintf(con.stdout, "events have other numbers there; who exports in the order of writing goes on with --after %d\n", last)
	}
	if o.offline {
		return nil
	}
	return o.compare(ctx, con, b)
}

// unused returns an error that goes on after "the table" if it is not empty, or
// replicas run on it.
func unused(ctx context.Context, s leaseStore) error {
	for _, err := range s.Contents(ctx) {
		if err != nil {
			return fmt.Errorf("cannot be read: %w", err)
		}
		return errors.New("is not empty; a backup can be put into an empty one only")
	}
	for _, err := range s.EventsAfter(ctx, 0) {
		if err != nil {
			return fmt.Errorf("cannot be read: %w", err)
		}
		return errors.New("has an audit record already; a backup can be put into an empty one only")
	}
	before, err := s.Members(ctx)
	if err != nil || len(before) == 0 {
		return err
	}
	select { // those may be dead
	case <-time.After(beatsWithin):
	case <-ctx.Done():
		return ctx.Err()
	}
	now, err := s.Members(ctx)
	if err != nil {
		return err
	}
	if n := running(before, now); n > 0 {
		return fmt.Errorf("is in use by %s; stop them first", count(n, "running replica"))
	}
	return nil
}

// running counts the members that have beaten between two looks.
func running(before, now []sshforward.Member) (n int) {
	for _, m := range now {
		if !slices.ContainsFunc(before, func(was sshforward.Member) bool { return was.ID == m.ID && was.Beat == m.Beat }) {
			n++
		}
	}
	return n
}
