package sshforward

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func TestParseSources(t *testing.T) {
	for s, want := range map[string][]netip.Prefix{
		"203.0.113.7":                  prefixes("203.0.113.7/32"),
		"203.0.113.7/32":               prefixes("203.0.113.7/32"),
		"203.0.113.0/28":               prefixes("203.0.113.0/28"),
		" 203.0.113.7 , 198.51.100.1,": prefixes("203.0.113.7/32", "198.51.100.1/32"),
		"203.0.113.7,203.0.113.7/32":   prefixes("203.0.113.7/32"),
		"1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,1.0.0.7,1.0.0.8,1.0.0.9,1.0.0.10": prefixes(
			"1.0.0.1/32", "1.0.0.2/32", "1.0.0.3/32", "1.0.0.4/32", "1.0.0.5/32", "1.0.0.6/32", "1.0.0.7/32", "1.0.0.8/32",
			"1.0.0.9/32", "1.0.0.10/32"),
	} {
		if got, err := ParseSources(s); !slices.Equal(got, want) || err != nil {
			t.Errorf("%q: got %v and %v, want %v", s, got, err, want)
		}
	}
	for s, says := range map[string]string{
		"":                    "203.0.113.7",
		" , ":                 "203.0.113.7",
		"here":                "not an IPv4 address",
		"203.0.113":           "not an IPv4 address",
		"203.0.113.07":        "not an IPv4 address",
		"203.0.113.7/33":      "not an IPv4 address",
		"203.0.113.7-9":       "not an IPv4 address",
		"203.0.113.7/28":      "Did you mean 203.0.113.0/28, or 203.0.113.7",
		"2001:db8::1":         "IPv6",
		"2001:db8::/32":       "IPv6",
		"::ffff:203.0.113.7":  "IPv6",
		"fe80::1%eth0":        "IPv6",
		"203.0.113.7,nowhere": `"nowhere"`,
		"1.0.0.1,1.0.0.2,1.0.0.3,1.0.0.4,1.0.0.5,1.0.0.6,1.0.0.7,1.0.0.8,1.0.0.9,1.0.0.10,1.0.0.11": "11 source addresses; 10 are allowed",
	} {
		_, err := ParseSources(s)
		wantCode(t, err, EINVALID)
		if !strings.Contains(ErrorMessage(err).String(), says) {
			t.Errorf("%q: %q does not say %q", s, ErrorMessage(err).String(), says)
		}
	}
}

func FuzzParseSources(f *testing.F) {
	for _, s := range []string{"203.0.113.7", "203.0.113.0/28, 198.51.100.1", "::1", ",", "1.2.3.4/0", "::ffff:1.2.3.4/96"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseSources(s)
		if err != nil {
			wantCode(t, err, EINVALID)
			return
		}
		if len(got) == 0 || len(got) > maxSources {
			t.Errorf("%q: %d sources", s, len(got))
		}
		for _, p := range got {
			if !p.IsValid() || !p.Addr().Is4() || p != p.Masked() {
				t.Errorf("%q: %s", s, p)
			}
		}
		if again, err := ParseSources(FormatSources(got)); err != nil || !slices.Equal(again, got) {
			t.Errorf("%q: written as %q, which is %v and %v", s, FormatSources(got), again, err)
		}
	})
}

func TestSourcePolicy(t *testing.T) {
	public := SourcePolicy{}
	office := SourcePolicy{Allow: prefixes("203.0.113.0/24", "198.51.100.7/32"), Widest: 28}
	inside := SourcePolicy{Allow: prefixes("10.1.0.0/16", "203.0.113.0/24"), Widest: 24}
	anywhere := SourcePolicy{Allow: prefixes("0.0.0.0/0"), Widest: 1}
	for _, tt := range []struct {
		policy SourcePolicy
		source string
		says   string // empty: allowed
	}{
		{public, "203.0.113.7/32", ""},
		{public, "8.8.8.8/32", ""},
		{public, "8.8.8.8/31", "wider than a single address"},
		{public, "0.0.0.0/0", "a single address"},
		{public, "10.0.0.1/32", "10.0.0.0/8"},
		{public, "100.64.0.1/32", "100.64.0.0/10"},
		{public, "127.0.0.1/32", "127.0.0.0/8"},
		{public, "169.254.169.254/32", "169.254.0.0/16"},
		{public, "172.31.255.255/32", "172.16.0.0/12"},
		{public, "172.32.0.0/32", ""},
		{public, "192.168.1.1/32", "192.168.0.0/16"},
		{public, "224.0.0.1/32", "reserved"},
		{public, "255.255.255.255/32", "reserved"},
		{office, "203.0.113.0/28", ""},
		{office, "203.0.113.255/32", ""},
		{office, "203.0.113.0/27", "wider than a /28"},
		{office, "198.51.100.7/32", ""},
		{office, "198.51.100.6/31", "not among the networks"},
		{office, "198.51.100.8/32", "not among the networks"},
		{inside, "10.1.2.0/24", ""},
		{inside, "10.2.0.1/32", "10.0.0.0/8"},
		{inside, "8.8.8.8/32", "not among the networks"},
		{anywhere, "8.8.8.8/32", ""},
		{anywhere, "10.0.0.1/32", "10.0.0.0/8"},
		{anywhere, "0.0.0.0/1", "private or reserved"},
		{anywhere, "8.0.0.0/7", ""},
	} {
		err := tt.policy.Check(netip.MustParsePrefix(tt.source))
		switch {
		case tt.says == "" && err != nil:
			t.Errorf("%s: %v", tt.source, err)
		case tt.says != "" && (ErrorCode(err) != EFORBIDDEN || !strings.Contains(ErrorMessage(err).String(), tt.says)):
			t.Errorf("%s: got %v, want something with %q", tt.source, err, tt.says)
		}
	}
	for _, p := range []netip.Prefix{{}, netip.MustParsePrefix("2001:db8::1/128")} {
		if (SourcePolicy{}).Check(p) == nil {
			t.Errorf("%s is allowed, and no load balancer can let it in", p)
		}
	}
}
