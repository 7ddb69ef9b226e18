package sshforward

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestNewID(t *testing.T) {
	seen := map[string]bool{}
	for range 1000 {
		id := NewID()
		if got, ok := ParseID(id); !ok || got != id || len(id) != idLength || seen[id] {
			t.Fatalf("%q is read as %q, %t; seen before: %t", id, got, ok, seen[id])
		}
		seen[id] = true
	}
	if n := len(Name(strings.Repeat("d", 12), strings.Repeat("x", 8))); n > 32 {
		t.Errorf("a name of %d characters; a load balancer's has at most 32", n)
	}
}

func TestParseID(t *testing.T) {
	for s, want := range map[string]string{
		"abcdefg": "abcdefg", "ABCDEFG": "abcdefg", "oOiIlL0": "0011110", "012345": "012345", "01234567": "01234567",
		"": "", "01234": "", "012345678": "", "abcdefu": "", "abc-efg": "", "i-0abcd": "", "abc efg": "", "abcdéf": "",
		"\xff\xff\xff\xff\xff\xff": "",
	} {
		if got, ok := ParseID(s); got != want || ok != (want != "") {
			t.Errorf("%q: got %q, %t; want %q", s, got, ok, want)
		}
	}
}

func FuzzParseID(f *testing.F) {
	for _, s := range []string{"abcdefg", "OIL0123", "u", "\u212aabcdef", "ＡＢＣ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, ok := ParseID(s)
		if !ok {
			if id != "" {
				t.Errorf("%q: refused, but %q", s, id)
			}
			return
		}
		if len(id) < 6 || len(id) > 8 || strings.Trim(id, idAlphabet) != "" {
			t.Errorf("%q: got %q", s, id)
		}
		for _, again := range []string{id, strings.ToUpper(id)} {
			if got, ok := ParseID(again); !ok || got != id {
				t.Errorf("%q: %q is read as %q", s, again, got)
			}
		}
	})
}

func TestOverstay(t *testing.T) {
	for _, tt := range []struct {
		ended, expires time.Time
		want           time.Duration
	}{
		{time.Time{}, noon, 0}, {noon, time.Time{}, 0}, {noon, noon, 0}, {at(-1), noon, 0}, {at(1), noon, time.Minute},
	} {
		l := Lease{AccessEndedAt: tt.ended, ExpiresAt: tt.expires}
		if got := l.Overstay(); got != tt.want {
			t.Errorf("ended %s, promised %s: got %s", tt.ended, tt.expires, got)
		}
	}
}

// The end in the tags is never earlier than the promised one.
func TestEnd(t *testing.T) {
	for _, s := range States {
		l := inState(s)
		want := map[State]time.Time{Opening: at(70), Open: at(60), Closing: at(60), Closed: at(60)}[s]
		if got := l.End(); !got.Equal(want) {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
}

func TestClone(t *testing.T) {
	full := func() *Lease {
		l := inState(Open)
		l.Instance = Instance{Groups: []string{"sg-1"}, Tags: map[string]string{"a": "b"}, PrivateIP: netip.MustParseAddr("10.0.0.1")}
		l.Sources, l.Approvers, l.Approved = prefixes("203.0.113.7/32"), []string{bob}, []Approval{{User: bob, At: noon}}
		l.Notes, l.Placement = []Text{Textf("note")}, Placement{Subnet: "s", Notes: []Text{Textf("note")}}
		return l
	}
	same := cmp.Options{cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}), cmpopts.EquateEmpty()}
	l := full()
	c := l.Clone()
	if diff := cmp.Diff(l, c, same); diff != "" {
		t.Fatalf("not a copy (-want +got):\n%s", diff)
	}
	c.Instance.Groups[0], c.Instance.Tags["a"], c.Sources[0] = "x", "x", netip.Prefix{}
	c.Approvers[0], c.Approved[0].User, c.Notes[0] = "x", "x", Textf("x")
	c.Reminders[0], c.Owed[0].Kind, c.Placement.Notes[0] = 0, "x", Textf("x")
	if diff := cmp.Diff(full(), l, same); diff != "" {
		t.Errorf("the copy shares something (-want +got):\n%s", diff)
	}
	b, err := json.Marshal(l)
	if err != nil {
		t.Fatal(err)
	}
	read := new(Lease)
	if err := json.Unmarshal(b, read); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(l, read, same); diff != "" {
		t.Errorf("does not survive being written (-want +got):\n%s", diff)
	}
}

// Whatever a lease came to say, the command that people paste has one user, one
// alias and nothing else in it.
func TestSSHCommand(t *testing.T) {
	lease := func(change func(*Lease)) *Lease {
		l := &Lease{Terms: Terms{ListenerPort: 443, SSHUser: "jane.doe", Instance: Instance{ID: "i-0abc"}},
			Work: Work{Resources: Resources{DNSName: "k7m.elb.example"}}}
		change(l)
		return l
	}
	const options = "-o CheckHostIP=no -o ServerAliveInterval=30"
	const address = "203.0.113.5"
	for name, test := range map[string]struct {
		change func(*Lease)
		want   string
	}{
		"as it is": {func(*Lease) {}, "ssh -p 443 -o HostKeyAlias=i-0abc " + options + " jane.doe@k7m.elb.example"},
		"by address until the name resolves": {func(l *Lease) { l.Resources.Address = address },
			"ssh -p 443 -o HostName=203.0.113.5 -o HostKeyAlias=i-0abc " + options + " jane.doe@k7m.elb.example"},
		"by name when it does": {func(l *Lease) { l.Resources.Address, l.Resources.Resolved = address, true },
			"ssh -p 443 -o HostKeyAlias=i-0abc " + options + " jane.doe@k7m.elb.example"},
		"with a name for its keys": {func(l *Lease) { l.HostKeyAlias = "web-1.prod.example" },
			"ssh -p 443 -o HostKeyAlias=web-1.prod.example " + options + " jane.doe@k7m.elb.example"},
		"an address that is none": {func(l *Lease) { l.Resources.Address = "x -oProxyCommand=sh" },
			"ssh -p 443 -o HostKeyAlias=i-0abc " + options + " jane.doe@k7m.elb.example"},
		"a user from a forged tag": {func(l *Lease) { l.SSHUser = "-oProxyCommand=sh" },
			"ssh -p 443 -o HostKeyAlias=i-0abc " + options + " ec2-user@k7m.elb.example"},
		"no user": {func(l *Lease) { l.SSHUser = "" }, "ssh -p 443 -o HostKeyAlias=i-0abc " + options + " ec2-user@k7m.elb.example"},
		"an alias that is more than a name": {func(l *Lease) { l.HostKeyAlias = "x -oProxyCommand=sh" },
			"ssh -p 443 -o HostKeyAlias=i-0abc " + options + " jane.doe@k7m.elb.example"},
	} {
		if got := lease(test.change).SSHCommand(); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

// Nobody may be let in before every yes was given and the clock runs, nor once
// the end was decided.
func TestLocked(t *testing.T) {
	for _, s := range States {
		for _, yes := range []int{0, 1, 2} {
			for _, urgent := range []bool{false, true} {
				for _, clock := range []bool{false, true} {
					l := inState(s)
					l.Approvals, l.Urgent, l.Approved = 2, urgent, make([]Approval, yes)
					l.OpenedAt = time.Time{}
					if clock {
						l.OpenedAt = noon
					}
					open := s == Open || s == Opening && clock && (urgent || yes == 2)
					if l.Locked() == open {
						t.Errorf("%s, %d of 2 approvals, urgent %t, clock %t: locked is %t", s, yes, urgent, clock, !open)
					}
				}
			}
		}
	}
}
