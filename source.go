package sshforward

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// maxSources keeps a lease's rules far below AWS's 60 a group.
const maxSources = 10

// ParseSources reads source addresses as people type them: IPv4 addresses and
// CIDRs, separated by commas. EINVALID with a corrected example for anything
// else; IPv6 is refused, since a Classic Load Balancer in a VPC speaks IPv4
// only.
func ParseSources(s string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for field := range strings.SplitSeq(s, ",") {
		field = strings.TrimSpace(field)
		if field == "" {
			continue
		}
		p, err := parseSource(field)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	switch {
	case len(out) == 0:
		return nil, noSource()
	case len(out) > maxSources:
		return nil, Errorf(EINVALID, "That is %d source addresses; %d are allowed.", len(out), maxSources)
	}
	return out, nil
}

func noSource() error {
	return Errorf(EINVALID, "There is no address in it.").instead("Write for example 203.0.113.7 or 203.0.113.0/28.").about(FieldSource)
}

func parseSource(s string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(s)
	if err != nil {
		a, err := netip.ParseAddr(s)
		if err != nil {
			return p, Errorf(EINVALID, "%q is not an IPv4 address.", s).instead("Write for example 203.0.113.7 or 203.0.113.0/28.")
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if !p.Addr().Is4() {
		return p, Errorf(EINVALID, "%s is IPv6, and the load balancer speaks IPv4 only.", s).
			instead("Give your IPv4 address, for example 203.0.113.7.")
	}
	if p != p.Masked() {
		return p, Errorf(EINVALID, "%s has host bits set.", s).instead("Did you mean %s, or %s for the one address?", p.Masked(), p.Addr())
	}
	return p, nil
}

// FormatSources writes sources the way ParseSources reads them.
func FormatSources(sources []netip.Prefix) string {
	var out []string
	for _, p := range sources {
		if p.IsSingleIP() {
			out = append(out, p.Addr().String())
		} else {
			out = append(out, p.String())
		}
	}
	return strings.Join(out, ", ")
}

// SourcePolicy says from where access may be asked for.
type SourcePolicy struct {
	// Allow lists what a source must lie within; empty allows any public
	// address. Private and reserved ranges are allowed only where an entry
	// lies within them, so 0.0.0.0/0 does not let 10.0.0.1 in.
	Allow []netip.Prefix
	// Default is used when neither the command nor the caller's saved
	// address gives one.
	Default []netip.Prefix
	// Widest is the shortest mask allowed, 0 meaning 32: one address.
	Widest int
}

// reserved are ranges from which nobody can come over the internet, or which
// mean something else than one host. The documentation ranges (RFC 5737) are
// left out on purpose: no packet comes from them either, so a rule for one
// grants nothing, and every example and test uses them.
var reserved = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("10.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"),
	netip.MustParsePrefix("127.0.0.0/8"),
	netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("172.16.0.0/12"),
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("224.0.0.0/4"),
	netip.MustParsePrefix("240.0.0.0/4"),
}

// Check returns EINVALID or EFORBIDDEN, with the reason and an example, unless
// access may be asked for from p.
func (s SourcePolicy) Check(p netip.Prefix) error {
	if !p.Addr().Is4() {
		return Errorf(EINVALID, "%s is not an IPv4 address, and the load balancer speaks IPv4 only.", p).
			instead("Give for example 203.0.113.7.").about(FieldSource)
	}
	widest := s.Widest
	if widest == 0 {
		widest = 32
	}
	if p.Bits() < widest {
		if widest == 32 {
			return Errorf(EFORBIDDEN, "%s is wider than a single address, which is the widest allowed.", p).about(FieldSource)
		}
		return Errorf(EFORBIDDEN, "%s is wider than a /%d, which is the widest allowed.", p, widest).about(FieldSource)
	}
	for _, r := range reserved {
		if !r.Overlaps(p) {
			continue
		}
		listed := slices.ContainsFunc(s.Allow, func(a netip.Prefix) bool { return within(a, r) && within(p, a) })
		if !listed {
			return Errorf(EFORBIDDEN, "%s is in the private or reserved range %s, from which nobody comes over the internet.",
				FormatSources([]netip.Prefix{p}), r).
				instead("Give the public address of your network.").about(FieldSource)
		}
	}
	if len(s.Allow) > 0 && !slices.ContainsFunc(s.Allow, func(a netip.Prefix) bool { return within(p, a) }) {
		return Errorf(EFORBIDDEN, "%s is not among the networks that access is allowed from: %s.",
			FormatSources([]netip.Prefix{p}), FormatSources(s.Allow)).
			about(FieldSource)
	}
	return nil
}

// Example is an address that access may be asked for from: one from a range kept
// for documentation (RFC 5737) or, where policy does not allow that, the first
// that it does.
func (s SourcePolicy) Example() netip.Prefix {
	example := netip.MustParsePrefix("203.0.113.7/32")
	candidates := append([]netip.Prefix{example}, s.Default...)
	for _, a := range s.Allow {
		first := netip.PrefixFrom(a.Addr(), 32)
		candidates = append(candidates, netip.PrefixFrom(a.Addr().Next(), 32), first, a)
	}
	for _, p := range candidates {
		if p.IsValid() && s.Check(p) == nil {
			return p
		}
	}
	return example
}

// nearest are sources that may be asked for in the place of others: those of them
// that may, the wide ones narrowed; or the example.
func (s SourcePolicy) nearest(asked []netip.Prefix) []netip.Prefix {
	var out []netip.Prefix
	for _, p := range asked {
		if widest := cmp.Or(s.Widest, 32); p.IsValid() && p.Bits() < widest {
			p = netip.PrefixFrom(p.Addr(), widest)
		}
		if s.Check(p) == nil && !slices.Contains(out, p) {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		out = []netip.Prefix{s.Example()}
	}
	return out
}

// within reports whether every address of p is in q.
func within(p, q netip.Prefix) bool { return q.Bits() <= p.Bits() && q.Contains(p.Addr()) }

func prefixStrings(ps []netip.Prefix) []string {
	var out []string
	for _, p := range ps {
		out = append(out, p.String())
	}
	return out
}

// covers reports whether every wanted source is let in.
func covers(have, want []netip.Prefix) bool {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}
