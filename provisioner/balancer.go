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
		Tags:           elbTags(balancerTags(r.p.deployment, r.l)),
	})
	dns := ""
	switch {
	case err == nil:
		dns = aws.ToString(out.DNSName)
	case !hasCode(err, balancerDuplicate):
		return r.tolerate(err, doing, groupNotFound...)
	}
	switch mine, err := r.ownsBalancer(ctx); {
	case errors.Is(err, errNoBalancer):
		r.later(r.patience(), "AWS does not see yet what was just created.")
		return nil
	case err != nil:
		return err
	case !mine:
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

// ownsBalancer reports whether the load balancer of the lease's name is the
// lease's. errNoBalancer if there is none.
func (r *run) ownsBalancer(ctx context.Context) (bool, error) {
	out, err := r.elb.DescribeTags(ctx, &elb.DescribeTagsInput{LoadBalancerNames: []string{r.name}})
	switch {
	case hasCode(err, balancerNotFound):
		return false, errNoBalancer
	case err != nil:
		return false, r.failed(err, "read the load balancer's tags")
	}
	for _, d := range out.TagDescriptions {
		if aws.ToString(d.LoadBalancerName) == r.name {
			return r.p.owns(r.l, fromELBTags(d.Tags)), nil
		}
	}
	return false, errNoBalancer
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

// usesLeaseGroup reports whether the load balancer of the lease's name, which
// does not carry the lease's tags, uses a group of the lease's: the recorded one
// or one that carries its tags. The latter are returned: they are ours to change.
//
// A load balancer of that name and without those tags is somebody else's and none
// of our business, unless it uses such a group: then it lets people in by the
// lease's rules. Most likely it is the lease's and somebody has removed its tags.
// It may not be touched, nor be taken for gone.
func (r *run) usesLeaseGroup(ctx context.Context) (bool, []string, error) {
	b, err := r.describeBalancer(ctx)
	if errors.Is(err, errNoBalancer) {
		return false, nil, nil
	}
	if err != nil {
		return false, nil, err
	}
	own, err := r.ownGroups(ctx)
	if err != nil {
		return false, nil, err
	}
	uses := slices.ContainsFunc(b.SecurityGroups, func(g string) bool {
		return g == r.l.Resources.GroupID || slices.Contains(own, g)
	})
	return uses, own, nil
}

// errTagsLost is for what would have to be changed on such a load balancer.
func (r *run) errTagsLost() error {
	return &sshforward.Error{
		Code:    sshforward.EFORBIDDEN,
		Message: sshforward.Textf("Load balancer %s lost its tags, so I may not change it; put them back, or delete it by hand.", r.name),
	}
}
