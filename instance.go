package sshforward

import (
	"maps"
	"net/netip"
)

// Instance is an EC2 instance as far as a forward needs to know it.
type Instance struct {
	Account   string // name of the configured account and region
	Region    string
	ID        string
	Name      string            `json:",omitempty"` // its Name tag
	Running   bool              // state "running"
	State     string            // EC2's word for its state
	PrivateIP netip.Addr        // of the interface at device index 0
	Zone      string            // availability zone
	VPC       string            //
	Groups    []string          // of the interface at device index 0
	Tags      map[string]string `json:",omitempty"`
}

func (i Instance) clone() Instance {
	i.Groups = append([]string(nil), i.Groups...)
	i.Tags = maps.Clone(i.Tags)
	return i
}

// Placement is where the load balancer for an instance can go.
type Placement struct {
	Subnet string // public, in the instance's zone
	// NoIPv6: the VPC had no IPv6 range when it was looked at. One that it gets
	// meanwhile is for a sweep to find.
	NoIPv6 bool `json:",omitempty"`
	// Quota is how many load balancers the account may have in the region; 0 if that
	// could not be read.
	Quota int `json:",omitempty"`
	// Notes say what could not be checked, in sentences for people: a check
	// that cannot be made is noted and does not block.
	Notes []Text `json:",omitempty"`
	// Warnings say what will hardly work, in sentences for people.
	Warnings []Text `json:",omitempty"`
}

func notRunning(in Instance) error {
	if in.State == "terminated" || in.State == "shutting-down" {
		return Errorf(ENOTFOUND, "The instance %s was terminated.", in.ID).about(FieldInstance)
	}
	return Errorf(EINVALID, "%s is %s, not running. Start it and ask again.", in.ID, in.State).about(FieldInstance)
}
