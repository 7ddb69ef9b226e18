package sshforward

import (
	"net/netip"
	"time"
)

// Reply answers a command that was not refused.
type Reply struct {
	// Lease is the one lease the command was about, after it.
	Lease *Lease
	// Leases answers a close of all, and a close or extend that could mean
	// several (Choose is set then, and nothing was done).
	Leases []*Lease
	// Instances answers an open whose Name tag matches more than one.
	Instances []Instance
	// Choose: nothing was done, the caller has to pick one of the above.
	Choose bool
	// Sources is the caller's saved source address, after the command.
	Sources []netip.Prefix
	// Remains is what is known of the lease before it is given up; nil if it was
	// not asked for, or the lease is given up by now.
	Remains *Remains
	// Unrecorded: what was closed ends, but the store cannot be written and
	// has it only later.
	Unrecorded bool
}

// Remains is what a look at the account of a lease has shown, before the lease is
// given up.
type Remains struct {
	// Blind says why nothing could be looked at, or with Partly not all of it; zero
	// if it could.
	Blind  Text
	Partly bool
	// Found is what AWS has of the lease; nil if there is nothing, or nothing
	// could be looked at.
	Found *Found
}

// Offer is an instance that a form may offer to somebody, and what the rule that
// decides about it asks for.
type Offer struct {
	Instance
	Rule      string
	Approvals int
}

// Help is what there is to know for somebody who cannot get in.
type Help struct {
	Lease *Lease
	// Health is nil if it could not be asked for.
	Health *Health
	// Found is what AWS has of the lease; nil if it could not be listed.
	Found *Found
	// Sources is the caller's saved source address.
	Sources []netip.Prefix
}

// Changed reports whether somebody has changed what the lease has in AWS.
func (h Help) Changed() bool {
	f := h.Found
	return f != nil && (!f.Balancer || !f.Registered || !f.Group || !f.Rule || f.Widened || !covers(f.Ingress, h.Lease.Sources))
}

// Elsewhere reports whether the caller's saved address is not let in.
func (h Help) Elsewhere() bool {
	return h.Found != nil && len(h.Sources) > 0 && !covers(h.Found.Ingress, h.Sources)
}

// Why is what decides about access to an instance, and what is missing for it.
type Why struct {
	Instance Instance
	Rule     Rule
	Tags     map[string]string // of the instance, by which the rule decides
	Sources  []netip.Prefix    // that the caller would come from without saying
	// Able is how many others could give an approval, if that can be told.
	Able      int
	AbleKnown bool
	Urgent    bool   // the caller may go past the approvers
	Missing   []Text // what a request lacks that says nothing but the instance
	// Several are what the name can mean; nothing else is set then.
	Several []Instance
}

// Overview is all that concerns a person now.
type Overview struct {
	// Leases are the person's own that are not closed.
	Leases []*Lease
	// Waiting are the requests that the person can decide about, those for an
	// extension (see Lease.Asked) among them.
	Waiting []*Lease
	// Sources is the person's saved source address.
	Sources []netip.Prefix
	History
}

// History is what a person had open.
type History struct {
	// Past are the leases that are over, the newest first.
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
