package playground

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
)

// preferredPorts are what load balancers listen on: unprivileged, and easy to
// recognise on a card.
var preferredPorts = []int{2022, 2222, 10022}

// manyAddresses is more than the cloud's quota of load balancers, which then is
// what limits, as it does at AWS.
const manyAddresses = 64

// addresses hands out loopback addresses, one for each load balancer, which
// stand in for its DNS name on the card. They come from 127.H.L.0/24, where H
// and L are the bytes of the page's port: that port belongs to one playground
// at a time, so two playgrounds on one machine do not meet.
//
// Where only 127.0.0.1 can be used (macOS, unless somebody adds aliases to
// lo0), it is the one address, and the cloud's quota is one load balancer.
type addresses struct {
	port int          // on all of them
	want []netip.Addr // what there could be
	all  []netip.Addr // what there is

	mu   sync.Mutex
	next int
	used map[string]use // by load balancer
}

// use is an address that was given. It is free again when the load balancer
// was seen and then was not.
type use struct {
	addr netip.Addr
	seen bool
}

// newAddresses finds out what this machine has.
func newAddresses(pagePort int) (*addresses, error) {
	a := &addresses{used: make(map[string]use)}
	for n := range manyAddresses {
		addr := netip.AddrFrom4([4]byte{127, byte(pagePort >> 8), byte(pagePort), byte(n + 1)})
		a.want = append(a.want, addr)
		if bindable(addr, 0) {
			a.all = append(a.all, addr)
		}
	}
	if len(a.all) == 0 {
		a.all = []netip.Addr{home}
	}
	for _, p := range preferredPorts {
		if bindable(a.all[0], p) {
			a.port = p
			return a, nil
		}
	}
	l, err := net.Listen("tcp", netip.AddrPortFrom(a.all[0], 0).String())
	if err != nil {
		return nil, fmt.Errorf("find a port for load balancers: %w", err)
	}
	a.port = l.Addr().(*net.TCPAddr).Port
	return a, l.Close()
}

// home is where people on this machine come from.
var home = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func bindable(a netip.Addr, port int) bool {
	l, err := net.Listen("tcp", netip.AddrPortFrom(a, uint16(port)).String())
	if err != nil {
		return false
	}
	_ = l.Close()
	return true
}

// few is how many there are if that is fewer than there should be, else zero.
func (a *addresses) few() int {
	if len(a.all) < len(a.want) {
		return len(a.all)
	}
	return 0
}

// name is for fakeaws.Options.DNSName. Load balancers that are not the bot's
// get names as AWS gives them, which lead nowhere.
func (a *addresses) name(_, region, balancer string) string {
	if !strings.HasPrefix(balancer, "sshforward-") {
		return balancer + "-" + strconv.Itoa(1_000_000_000+len(balancer)) + "." + region + ".elb.amazonaws.com"
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	taken := make(map[netip.Addr]bool)
	for _, u := range a.used {
		taken[u.addr] = true
	}
	// One after the other, so that an address is not at once another host. The
	// quota sees to it that there is a free one; if the last owner is gone but
	// has not been missed yet, its address is.
	for range a.all {
		if a.next++; !taken[a.all[(a.next-1)%len(a.all)]] {
			break
		}
	}
	given := a.all[(a.next-1)%len(a.all)]
	a.used[balancer] = use{addr: given}
	return given.String()
}

// look is told which load balancers there are.
func (a *addresses) look(there map[string]bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for name, u := range a.used {
		switch {
		case there[name]:
			a.used[name] = use{u.addr, true}
		case u.seen: // one that was not seen yet may be newer than the look
			delete(a.used, name)
		}
	}
}

// of is the address that a load balancer was given.
func (a *addresses) of(balancer string) (netip.Addr, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	u, ok := a.used[balancer]
	return u.addr, ok
}
