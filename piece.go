package sshforward

import "net/netip"

// Piece is a part of what a store keeps, on its way into another store: one of
// its fields is set. Replicas are no part: they belong to processes that run.
type Piece struct {
	Store   string // the store's own id, which its leases are signed for
	Lease   *Lease // with its revision, also a closed one
	Event   *Event // in the order of writing; the other store gives it a number
	Held    *Held
	Source  *SavedSource
	Rebuilt string // an account, see Rebuilds
}

// SavedSource is what a user saved, see SavedSources.
type SavedSource struct {
	User   string
	Source []netip.Prefix
}
