package sshforward

import (
	"context"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestOpenRefused(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		cmd  OpenLease
		code string
		says string
	}{
		{"too short", OpenLease{Instance: "web", Duration: time.Minute}, EINVALID, "open web 5m"},
		{"too long", OpenLease{Instance: "i-0dev", Duration: 9 * time.Hour}, EFORBIDDEN, "open i-0dev 8h"},
		{"no reason", OpenLease{Instance: "db"}, EINVALID, "because"},
		{"port", OpenLease{Instance: "web", Port: 3389}, EFORBIDDEN, "port 22"},
		{"private source", OpenLease{Instance: "web", Sources: prefixes("10.1.2.3/32")}, EFORBIDDEN, "10.0.0.0/8"},
		{"wide source", OpenLease{Instance: "web", Sources: prefixes("198.51.100.0/24")}, EFORBIDDEN, "a single address"},
		{"unknown", OpenLease{Instance: "i-0nope"}, ENOTFOUND, `no instance "i-0nope" that you may open`},
		{"no rule", OpenLease{Instance: "i-0shut"}, ENOTFOUND, `no instance "i-0shut" that you may open`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inWorld(t, func(w *world) {
				_, err := w.do(alice, tt.cmd)
				wantCode(t, err, tt.code)
				if !strings.Contains(told(err), tt.says) {
					t.Errorf("%q does not say %q", told(err), tt.says)
				}
				if n := len(w.store.all()); n > 0 {
					t.Errorf("%d leases are recorded", n)
				}
			})
		})
	}
}

func TestOpenUnavailable(t *testing.T) {
	t.Parallel()
	for _, op := range []string{"find", "preflight"} {
		inWorld(t, func(w *world) {
			w.cloud.script(func(_ context.Context, o string, _ *Lease) error {
				if o == op {
					return unavailable("AWS")
				}
				return nil
			})
			_, err := w.do(alice, OpenLease{Instance: "web"})
			wantCode(t, err, EUNAVAILABLE)
		})
	}
	inWorld(t, func(w *world) {
		w.cloud.set("i-0two", func(in *Instance) { in.Running, in.State = false, "stopping" })
		_, err := w.do(alice, OpenLease{Instance: "two"})
		wantCode(t, err, EINVALID)
	})
	inWorld(t, func(w *world) { // who may be let in is not told that there is nothing
		for i := range w.k.policy.Rules {
			w.k.policy.Rules[i].Users = []string{"S0OPS"}
		}
		w.dir.set(true)
		_, err := w.do(alice, OpenLease{Instance: "web"})
		wantCode(t, err, EUNAVAILABLE)
	})
}

// What the prompt says comes from the command, the policy and the instance.
func TestOpenPrompt(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.set("i-0far", func(in *Instance) { in.Tags[TagUser] = "rocky" })
		for _, tt := range []struct {
			cmd  OpenLease
			want Lease
		}{
			{OpenLease{Instance: "i-0two"}, Lease{Terms: Terms{Duration: time.Hour, ListenerPort: 443, SSHUser: "ubuntu", Rule: "development",
				Max: 8 * time.Hour}}},
			{OpenLease{Instance: "far", Duration: 2 * time.Hour},
				Lease{Terms: Terms{Duration: 2 * time.Hour, ListenerPort: 22, SSHUser: "rocky", Rule: "development", Max: 8 * time.Hour}}},
			{OpenLease{Instance: "db", Because: "deploy"}, Lease{Terms: Terms{Duration: time.Hour, ListenerPort: 443, SSHUser: "ubuntu",
				Rule: "production", Max: time.Hour, Approvals: 1, Because: "deploy"}}},
		} {
			l := w.must(alice, tt.cmd).Lease
			got := Lease{Terms: Terms{Duration: l.Duration, ListenerPort: l.ListenerPort, SSHUser: l.SSHUser, Rule: l.Rule, Max: l.Max,
				Approvals: l.Approvals, Because: l.Because}}
			if diff := cmp.Diff(tt.want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); diff != "" {
				t.Errorf("%+v (-want +got):\n%s", tt.cmd, diff)
			}
			if l.TargetPort != 22 || l.Placement.Subnet == "" || len(l.Notes) != 1 || l.Owner != alice {
				t.Errorf("%+v: got %+v", tt.cmd, l)
			}
		}
	})
}

// A tag is written by other people, and stands in a command that is pasted.
func TestSSHUser(t *testing.T) {
	for tag, want := range map[string]string{
		"": "admin", "rocky": "rocky", "_svc-1": "_svc-1", "jane.doe": "jane.doe", "Administrator": "Administrator",
		".a": "admin", "a b": "admin", "x;reboot": "admin",
		"-oProxyCommand=x": "admin", "$(id)": "admin", strings.Repeat("a", 33): "admin", "a\nb": "admin",
	} {
		if got := sshUser(Instance{Tags: map[string]string{TagUser: tag}}, Account{SSHUser: "admin"}); got != want {
			t.Errorf("tag %q: got %q, want %q", tag, got, want)
		}
	}
	if got := sshUser(Instance{}, Account{}); got != "ec2-user" {
		t.Errorf("with nothing to go on: got %q", got)
	}
}

