package sshforward

import (
	"time"
)

// Resources is what a lease has in AWS, as far as it is known. The names of
// the group and the load balancer are not here: they derive from the lease.
type Resources struct {
	GroupID         string `json:",omitempty"` // the lease's own security group
	InstanceGroupID string `json:",omitempty"` // the instance's group that holds our rule
	InstanceRuleID  string `json:",omitempty"`
	DNSName         string `json:",omitempty"`
	// Address is a public one of the load balancer's, if it could be read.
	Address  string `json:",omitempty"`
	Resolved bool   `json:",omitempty"` // DNSName was seen to resolve
	// CheckEvery is the pause between two health checks that was set last.
	CheckEvery time.Duration `json:",omitempty"`
	// RegisteredAt is about when the instance was put behind the load balancer.
	RegisteredAt time.Time `json:",omitzero"`
	// HostKeys are the instance's public host keys as its console output has
	// them, "type base64" a line; empty if it has none.
	HostKeys string    `json:",omitempty"`
	Until    time.Time `json:",omitzero"` // the end that stands in the tags
	// BalancerTagsFull: somebody else's tags left no room on the load balancer when
	// the end moved last, so that only the group has it.
	BalancerTagsFull bool `json:",omitempty"`

	// What AWS has refused to make, for good: so it is not on its way, and that
	// it is not found needs no patience. Nothing is made without the group.
	GroupRefused    bool `json:",omitempty"`
	RuleRefused     bool `json:",omitempty"`
	BalancerRefused bool `json:",omitempty"`

	// Seen during closing: that nobody is let in any more. AWS ends access some
	// moments after it has accepted to; EndAcceptedAt is set where that was all
	// there was to see.
	EndSeenAt     time.Time `json:",omitzero"`
	EndAcceptedAt time.Time `json:",omitzero"`
	// And seen gone.
	BalancerGone bool `json:",omitempty"`
	RuleGone     bool `json:",omitempty"`
	GroupGone    bool `json:",omitempty"`
}
