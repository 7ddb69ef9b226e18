package sshforward

import (
	"net/netip"
	"time"
)

// Reply answers a command that was not refused.
type Reply struct {
	// Lease is the one lease the command was about, after it.
	Lease *Lease
	// Leases answers a list, a close of all, and a close or extend that could
	// mean several (Choose is set then, and nothing was done).
	Leases []*Lease
	// Instances answers an open whose Name tag matches more than one.
	Instances []Instance
	// Choose: nothing was done, the caller has to pick one of the above.
	Choose bool
	// Sources is the caller's saved source address, after the command.
	Sources []netip.Prefix
	// Waiting are the requests that the caller can decide about, those for an
	// extension (see Lease.Asked) among them.
	Waiting []*Lease
	// Past are the caller's leases that are over, the newest first.
	Past []Event
	// Month sums up those of the running calendar month (UTC).
	Month Bill
}

// Bill is what leases cost together, about.
type Bill struct {
	Since  time.Time
	Leases int
	Cost   float64 // US dollars
}