// Host certificates are for names: the instance's own, or the account's pattern.
func TestHostKeyAlias(t *testing.T) {
	in := func(tag string) Instance {
		return Instance{ID: "i-0abc", Name: "web-1", Tags: map[string]string{TagHostKeyAlias: tag}}
	}
	for _, test := range []struct {
		in    Instance
		alias string // the account's
		want  string
	}{
		{Instance{ID: "i-0abc"}, "", ""},
		{in("db.prod.example"), "", "db.prod.example"},
		{in("db.prod.example"), "{name}.example", "db.prod.example"},
		{in("x y"), "{name}.example", "web-1.example"},
		{in("*"), "", ""},
		{Instance{ID: "i-0abc", Name: "two words"}, "{name}.example", ""},
		{Instance{ID: "i-0abc"}, "{id}.example", "i-0abc.example"},
	} {
		if got := hostKeyAlias(test.in, Account{HostKeyAlias: test.alias}); got != test.want {
			t.Errorf("%v with %q: got %q, want %q", test.in.Tags, test.alias, got, test.want)
		}
	}
}

// Whoever set a tag that is not taken has to learn that, and nobody what it says.
func TestRefusedTagIsSaid(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.cloud.set("i-0dev", func(in *Instance) {
			in.Tags[TagUser], in.Tags[TagHostKeyAlias] = "x; curl evil.example", "db.prod.example"
		})
		l := w.lease(w.ask(alice, "web", time.Hour))
		got := fmt.Sprint(l.Placement.Warnings)
		if !strings.Contains(got, TagUser) || strings.Contains(got, "evil") || strings.Contains(got, TagHostKeyAlias) {
			t.Errorf("it says %s", got)
		}
		if l.SSHUser != "ubuntu" || l.KeyAlias() != "db.prod.example" {
			t.Errorf("it logs in as %q, with the keys of %q", l.SSHUser, l.KeyAlias())
		}
	})
}

// Where a name is ambiguous, the choice shows only what the caller may open.
func TestAmbiguousName(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		// i-0dev and i-0shut are both called web, and no rule admits to i-0shut.
		if r := w.must(alice, OpenLease{Instance: "web"}); r.Lease == nil || r.Lease.Instance.ID != "i-0dev" || r.Choose {
			t.Errorf("got %+v", r)
		}
		w.cloud.set("i-0two", func(in *Instance) { in.Name = "web" })
		r := w.must(alice, OpenLease{Instance: "web"})
		var ids []string
		for _, in := range r.Instances {
			ids = append(ids, in.ID)
		}
		if diff := cmp.Diff([]string{"i-0dev", "i-0two"}, ids); diff != "" || !r.Choose || r.Lease != nil {
			t.Errorf("the choice (-want +got):\n%s", diff)
		}
		w.cloud.set("i-0dev", func(in *Instance) { in.Tags = nil })
		w.cloud.set("i-0two", func(in *Instance) { in.Tags = nil })
		_, err := w.do(alice, OpenLease{Instance: "web"})
		wantCode(t, err, ENOTFOUND)
	})
}

// The source: from the command, else the saved one, else the default.
func TestSourceOfLease(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		source := func(cmd OpenLease) string {
			t.Helper()
			cmd.Instance = "i-0dev"
			return FormatSources(w.must(alice, cmd).Lease.Sources)
		}
		if got := source(OpenLease{}); got != "203.0.113.7" {
			t.Errorf("the default: got %s", got)
		}
		if _, err := w.do(alice, SetSource{Sources: prefixes("192.168.0.1/32")}); ErrorCode(err) != EFORBIDDEN {
			t.Errorf("a private address was saved: %v", err)
		}
		w.must(alice, SetSource{Sources: prefixes("198.51.100.9/32")})
		if got := source(OpenLease{}); got != "198.51.100.9" {
			t.Errorf("the saved one: got %s", got)
		}
		if got := FormatSources(w.source(alice)); got != "198.51.100.9" {
			t.Errorf("asked what is saved: got %s", got)
		}
		if got := source(OpenLease{Sources: prefixes("198.51.100.1/32")}); got != "198.51.100.1" {
			t.Errorf("from the command: got %s", got)
		}
		w.must(alice, SetSource{Clear: true})
		if got := source(OpenLease{}); got != "203.0.113.7" {
			t.Errorf("cleared: got %s", got)
		}
		w.k.policy.Sources.Default = nil
		_, err := w.do(alice, OpenLease{Instance: "i-0dev"})
		wantCode(t, err, EINVALID)
		if !strings.Contains(told(err), "Try: open i-0dev 0s from 203.0.113.7 ") {
			t.Errorf("%q does not say how to give one", told(err))
		}
	})
}

func TestReasonPattern(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.policy.Rules[0].ReasonPattern = regexp.MustCompile(`^OPS-\d+`)
		w.start()
		defer func() { w.crash() }()
		_, err := w.do(alice, OpenLease{Instance: "db", Because: "please"})
		wantCode(t, err, EINVALID)
		w.must(alice, OpenLease{Instance: "db", Because: "OPS-7"})
	})
}
