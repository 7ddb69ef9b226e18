package sshforward

import (
	"context"
	"iter"
	"net/netip"
)

// Contents is what a store offers whoever copies all of it into another one: to
// back up a table into a file, and to move from the one to the other. The audit
// record is read with [AuditLog.EventsAfter]; members are not copied, since they
// are processes.
type Contents interface {
	// ID is the store's own random id, by which tags in AWS are told from those
	// of another store.
	ID() string
	// Contents yields what is kept, in no order. It stops at the first error.
	// What is written meanwhile may be among it or not.
	Contents(ctx context.Context) iter.Seq2[Content, error]
	// Adopt takes the id of the store that this one is a copy of.
	Adopt(ctx context.Context, id string) error
}

// Content is one thing that is kept: one of the fields.
type Content struct {
	Lease   *Lease
	Saved   *SavedSource
	Rebuilt string // the name of an account
	Held    *Held
}

// SavedSource is where a person comes from.
type SavedSource struct {
	User   string
	Source []netip.Prefix
}
