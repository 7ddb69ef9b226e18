package sshforward

import (
	"context"
	"fmt"
	"iter"
	"net/netip"
	"time"
)

// Store is all that a keeper needs to remember. It is one thing, and not four,
// because a lease and its events are written together or not at all.
// Implementations are safe for concurrent use, and a method that returns nil
// has made its effect durable: it survives kill -9. Several processes may have
// a store open where it says so; what one of them has written the others read
// at once. store/storetest holds every implementation to this contract.
//
// ECONFLICT is said of what is certain: another writer was first, and nothing was
// written. After any other error of a write nobody knows whether it was done,
// since its answer may have been lost; whoever wants to know reads again. A write
// that the store itself tries again is no conflict with itself.
type Store interface {
	Leases
	AuditLog
	SavedSources
	Rebuilds
	Replicas
	Quotas
}

// Portable is a store that can be moved into another one, of another kind too.
type Portable interface {
	// Pieces yields all that is kept, the leases before the events, so that there
	// is no lease whose events are missing. It stops at the first error.
	Pieces(ctx context.Context) iter.Seq2[Piece, error]

	// Load writes the pieces of another store into this one, and takes over its
	// id. ECONFLICT if this one is not empty. After any other error it has some of
	// them, and must not be used.
	Load(ctx context.Context, pieces iter.Seq2[Piece, error]) error
}

// Leases keeps leases.
type Leases interface {
	// Lease returns one lease. ENOTFOUND if there is none.
	Lease(ctx context.Context, id string) (*Lease, error)

	// Put writes a lease if the stored revision equals l.Revision (0: there
	// must be none yet) and then adds one to l.Revision. ECONFLICT if another
	// writer was first; nothing is written then. l is unchanged by any error.
	// l.DueAt and l.State are what the indexes are made from. The events that
	// this write makes true are in the [AuditLog] if and only if it is.
	Put(ctx context.Context, l *Lease, events ...Event) error

	// Delete removes a lease if the stored revision is still the given one.
	// ECONFLICT if it is not; nil if there is no such lease any more.
	Delete(ctx context.Context, id string, revision uint64) error

	// Due returns the ids of leases with a DueAt that is not after now, the
	// longest due first, at most limit of them. It reads no lease, and with
	// nothing due it reads one index entry however many leases are kept.
	Due(ctx context.Context, now time.Time, limit int) ([]string, error)

	// Active returns every lease that is not closed, the oldest request
	// first. Its cost does not grow with the closed leases that are kept.
	Active(ctx context.Context) ([]*Lease, error)
}

// Replicas keeps which replicas share the store. It knows nothing of time: a beat
// is a number, and whether it still moves is seen by who reads it again.
type Replicas interface {
	// Beat writes the replica as it is now, whatever was there of its id.
	Beat(ctx context.Context, m Replica) error
	// Replicas returns all that beat and were not dismissed, in the order of their ids.
	Replicas(ctx context.Context) ([]Replica, error)
	// Dismiss forgets a replica whose beat is still m.Beat. nil if it is not there
	// any more; ECONFLICT if it has beaten since.
	Dismiss(ctx context.Context, m Replica) error
}

// Quotas keeps, for each person, which leases count for their quota and who answers
// them, for where several replicas look and write at the same time.
type Quotas interface {
	// Held returns what is kept of a person, with Revision 0 if nothing is.
	Held(ctx context.Context, user string) (Held, error)
	// SetHeld writes it if the stored revision equals h.Revision (0: there must
	// be nothing yet) and then adds one to h.Revision. ECONFLICT if another writer
	// was first; nothing is written then. h is unchanged by any error.
	SetHeld(ctx context.Context, h *Held) error
}

// SavedSources keeps the source addresses that people saved.
type SavedSources interface {
	// Source returns what the user saved; empty if nothing.
	Source(ctx context.Context, user string) ([]netip.Prefix, error)
	// SetSource saves what the user gave; empty forgets it.
	SetSource(ctx context.Context, user string, source []netip.Prefix) error
}

// AuditLog is the audit record. It only ever grows.
type AuditLog interface {
	// Append writes events that go with no write of a lease. Those that do
	// are given to [Leases.Put].
	Append(ctx context.Context, events ...Event) error

	// Events yields the events from since on, the oldest first. It stops at
	// the first error.
	Events(ctx context.Context, since time.Time) iter.Seq2[Event, error]

	// EventsAfter yields the events that were written after the one with the
	// number seq, all if that is zero, in the order in which they were
	// written. Whoever asks again after the last number that was yielded gets
	// each event once, also those that were written late. It stops at the
	// first error.
	EventsAfter(ctx context.Context, seq uint64) iter.Seq2[Event, error]

	// Past returns the ActClosed events of leases that an owner had open and
	// that ended from since on, the newest first, at most limit of them. Of a
	// lease that was closed more than once (see ActReopened) it is the last.
	// Its cost does not grow with other people's events.
	Past(ctx context.Context, owner string, since time.Time, limit int) ([]Event, error)
}

// Rebuilds remembers which accounts' leases were rebuilt from tags once. An
// account that was not is one whose leases this store may never have known:
// what is found there is taken over and not torn down.
type Rebuilds interface {
	// Rebuilt reports whether SetRebuilt was called for the account.
	Rebuilt(ctx context.Context, account string) (bool, error)
	// SetRebuilt remembers it.
	SetRebuilt(ctx context.Context, account string) error
}

// RevisionConflict is the ECONFLICT of [Leases]: a writer had read one revision, and
// another one is stored; 0 is for no lease.
func RevisionConflict(id string, have, stored uint64) error {
	e := &Error{
		Code:    ECONFLICT,
		Message: Textf("Lease %s was changed by someone else in the same moment.", id),
		Err:     fmt.Errorf("lease %s: revision %d, stored is %d", id, have, stored),
	}
	switch {
	case have == 0:
		e.Message = Textf("There is a lease %s already.", id)
	case stored == 0:
		e.Message = Textf("Lease %s does not exist any more.", id)
	}
	return e
}

// GivenUp is a store's EUNAVAILABLE for a context that ended before anything was done.
func GivenUp(cause error) error {
	return &Error{
		Code:    EUNAVAILABLE,
		Message: Textf("That took too long and was given up; nothing was changed."),
		Err:     cause,
	}
}
