package sshforward

import (
	"net/netip"
	"time"
)

// Caller is who gave a command, from where. Ids, never names.
type Caller struct {
	Team    string
	User    string
	Channel string
	Direct  bool // Channel is a direct message
}

// Command is one thing a person asked for, typed or clicked.
type Command interface{ command() }

type (
	// OpenLease asks for a forward. It is only requested until confirmed.
	OpenLease struct {
		Instance string         // instance id or Name tag
		Duration time.Duration  // 0: the configured default
		Sources  []netip.Prefix // empty: the saved one, else the default
		Port     int            // sshd's port on the instance; 0: 22
		Because  string
	}
	// ConfirmLease is the requester's own yes.
	ConfirmLease struct{ ID string }
	// CancelLease is the requester's own no.
	CancelLease struct{ ID string }
	// ApproveLease is an approver's yes.
	ApproveLease struct{ ID string }
	// DenyLease is an approver's no.
	DenyLease struct{ ID string }
	// ExtendLease moves the end by Duration. Ref is a lease or an instance.
	ExtendLease struct {
		Ref      string
		Duration time.Duration
	}
	// CloseLease ends access now. Ref is a lease, an instance, or "" when
	// the caller has just one; All ends all that the caller has.
	CloseLease struct {
		Ref string
		All bool
	}
	// ListLeases asks for the caller's leases, or everyone's.
	ListLeases struct{ All bool }
	// ShowLease asks for one lease, also one that is closed.
	ShowLease struct{ ID string }
	// SetSource saves the caller's source address, or forgets it.
	SetSource struct {
		Sources []netip.Prefix
		Clear   bool // with neither: just say what is saved
	}
)

func (OpenLease) command()    {}
func (ConfirmLease) command() {}
func (CancelLease) command()  {}
func (ApproveLease) command() {}
func (DenyLease) command()    {}
func (ExtendLease) command()  {}
func (CloseLease) command()   {}
func (ListLeases) command()   {}
func (ShowLease) command()    {}
func (SetSource) command()    {}

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
}
