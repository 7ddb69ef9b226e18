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
	// ErrFiltered is a packet that the load balancer's groups drop: the
	// client sees a time-out.
	ErrFiltered = errors.New("filtered by the load balancer's security groups")
	// ErrRefused is a load balancer without a listener on the port, or none
	// with an instance in service: the client is connected and cut off, or refused.
	ErrRefused = errors.New("no instance in service")
)

// Route decides what becomes of a TCP connection from an address to a port of
// a load balancer, by its groups' ingress, its listeners and the health of its
// instances. It is for whoever carries real connections: this package has no
// sockets. With draining off, a connection ends when its instance is
// deregistered or the load balancer is gone; rules that change later do not end
// it, since AWS tracks established connections.
func (h *Region) Route(loadBalancer string, source netip.Addr, port int) (Backend, error) {
	defer h.lock("")()
	lb, ok := h.r.lbs.get(loadBalancer)
	if !ok {
		return Backend{}, fmt.Errorf("load balancer %q: %w", loadBalancer, ErrRefused)
	}
	if !h.r.permits(lb.Groups, false, port, source.Unmap().String(), nil) {
		return Backend{}, fmt.Errorf("%s to port %d: %w", source, port, ErrFiltered)
	}
	at := slices.IndexFunc(lb.Listeners, func(l Listener) bool { return l.Port == port })
	if at < 0 {
		return Backend{}, fmt.Errorf("no listener on port %d: %w", port, ErrRefused)
	}
	target := lb.Listeners[at].InstancePort
	for _, reg := range lb.regs {
		i, ok := h.r.instances.get(reg.instance)
		if ok && reg.last.State == inService && h.r.reaches(lb, i, target) {
			return Backend{Instance: i.ID, Address: i.PrivateIP, Port: target, IdleTimeout: lb.IdleTimeout}, nil
		}
	}
	return Backend{}, fmt.Errorf("load balancer %q: %w", loadBalancer, ErrRefused)
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
