package provisioner

import (
	"cmp"
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

// Preflight implements sshforward.Finder: five calls at once, three while there is
// plenty of room in the account's quota. That the subnets and route tables cannot be
// read is an error; the rest is noted and does not block, because opening says
// the same later, only less early, or because it may work all the same.
func (p *Provisioner) Preflight(ctx context.Context, in sshforward.Instance, sources []netip.Prefix) (sshforward.Placement, error) {
	return p.place(ctx, in, sources, "")
}

// PlaceAgain implements sshforward.Finder. What stands already takes no more of
// the quota.
func (p *Provisioner) PlaceAgain(ctx context.Context, l *sshforward.Lease) (sshforward.Placement, error) {
	standing := ""
	if !l.Prepared.BilledAt.IsZero() {
		standing = l.Placement.Subnet
	}
	out, err := p.place(ctx, l.Instance, l.Sources, standing)
	out.Quota = cmp.Or(out.Quota, l.Placement.Quota)
	return out, err
}

// place finds where a load balancer can go, or looks at where it is standing.
func (p *Provisioner) place(
	ctx context.Context, in sshforward.Instance, sources []netip.Prefix, standing string,
) (sshforward.Placement, error) {
	a, err := p.account(in.Account)
	if err != nil {
		return sshforward.Placement{}, err
	}
	if err := suitable(in); err != nil {
		return sshforward.Placement{}, err
	}
	n := a.readNetwork(ctx, in, standing == "")
	if err := ctx.Err(); err != nil {
		return sshforward.Placement{}, a.failed(err, "look for a subnet")
	}
	if len(n.failed) > 0 {
		return sshforward.Placement{}, finalFirst(n.failed)
	}
	out := sshforward.Placement{NoIPv6: !anyIPv6(n.tables)}
	switch kind, zoneErr := a.kindOfZone(ctx, in, n.subnets); {
	case zoneErr != nil:
		p.log.InfoContext(ctx, "zones could not be read", "account", a.Name, "err", zoneErr)
		out.Notes = append(out.Notes, sshforward.Textf("I could not check what kind of zone %s is.", in.Zone))
	case kind != "" && kind != ordinaryKind:
		return sshforward.Placement{}, invalid("Instance %s is in %s, which is a %s; "+
			"Classic Load Balancers exist in ordinary availability zones only.", in.ID, in.Zone, kind)
	}
	switch {
	case standing != "":
	case n.limitErr != nil || n.usedErr != nil:
		p.log.InfoContext(ctx, "quota could not be read", "account", a.Name, "limit", n.limitErr, "used", n.usedErr)
		out.Notes = append(out.Notes, sshforward.Textf("I could not check whether the account's quota has room for one more load balancer."))
	case n.used >= n.limit:
		return sshforward.Placement{}, &sshforward.Error{
			Code: sshforward.EQUOTA,
			Message: sshforward.Textf("Account %s has %d of %d Classic Load Balancers in %s; close a forward or ask AWS for a higher quota.",
				a.Name, n.used, n.limit, a.Region),
		}
	}
	if standing == "" && n.limitErr == nil {
		out.Quota = n.limit
	}
	if standing != "" {
		out.Subnet, err = standing, a.stillReached(standing, n.subnets, n.tables)
	} else {
		out.Subnet, err = a.chooseSubnet(in, n.subnets, n.tables)
	}
	if err != nil {
		return sshforward.Placement{}, err
	}
	if n.aclErr != nil {
		p.log.InfoContext(ctx, "network ACLs could not be read", "account", a.Name, "err", n.aclErr)
		out.Notes = append(out.Notes, sshforward.Textf("I could not check whether a network ACL of the subnet lets you in."))
	}
	out.Warnings = slices.Concat(a.refusals.warn(in.Zone), blockedByACL(n.acls, out.Subnet, cmp.Or(a.ListenerPort, 22), sources))
	return out, nil
}

// network is what a load balancer's place is chosen by.
type network struct {
	subnets []types.Subnet
	tables  []types.RouteTable
	failed  []error // without subnets and tables no place can be found

	// Without these one can, and people are told what was not looked at.
	limit, used       int // of load balancers
	limitErr, usedErr error
	acls              []types.NetworkAcl
	aclErr            error
}

// readNetwork reads all of it at the same time, the quota only if that counts.
func (a *account) readNetwork(ctx context.Context, in sshforward.Instance, quota bool) (n network) {
	var (
		wg                  sync.WaitGroup
		subnetErr, tableErr error
	)
	wg.Go(func() { defer safe.Recover(&subnetErr); n.subnets, subnetErr = a.subnets(ctx, in) })
	wg.Go(func() { defer safe.Recover(&tableErr); n.tables, tableErr = a.routeTables(ctx, in) })
	if quota {
		wg.Go(func() { defer safe.Recover(&n.limitErr); n.limit, n.limitErr = a.balancerLimit(ctx) })
		wg.Go(func() { defer safe.Recover(&n.usedErr); n.used, n.usedErr = a.countBalancers(ctx) })
	}
	wg.Go(func() { defer safe.Recover(&n.aclErr); n.acls, n.aclErr = a.networkACLs(ctx, in) })
	wg.Wait()
	for _, err := range []error{subnetErr, tableErr} {
		if err != nil {
			n.failed = append(n.failed, err)
		}
	}
	return n
}

// suitable checks what the instance's own description says.
func suitable(in sshforward.Instance) error {
	switch {
	case !in.Running:
		return invalid("Instance %s is %s; it has to be running.", in.ID, in.State)
	case !in.PrivateIP.Is4():
		return invalid("Instance %s has no private IPv4 address on its primary network interface, "+
			"and a Classic Load Balancer can reach no other.", in.ID)
	case in.VPC == "" || in.Zone == "":
		return invalid("Instance %s is in no VPC.", in.ID)
	case len(in.Groups) == 0:
		return invalid("Instance %s has no security group on its primary network interface "+
			"to let the load balancer in.", in.ID)
	}
	return nil
}

func (a *account) subnets(ctx context.Context, in sshforward.Instance) ([]types.Subnet, error) {
	var out []types.Subnet
	pages := ec2.NewDescribeSubnetsPaginator(a.ec2, &ec2.DescribeSubnetsInput{Filters: []types.Filter{
		filter("vpc-id", in.VPC), filter("availability-zone", in.Zone),
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, a.failed(err, "list the subnets")
		}
		out = append(out, page.Subnets...)
	}
	return out, nil
}

func (a *account) routeTables(ctx context.Context, in sshforward.Instance) ([]types.RouteTable, error) {
	var out []types.RouteTable
	pages := ec2.NewDescribeRouteTablesPaginator(a.ec2, &ec2.DescribeRouteTablesInput{
		Filters: []types.Filter{filter("vpc-id", in.VPC)},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, a.failed(err, "list the route tables")
		}
		out = append(out, page.RouteTables...)
	}
	return out, nil
}

// ordinaryZone are the ids of availability zones: that of a Local Zone or a
// Wavelength Zone names its place too, as in usw2-lax1-az1.
var ordinaryZone = regexp.MustCompile(`^[a-z]+[0-9]+-az[0-9]+$`)

// kindOfZone is the type of the instance's zone. The ids that stand on its subnets
// tell; only what they do not is asked for.
func (a *account) kindOfZone(ctx context.Context, in sshforward.Instance, subnets []types.Subnet) (string, error) {
	if !slices.ContainsFunc(subnets, func(s types.Subnet) bool {
		return aws.ToString(s.AvailabilityZone) == in.Zone && !ordinaryZone.MatchString(aws.ToString(s.AvailabilityZoneId))
	}) {
		return ordinaryKind, nil
	}
	zones, err := a.zoneTypes(ctx)
	return zones[in.Zone], err
}

const ordinaryKind = "availability-zone"

// zoneTypes maps the region's zones to their types. They do not change, so
// they are read once; two readers at once are rare and do no harm.
func (a *account) zoneTypes(ctx context.Context) (map[string]string, error) {
	a.zonesMu.Lock()
	zones := a.zones
	a.zonesMu.Unlock()
	if zones != nil {
		return zones, nil
	}
	out, err := a.ec2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
	if err != nil {
		return nil, a.failed(err, "list the zones")
	}
	zones = make(map[string]string, len(out.AvailabilityZones))
	for _, z := range out.AvailabilityZones {
		zones[aws.ToString(z.ZoneName)] = aws.ToString(z.ZoneType)
	}
	a.zonesMu.Lock()
	a.zones = zones
	a.zonesMu.Unlock()
	return zones, nil
}

// quotaWithin bounds both looks at the quota: they may stand in line for long, and
// the answer is not worth a person's wait.
const quotaWithin = 3 * time.Second

// balancerLimit is the quota of Classic Load Balancers. It is asked for once,
// without retries.
func (a *account) balancerLimit(ctx context.Context) (int, error) {
	if limit, _, known := a.quota.plenty(); known {
		return limit, nil
	}
	ctx, cancel := context.WithTimeout(ctx, quotaWithin)
	defer cancel()
	out, err := a.elb.DescribeAccountLimits(ctx, &elb.DescribeAccountLimitsInput{}, func(o *elb.Options) {
		o.Retryer = aws.NopRetryer{}
	})
	if err != nil {
		return 0, a.failed(err, "read the load balancer quota")
	}
	for _, l := range out.Limits {
		if aws.ToString(l.Name) == "classic-load-balancers" {
			limit, err := strconv.Atoi(aws.ToString(l.Max))
			if err == nil {
				a.quota.allowed(limit)
			}
			return limit, err
		}
	}
	return 0, invalid("AWS does not say what the load balancer quota is.")
}

func (a *account) countBalancers(ctx context.Context) (int, error) {
	if _, used, known := a.quota.plenty(); known {
		return used, nil
	}
	ctx, cancel := context.WithTimeout(ctx, quotaWithin)
	defer cancel()
	n := 0
	for pages := elb.NewDescribeLoadBalancersPaginator(a.elb, &elb.DescribeLoadBalancersInput{}); pages.HasMorePages(); {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, a.failed(err, "count the load balancers")
		}
		n += len(page.LoadBalancerDescriptions)
	}
	a.quota.used(n)
	return n, nil
}
