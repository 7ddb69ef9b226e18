package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/sshforward/sshforward/store/bolt"
	"github.com/sshforward/sshforward/store/dynamo"
)

// openTable opens a table as it is. A command that only looks makes none.
func openTable(ctx context.Context, c *dynamoDBConfig) (*dynamo.Store, error) {
	return dynamoStore(ctx, c, dynamo.Options{Logger: slog.New(slog.DiscardHandler)})
}

// fileOfTable copies a table into a file of bolt's, in a folder where there is
// room, and opens it; it has no name any more. The bots may go on meanwhile: the
// audit record is read last, so that it tells of everything that the copy has.
func fileOfTable(ctx context.Context, c *dynamoDBConfig, dir string) (*os.File, error) {
	table, err := openTable(ctx, c)
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
	if err := file.Load(ctx, table.Pieces(ctx)); err != nil {
		_ = file.Close() // it is thrown away
		return nil, fmt.Errorf("copy the table %s: %w", c.Table, err)
	}
	if err := file.Close(); err != nil {
		return nil, err
	}
	return os.Open(path) // it stays readable as long as it is open
}
