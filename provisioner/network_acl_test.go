package provisioner_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// A network ACL of the public subnet that will keep people out is said before
// anything is made: the health check comes from inside and does not see it.
func TestPreflightNetworkACL(t *testing.T) {
	acl := func(entries ...fakeaws.ACLEntry) func(*world) {
		return func(w *world) { w.cloud.Home().AddNetworkACL(w.vpc, []string{w.public}, entries...) }
	}
	in := func(n, from, to int, cidr string) fakeaws.ACLEntry {
		return fakeaws.ACLEntry{Number: n, Protocol: "6", From: from, To: to, CIDR: cidr}
	}
	out := fakeaws.ACLEntry{Number: 100, Egress: true, Protocol: "-1", CIDR: "0.0.0.0/0"}
	deny := func(e fakeaws.ACLEntry) fakeaws.ACLEntry { e.Deny = true; return e }
	for name, test := range map[string]struct {
		change func(w *world)
		says   []string // parts, of each warning
	}{
		"the default one": {func(*world) {}, nil},
		"the listener's port": {func(w *world) { w.cloud.Home().BlockPort(w.public, 443) },
			[]string{"keeps 203.0.113.7, 198.51.100.0/24 from port 443"}},
		"another port": {func(w *world) { w.cloud.Home().BlockPort(w.public, 22) }, nil},
		"answers": {func(w *world) { w.cloud.Home().BlockAnswers(w.public) },
			[]string{"does not let all answers to 203.0.113.7, 198.51.100.0/24 out"}},
		"some of the answers": {acl(in(100, 443, 443, "0.0.0.0/0"), out,
			fakeaws.ACLEntry{Number: 90, Egress: true, Deny: true, Protocol: "6", From: 33000, To: 48000, CIDR: "198.51.100.0/24"}),
			[]string{"answers to 198.51.100.0/24 out"}},
		"a gap between two ranges of answers": {acl(in(100, 443, 443, "0.0.0.0/0"),
			fakeaws.ACLEntry{Number: 100, Egress: true, Protocol: "6", From: 1024, To: 50000, CIDR: "0.0.0.0/0"},
			fakeaws.ACLEntry{Number: 110, Egress: true, Protocol: "6", From: 52000, To: 65535, CIDR: "0.0.0.0/0"}),
			[]string{"answers to 203.0.113.7, 198.51.100.0/24 out"}},
		"two ranges of answers": {acl(in(100, 443, 443, "0.0.0.0/0"),
			fakeaws.ACLEntry{Number: 100, Egress: true, Protocol: "6", From: 0, To: 32767, CIDR: "0.0.0.0/0"},
			fakeaws.ACLEntry{Number: 110, Egress: true, Protocol: "6", From: 32768, To: 65535, CIDR: "0.0.0.0/0"}), nil},
		"nothing":           {acl(), []string{"keeps 203.0.113.7, 198.51.100.0/24 from port 443"}},
		"of another subnet": {func(w *world) { w.cloud.Home().BlockPort(w.private, 443) }, nil},
		"one source":        {acl(in(100, 443, 443, "203.0.113.0/24"), out), []string{"keeps 198.51.100.0/24 from"}},
		"the first one counts": {acl(deny(in(90, 443, 443, "203.0.113.7/32")), in(100, 0, 65535, "0.0.0.0/0"), out),
			[]string{"keeps 203.0.113.7 from"}},
		"half of a source": {acl(in(100, 443, 443, "203.0.113.0/24"), in(110, 443, 443, "198.51.100.0/25"), out),
			[]string{"keeps 198.51.100.0/24 from"}},
		"both": {acl(in(100, 443, 443, "203.0.113.0/24"),
			fakeaws.ACLEntry{Number: 100, Egress: true, Protocol: "6", From: 32768, To: 65535, CIDR: "0.0.0.0/0"}),
			[]string{"keeps 198.51.100.0/24 from", "answers to 203.0.113.7 out"}},
	} {
		o := worldOptions{accounts: []provisioner.Account{{Name: "main", Region: fakeaws.DefaultRegion, ListenerPort: 443}}}
		inFakeNamed(t, name, o, func(w *world) {
			test.change(w)
			found := must(w.p.Find(w.ctx, "web-1", nil))
			got, err := w.p.Preflight(w.ctx, found[0],
				[]netip.Prefix{netip.MustParsePrefix("203.0.113.7/32"), netip.MustParsePrefix("198.51.100.0/24")})
			if err != nil || len(got.Warnings) != len(test.says) {
				w.Fatalf("got %+v, %v", got, err)
			}
			for i, part := range test.says {
				if m := got.Warnings[i].String(); !strings.Contains(m, part) {
					w.Errorf("it says %q, want %q", m, part)
				}
			}
		})
	}
}

// Network ACLs that cannot be read are noted.
func TestPreflightWithoutNetworkACLs(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		w.cloud.Deny("ec2:DescribeNetworkAcls")
		in := must(w.p.Find(w.ctx, "web-1", nil))[0]
		got, err := w.p.Preflight(w.ctx, in, nil)
		if err != nil || len(got.Notes) != 1 || !strings.Contains(got.Notes[0].String(), "network ACL") {
			w.Errorf("got %+v, %v", got, err)
		}
	})
}
