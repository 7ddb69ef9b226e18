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
	"github.com/sshforward/sshforward/store/dynamo"
)

// beatsWithin is how long a replica that runs may take to show it: it beats every
// three seconds.
const beatsWithin = 4 * time.Second

// runTable copies the backup into a table that is empty, so that nothing is
// replaced there, and which no replica uses. It can be repeated if it was cut short.
func (o *restoreOptions) runTable(ctx context.Context, con console, c *dynamoDBConfig) error {
	b, err := readBackup(ctx, o.from)
	if err != nil {
		return fmt.Errorf("%s cannot be restored: %w", o.from, err)
	}
	table, err := dynamoStore(ctx, c, dynamo.Options{Create: c.Create, ToLoad: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer func() { _ = table.Close() }() // what was written is there by then
	switch n, err := runningOn(ctx, table); {
	case err != nil:
		return err
	case n > 0:
		return fmt.Errorf("the table %s is in use by %s; stop them first", c.Table, count(n, "running replica"))
	}
	file, err := bolt.Open(o.from, bolt.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	err = errors.Join(table.Load(ctx, file.Pieces(ctx)), file.Close())
	switch {
	case sshforward.ErrorCode(err) == sshforward.ECONFLICT:
		return fmt.Errorf("the table %s is not empty; a backup can be put into an empty one only", c.Table)
	case err != nil:
		return fmt.Errorf("%s is not all in the table %s; no bot takes it now, and the same command goes on: %w", o.from, c.Table, err)
	}
	last, err := lastEvent(ctx, table)
	if err != nil {
		return err
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

// lastEvent is the number of the last event.
func lastEvent(ctx context.Context, s sshforward.AuditLog) (last uint64, err error) {
	for e, err := range s.EventsAfter(ctx, 0) {
		if err != nil {
			return 0, fmt.Errorf("read what was written: %w", err)
		}
		last = e.Seq
	}
	return last, nil
}

// runningOn is how many replicas use a table. Those that are listed may be dead.
func runningOn(ctx context.Context, s sshforward.Replicas) (n int, err error) {
	before, err := s.Replicas(ctx)
	if err != nil || len(before) == 0 {
		return 0, err
	}
	select {
	case <-time.After(beatsWithin):
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	now, err := s.Replicas(ctx)
	return running(before, now), err
}

// running counts the replicas that have beaten between two looks.
func running(before, now []sshforward.Replica) (n int) {
	for _, m := range now {
		if !slices.ContainsFunc(before, func(was sshforward.Replica) bool { return was.ID == m.ID && was.Beat == m.Beat }) {
			n++
		}
	}
	return n
}
