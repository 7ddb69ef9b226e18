package fakeaws

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Backend is where a load balancer sends a connection.
type Backend struct {
	Instance    string
	Address     string // the instance's private address
	Port        int
	IdleTimeout time.Duration // after which a silent connection is cut
}

// Why a connection does not get through a load balancer.
var (
	// ErrFiltered is a packet that is dropped on its way to the load balancer
	// or back: the client sees a time-out.
	ErrFiltered = errors.New("filtered")
	// ErrRefused is a load balancer without a listener on the port, or none
	// with an instance in service: the client is connected and cut off, or refused.
	ErrRefused = errors.New("no instance in service")
)

// Route decides what becomes of a TCP connection from an address on the
// internet to a port of a load balancer: by VPC Block Public Access, routes and
// network ACLs of its subnets, by its groups' ingress, its listeners and the
// health of its instances. Only the last of these shows in the health check.
// It is for whoever carries real connections: this package has no sockets. How
// long a connection then stands is what Dial knows.
func (h *Region) Route(loadBalancer string, source netip.Addr, port int) (Backend, error) {
	defer h.lock("")()
	_, backend, err := h.r.route(loadBalancer, source, port)
	return backend, err
}

func (r *region) route(name string, source netip.Addr, port int) (*loadBalancer, Backend, error) {
	lb, ok := r.lbs.get(name)
	if !ok {
		lb, ok = r.dying.get(name) // its nodes may still deliver
	}
	if !ok {
		return nil, Backend{}, fmt.Errorf("load balancer %q: %w", name, ErrRefused)
	}
	source = source.Unmap()
	if err := r.admits(lb, source, port); err != nil {
		return nil, Backend{}, err
	}
	at := slices.IndexFunc(lb.Listeners, func(l Listener) bool { return l.Port == port })
	if at < 0 {
		return nil, Backend{}, fmt.Errorf("no listener on port %d: %w", port, ErrRefused)
	}
	target := lb.Listeners[at].InstancePort
	for _, reg := range lb.regs {
		i, ok := r.instances.get(reg.instance)
		if ok && reg.last.State == inService && !reg.draining && r.reaches(lb, i, target) {
			return lb, Backend{Instance: i.ID, Address: i.PrivateIP, Port: target, IdleTimeout: lb.IdleTimeout}, nil
		}
	}
	return nil, Backend{}, fmt.Errorf("load balancer %q: %w", name, ErrRefused)
}

// admits tells whether packets get from the internet to the load balancer and
// back. One subnet that lets them pass is enough.
func (r *region) admits(lb *loadBalancer, source netip.Addr, port int) error {
	if !r.permits(lb.Groups, false, port, source.String(), nil) {
		return fmt.Errorf("%s to port %d: %w by the load balancer's security groups", source, port, ErrFiltered)
	}
	err := fmt.Errorf("%s to port %d: %w, no subnet", source, port, ErrFiltered)
	for _, id := range lb.Subnets {
		s, _ := r.subnets.get(id)
		switch {
		case r.blockMode(s.VPC, s.ID) != BlockOff:
			err = fmt.Errorf("%s to port %d: %w by VPC Block Public Access of %s", source, port, ErrFiltered, id)
		case lb.Scheme == "internet-facing" && !r.public(s):
			err = fmt.Errorf("%s to port %d: %w, %s has no route to the internet", source, port, ErrFiltered, id)
		case !r.aclPermits(s, source.String(), port):
			err = fmt.Errorf("%s to port %d: %w by the network ACL of %s", source, port, ErrFiltered, id)
		default:
			return nil
		}
	}
	return err
}

// LookupHost resolves the name of a load balancer to the public addresses of
// its interfaces, as net.Resolver.LookupHost would: not before DNSDelay has
// passed, not while an earlier failure is remembered, and not when it is gone.
func (c *Cloud) LookupHost(_ context.Context, host string) ([]string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.settle(now)
	notFound := &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	for _, r := range c.regions.all() {
		for _, lb := range r.lbs.all() {
			if strings.ToLower(lb.DNSName) != host {
				continue
			}
			if until, ok := r.negativeDNS[host]; ok && now.Before(until) {
				return nil, notFound
			}
			if now.Before(lb.resolves) {
				r.negativeDNS[host] = now.Add(c.opts.DNSNegativeTTL)
				return nil, notFound
			}
			var out []string
			for _, ni := range lb.nodes {
				if ni.PublicIP != "" {
					out = append(out, ni.PublicIP)
				} else {
					out = append(out, ni.PrivateIP)
				}
			}
			return out, nil
		}
	}
	return nil, notFound
}
