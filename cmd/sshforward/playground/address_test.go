package playground

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"
)

// TestAddresses gives every load balancer one of its own for as long as it is
// there, however many come and go meanwhile.
func TestAddresses(t *testing.T) {
	a, err := newAddresses(8022)
	if err != nil {
		t.Fatal(err)
	}
	if a.few() > 0 {
		t.Skipf("this machine has %d loopback addresses to give", a.few())
	}
	if got := a.name("", "r", "shop"); !strings.HasSuffix(got, ".r.elb.amazonaws.com") {
		t.Errorf("somebody else's load balancer is called %s", got)
	}
	long := a.name("", "r", "sshforward-x-long")
	if long != "127.31.86.1" {
		t.Errorf("the first address is %s", long)
	}
	for n := range 3 * manyAddresses {
		name := fmt.Sprintf("sshforward-x-%d", n)
		given := a.name("", "r", name)
		if given == long {
			t.Fatalf("address of a load balancer that is still there given again, after %d", n)
		}
		if at, ok := a.of(name); !ok || at.String() != given {
			t.Fatalf("%s is at %v, not %s", name, at, given)
		}
		a.look(map[string]bool{"sshforward-x-long": true})
		if _, ok := a.of(name); !ok {
			t.Fatal("forgotten before it was seen")
		}
		a.look(map[string]bool{"sshforward-x-long": true, name: true})
		a.look(map[string]bool{"sshforward-x-long": true})
		if _, ok := a.of(name); ok {
			t.Fatal("not forgotten although it is gone")
		}
	}
}

// TestOneAddress is a machine with 127.0.0.1 alone.
func TestOneAddress(t *testing.T) {
	a := &addresses{want: make([]netip.Addr, 2), all: []netip.Addr{home}, used: make(map[string]use)}
	for _, name := range []string{"sshforward-x-1", "sshforward-x-2"} {
		if got := a.name("", "r", name); got != "127.0.0.1" {
			t.Errorf("%s is at %s", name, got)
		}
	}
	if a.few() != 1 {
		t.Errorf("few is %d", a.few())
	}
}

// TestSource takes a client that comes from the address it goes to for one of
// this machine.
func TestSource(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{"127.0.0.2", "127.0.0.1", "127.0.0.2"},
		{"127.31.86.1", "127.31.86.1", "127.0.0.1"},
	} {
		conn := addressed{from: &net.TCPAddr{IP: net.ParseIP(c.from), Port: 1}, to: &net.TCPAddr{IP: net.ParseIP(c.to), Port: 2}}
		if got := sourceOf(conn); got.String() != c.want {
			t.Errorf("from %s to %s comes from %s, want %s", c.from, c.to, got, c.want)
		}
	}
}

type addressed struct {
	net.Conn
	from, to net.Addr
}

func (a addressed) RemoteAddr() net.Addr { return a.from }
func (a addressed) LocalAddr() net.Addr  { return a.to }
