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
	// ID is by which tags in AWS are told from those of another store.
	ID() string
	Close() error
}

// servedStore is the store of the bot that runs.
type servedStore struct {
	leaseStore
	file    *bolt.Store // nil: it is a table
	path    string      // of the file
	damaged string      // where a damaged file was moved; empty if there was none
}

// openServed opens the store that the configuration names. Of each call to a table
// meters are told, and the clock of each answer.
func openServed(ctx context.Context, c storeConfig, meters *meters, clock *clock, log *slog.Logger) (*servedStore, error) {
	if c.DynamoDB != nil {
		s, err := dynamoStore(ctx, c.DynamoDB, dynamo.Options{
			Create: c.DynamoDB.Create, OnCall: meters.awsCall, OnClock: clock.see, Logger: log,
		})
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

// dynamoStore opens the table.
func dynamoStore(ctx context.Context, c *dynamoDBConfig, o dynamo.Options) (*dynamo.Store, error) {
	o.Table, o.Region = string(c.Table), c.Region
	s, err := dynamo.Open(ctx, o)
	switch {
	case errors.Is(err, dynamo.ErrNoTable):
		return nil, errors.New(noTable(c))
	case errors.Is(err, dynamo.ErrLoading):
		return nil, fmt.Errorf("the table %s has a part of a backup; repeat sshforward restore until it has come to its end", c.Table)
	case err != nil:
		return nil, fmt.Errorf("the lease store cannot be opened: %w", err)
	}
	return s, nil
}

// noTable says what to do where there is no table.
func noTable(c *dynamoDBConfig) string {
	return fmt.Sprintf("there is no table %s in %s; make it with deploy/cloudformation-replicas.yaml or deploy/terraform/replicas, "+
		"or write create: true beside its name and let sshforward serve make it", c.Table, c.Region)
}

// shared reports whether other replicas may have the store, too.
func (s *servedStore) shared() bool { return s.file == nil }

// cause is why the store is lost, nil if it is not: a table cannot be, in a way
// that another process would not meet as well.
func (s *servedStore) cause() error {
	if s.file == nil {
		return nil
	}
	return s.file.Cause()
}
