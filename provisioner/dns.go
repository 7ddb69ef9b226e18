package provisioner

import (
	"context"
	"time"
)

const (
	// lookupTimeout bounds one look-up of the load balancer's name.
	lookupTimeout = 3 * time.Second
	lookupEvery   = 5 * time.Second
	// lookupMargin is how long before OpenBy a name is no longer waited for: one
	// more wait and look-up have to fit in, and then the clock's calls.
	lookupMargin = 4 * lookupEvery
)

// resolves looks the load balancer's name up, once. It is asked for only after
// the instance is in service: a name asked for too early is remembered as
// absent for minutes. That it does not resolve here does not mean that it does
// not resolve for the user, so it stops no one for longer than WaitDNS, nor
// until there is no time left to become open.
func (r *run) resolves(ctx context.Context) error {
	if r.WaitDNS <= 0 {
		return nil
	}
	host := r.res.DNSName
	left := r.l.OpenBy.Sub(r.now)
	lookup, cancel := context.WithTimeout(ctx, min(lookupTimeout, left/2))
	defer cancel()
	_, err := r.p.lookup(lookup, host)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return r.failed(ctx.Err(), "look up the load balancer's name")
	case r.sinceStage() < r.WaitDNS && left > lookupMargin:
		r.later(lookupEvery, "The name %s does not resolve yet.", host)
	default:
		r.note("The name %s may need another moment until it resolves.", host)
	}
	return nil
}
