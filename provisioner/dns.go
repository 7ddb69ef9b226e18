package provisioner

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
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
// absent for minutes. Where it does not resolve, ssh goes by the load balancer's
// address, if that can be read: then nobody waits for the name. Else, that the name
// does not resolve here does not mean that it does not resolve for the user, so it
// stops no one for longer than WaitDNS, nor until there is no time left to become
// open; and where WaitDNS is zero it is not looked up.
func (r *run) resolves(ctx context.Context) error {
	address, found := "", false
	if r.WaitDNS <= 0 {
		if address = r.readAddress(ctx); address == "" {
			return nil
		}
	}
	left := r.readyBy().Sub(r.now)
	if found = r.looksUp(ctx, min(lookupTimeout, left/2)); !found && address == "" {
		address = r.readAddress(ctx)
	}
	if ctx.Err() != nil {
		return r.failed(ctx.Err(), "look up the load balancer's name")
	}
	r.learn(func(res *sshforward.Resources) { res.Address, res.Resolved = address, found })
	switch {
	case found || address != "":
		return nil
	case r.sinceStage() < r.WaitDNS && left > lookupMargin && !r.l.Prepared.Ready(): // that one has waited before the last yes
		r.later(lookupEvery, "The name %s does not resolve yet.", r.res.DNSName)
	default:
		r.note("The name %s may need another moment until it resolves.", r.res.DNSName)
	}
	return nil
}

func (r *run) looksUp(ctx context.Context, within time.Duration) bool {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	_, err := r.p.lookup(ctx, r.res.DNSName)
	return err == nil
}

// readyBy is when the lease is given up if it is not ready.
func (r *run) readyBy() time.Time {
	if r.l.OpenBy.IsZero() {
		return r.l.Prepared.By
	}
	return r.l.OpenBy
}

// readAddress is a public address of the load balancer's; "" if it has none that
// can be read. Only AWS can make an interface that AWS manages for
// a load balancer, so that nobody can put another address into the command.
func (r *run) readAddress(ctx context.Context) string {
	out, err := r.ec2.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{Filters: []types.Filter{
		filter("description", "ELB "+r.name), filter("group-id", r.l.Resources.GroupID),
	}})
	if err != nil {
		r.p.log.DebugContext(ctx, "no address", "lease", r.l.ID, "step", r.l.Stage, "err", err)
		return ""
	}
	var all []netip.Addr
	for _, ni := range out.NetworkInterfaces {
		if !aws.ToBool(ni.RequesterManaged) || aws.ToString(ni.RequesterId) != "amazon-elb" || ni.Association == nil {
			continue
		}
		if a, err := netip.ParseAddr(aws.ToString(ni.Association.PublicIp)); err == nil && a.Is4() {
			all = append(all, a)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return slices.MinFunc(all, netip.Addr.Compare).String()
}
