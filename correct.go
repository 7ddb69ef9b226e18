package sshforward

import "slices"

// Correct returns the request with what is out of reach for everybody brought
// within it: the port, the sources, the duration. It is for suggestions, which
// must not be refused in their turn.
func (p *Policy) Correct(c OpenLease, t Timing) OpenLease {
	port := c.Port
	if port == 0 {
		port = 22
	}
	if ports := p.ports(); !slices.Contains(ports, port) {
		c.Port = ports[0]
	}
	for _, s := range c.Sources {
		if p.Sources.Check(s) != nil {
			c.Sources = p.Sources.nearest(c.Sources)
			break
		}
	}
	if c.Duration > 0 {
		longest := t.Min
		for _, r := range p.Rules {
			longest = max(longest, r.Max)
		}
		c.Duration = max(min(c.Duration, longest), t.Min)
	}
	return c
}
