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
	Direct  bool   // Channel is a direct message
	Message string // Slack's ts of the message with the button, if one was pressed
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
		Urgent   bool // without approval, where policy allows that to the caller
	}
	// ConfirmLease is the requester's own yes. An urgent lease needs a second
	// one, with Urgent set, given after being told what that means.
	ConfirmLease struct {
		ID     string
		Urgent bool
	}
	// CancelLease is the requester's own no.
	CancelLease struct{ ID string }
	// ApproveLease is an approver's yes: to the lease, or to the extension by
	// Extend that was asked for.
	ApproveLease struct {
		ID     string
		Extend time.Duration
	}
	// DenyLease is an approver's no, to what ApproveLease says yes to.
	DenyLease struct {
		ID      string
		Extend  time.Duration
		Because string // the requester is told
	}
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
	// ListInstances asks for what the caller may open, for a form to choose
	// from. It is answered from memory.
	ListInstances struct{ Query string }
	// Overview asks for all that concerns the caller now.
	Overview struct{}
	// ShowHistory asks for the caller's leases that are over.
	ShowHistory struct{}
	// Unknown is a payload that no command could be made of, for the audit
	// record. It is always refused.
	Unknown struct{ What string }
	// SetSource saves the caller's source address, or forgets it.
	SetSource struct {
		Sources []netip.Prefix
		Clear   bool // with neither: just say what is saved
	}
)

func (OpenLease) command()     {}
func (ConfirmLease) command()  {}
func (CancelLease) command()   {}
func (ApproveLease) command()  {}
func (DenyLease) command()     {}
func (ExtendLease) command()   {}
func (CloseLease) command()    {}
func (ListLeases) command()    {}
func (ShowLease) command()     {}
func (SetSource) command()     {}
func (ListInstances) command() {}
func (Overview) command()      {}
func (ShowHistory) command()   {}
func (Unknown) command()       {}
