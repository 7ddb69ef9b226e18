package sshforward

import (
	"net/netip"
	"strings"
	"time"
)

// The commands: what a person asked for, typed or clicked. What only looks at
// things is a method of [Keeper]. Each knows what the audit record calls it, and
// what it was about if it is refused.
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
	// ClaimLease is an approver's word that they look at it, to what ApproveLease
	// says yes to; the others are shown it for a while.
	ClaimLease struct {
		ID     string
		Extend time.Duration
	}
	// ExtendLease moves the end by Duration. Ref is a lease or an instance.
	ExtendLease struct {
		Ref      string
		Duration time.Duration
	}
	// ChangeSource lets the owner in from another address, and no more from what
	// it was. Ref is a lease or an instance.
	ChangeSource struct {
		Ref string
		To  netip.Prefix
	}
	// CloseLease ends access now. Ref is a lease, an instance, or "" when
	// the caller has just one; All ends all that the caller has.
	CloseLease struct {
		Ref string
		All bool
	}
	// AbandonLease gives up a lease whose closing gets nowhere. Without Sure it
	// only says what that would mean.
	AbandonLease struct {
		ID      string
		Because string
		Sure    bool
	}
	// SetSource saves the caller's source address, or forgets it.
	SetSource struct {
		Sources []netip.Prefix
		Clear   bool
	}
	// Unknown is a payload that no command could be made of, for the audit
	// record. It is always refused.
	Unknown struct{ What string }
)

// target is what a command is about: the lease, or the instance that has one,
// or what it asks for where there is none yet.
type target struct {
	ref   string
	asked Event
}

func (OpenLease) act() Act    { return ActOpen }
func (ConfirmLease) act() Act { return ActConfirm }
func (CancelLease) act() Act  { return ActCancel }
func (ApproveLease) act() Act { return ActApprove }
func (DenyLease) act() Act    { return ActDeny }
func (ClaimLease) act() Act   { return ActClaim }
func (ExtendLease) act() Act  { return ActExtend }
func (ChangeSource) act() Act { return ActFrom }
func (CloseLease) act() Act   { return ActClose }
func (AbandonLease) act() Act { return ActAbandon }
func (SetSource) act() Act    { return ActSource }
func (Unknown) act() Act      { return ActUnknown }

func (c ConfirmLease) target() target { return target{ref: c.ID} }
func (c CancelLease) target() target  { return target{ref: c.ID} }
func (c ApproveLease) target() target { return target{ref: c.ID} }
func (c DenyLease) target() target    { return target{ref: c.ID} }
func (c ClaimLease) target() target   { return target{ref: c.ID} }
func (c ExtendLease) target() target  { return target{ref: c.Ref} }
func (c ChangeSource) target() target { return target{ref: c.Ref} }
func (c CloseLease) target() target   { return target{ref: c.Ref} }

func (c AbandonLease) target() target { return target{ref: c.ID} }

func (c OpenLease) target() target {
	asked := Event{Sources: prefixStrings(c.Sources), Because: c.Because, Urgent: c.Urgent}
	if strings.HasPrefix(c.Instance, "i-") {
		asked.Instance = c.Instance
	} else {
		asked.Name = c.Instance
	}
	return target{asked: asked}
}

func (c SetSource) target() target { return target{asked: Event{Sources: prefixStrings(c.Sources)}} }

func (c Unknown) target() target { return target{asked: Event{Detail: c.What}} }
