package provisioner

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// createBalancer makes the load balancer or adopts it. Creating has no token:
// repeated with the same settings it succeeds at AWS, and whatever it says,
// only the tags prove that the one with this name is the lease's.
func (r *run) createBalancer(ctx context.Context) error {
	const doing = "create the load balancer"
	out, err := r.elb.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
		LoadBalancerName: aws.String(r.name),
		Listeners: []elbtypes.Listener{{
			Protocol: aws.String("TCP"), LoadBalancerPort: int32(r.l.ListenerPort),
			InstanceProtocol: aws.String("TCP"), InstancePort: aws.Int32(int32(r.l.TargetPort)),
		}},
		Subnets:        []string{r.l.Placement.Subnet},
		SecurityGroups: []string{r.l.Resources.GroupID},
		Tags:           elbTags(r.withTags(balancerTags(r.signed(r.p, r.l)))),
	})
	r.refusals.record(r.l.Instance.Zone, err)
	dns := ""
	switch {
	case err == nil:
		dns = aws.ToString(out.DNSName)
		r.quota.oneMore()
	case !hasCode(err, balancerDuplicate):
		return r.tolerate(err, doing, groupNotFound...)
	}
	switch tags, err := r.ownBalancerTags(ctx); {
	case errors.Is(err, errNoBalancer):
		r.later(r.patience(), "AWS does not see yet what was just created.")
		return nil
	case err != nil:
		return err
	case !r.p.isOurs(tags):
		return foreign("load balancer", r.name)
	}
	if dns == "" {
		if dns, err = r.readBalancer(ctx); err != nil || dns == "" {
			return err
		}
	}
	r.learn(func(res *sshforward.Resources) { res.DNSName = dns })
	return nil
}

// errNoBalancer: there is none of the lease's name, or it cannot be seen yet.
var errNoBalancer = errors.New("no such load balancer")

// ownBalancerTags are those of the load balancer of the lease's name;
// errNoBalancer if there is none.
func (r *run) ownBalancerTags(ctx context.Context) (map[string]string, error) {
	out, err := r.elb.DescribeTags(ctx, &elb.DescribeTagsInput{LoadBalancerNames: []string{r.name}})
	switch {
	case hasCode(err, balancerNotFound):
		return nil, errNoBalancer
	case err != nil:
		return nil, r.failed(err, "read the load balancer's tags")
	}
	for _, d := range out.TagDescriptions {
		if aws.ToString(d.LoadBalancerName) == r.name {
			return fromELBTags(d.Tags), nil
		}
	}
	return nil, errNoBalancer
}

// ownsBalancer reports whether the load balancer of the lease's name is provably
// the lease's: it carries the deployment's tag, or it is the one that is recorded,
// by its DNS name, which AWS gives out once, or it uses a group of the lease's, by
// whose rules it lets people in. errNoBalancer if there is none.
func (r *run) ownsBalancer(ctx context.Context) (bool, error) {
	tags, err := r.ownBalancerTags(ctx)
	if err != nil || r.p.isOurs(tags) {
		return err == nil, err
	}
	b, err := r.describeBalancer(ctx)
	if err != nil {
		return false, err
	}
	if recorded := r.l.Resources.DNSName; recorded != "" && recorded == aws.ToString(b.DNSName) {
		return true, nil
	}
	own, err := r.ownGroups(ctx)
	return slices.ContainsFunc(own, func(g string) bool { return slices.Contains(b.SecurityGroups, g) }), err
}

// readBalancer reads an adopted load balancer's DNS name, which the create
// that found it may have left out.
func (r *run) readBalancer(ctx context.Context) (string, error) {
	out, err := r.elb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{r.name}})
	if err != nil {
		return "", r.tolerate(err, "read the load balancer", balancerNotFound)
	}
	for _, b := range out.LoadBalancerDescriptions {
		if !slices.Contains(b.SecurityGroups, r.l.Resources.GroupID) {
			return "", invalid("The load balancer %s has another security group than the lease; close the lease and open a new one.", r.name)
		}
		if dns := aws.ToString(b.DNSName); dns != "" {
			return dns, nil
		}
	}
	r.later(r.patience(), "AWS does not see yet what was just created.")
	return "", nil
}

// describeBalancer reads the load balancer of the lease's name; errNoBalancer
// if there is none.
func (r *run) describeBalancer(ctx context.Context) (elbtypes.LoadBalancerDescription, error) {
	out, err := r.elb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{r.name}})
	switch {
	case hasCode(err, balancerNotFound):
		return elbtypes.LoadBalancerDescription{}, errNoBalancer
	case err != nil:
		return elbtypes.LoadBalancerDescription{}, r.failed(err, "read the load balancer")
	case len(out.LoadBalancerDescriptions) == 0:
		return elbtypes.LoadBalancerDescription{}, errNoBalancer
	}
	return out.LoadBalancerDescriptions[0], nil
}
