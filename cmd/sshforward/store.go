package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/store/bolt"
	"github.com/sshforward/sshforward/store/dynamo"
)

// leaseStore is the store, wherever it is.
type leaseStore interface {
	sshforward.Store
	sshforward.Contents
	Close() error
}

// servedStore is the store of the bot that runs.
type servedStore struct {
	leaseStore
	file    *bolt.Store // nil: it is a table
	path    string      // of the file
	damaged string      // where a damaged file was moved; empty if there was none
}

// openServed opens the store that the configuration names. onCall is told of
// each call to a table.
func openServed(ctx context.Context, c storeConfig, onCall func(service, operation, code string), log *slog.Logger) (*servedStore, error) {
	if c.DynamoDB != nil {
		s, err := openTable(ctx, c.DynamoDB, c.DynamoDB.Create, onCall, log)
		if err != nil {
			return nil, err
		}
		return &servedStore{leaseStore: s}, nil
	}
	s, damaged, err := openStore(c.Bolt, time.Now(), log)
	if err != nil {
		return nil, err
	}
	return &servedStore{leaseStore: s, file: s, path: c.Bolt, damaged: damaged}, nil
}

// openTable opens a table. A command that only looks makes none.
func openTable(
	ctx context.Context, c *dynamoDBConfig, create bool, onCall func(service, operation, code string), log *slog.Logger,
) (*dynamo.Store, error) {
	s, err := dynamo.Open(ctx, dynamo.Options{Table: string(c.Table), Region: c.Region, Create: create, OnCall: onCall, Logger: log})
	if errors.Is(err, dynamo.ErrNoTable) {
		return nil, errors.New(noTable(c))
	}
	if err != nil {
		return nil, fmt.Errorf("the lease store cannot be opened: %w", err)
	}
	return s, nil
}

// noTable says what to do where there is no table.
func noTable(c *dynamoDBConfig) string {
	return fmt.Sprintf("there is no table %s in %s; make it with deploy/cloudformation-replicas.yaml or deploy/terraform/replicas, "+
		"or write create: true beside its name and let sshforward serve make it", c.Table, c.Region)
}

// cause is why the store is lost, nil if it is not: a table cannot be, in a way
// that another process would not meet as well.
func (s *servedStore) cause() error {
	if s.file == nil {
		return nil
	}
	return s.file.Cause()
}
