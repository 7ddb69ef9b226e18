package provisioner

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// A load balancer of the lease's name without the lease's tags is somebody
// else's and none of our business, unless it uses the lease's own group: then
// it lets people in by the lease's rules. Most likely it is the lease's and
// somebody has removed its tags. It may not be touched, nor be taken for gone.

// describeBalancer reads the load balancer of the lease's name; errNoBalancer
// if there is none.
func (w *pass) describeBalancer(ctx context.Context) (elbtypes.LoadBalancerDescription, error) {
	out, err := w.elb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerNames: []string{w.name}})
	switch {
	case hasCode(err, balancerNotFound):
		return elbtypes.LoadBalancerDescription{}, errNoBalancer
	case err != nil:
		return elbtypes.LoadBalancerDescription{}, w.failed(err, "read the load balancer")
	case len(out.LoadBalancerDescriptions) == 0:
		return elbtypes.LoadBalancerDescription{}, errNoBalancer
	}
	return out.LoadBalancerDescriptions[0], nil
}

// disowned reports whether the load balancer of the lease's name, which does
// not carry its tags, uses a group of the lease's: the recorded one or one that
// carries its tags. The latter are returned: they are ours to change.
func (w *pass) disowned(ctx context.Context) (bool, []string, error) {
	b, err := w.describeBalancer(ctx)
	if errors.Is(err, errNoBalancer) {
		return false, nil, nil
	}
	if err != nil {
		return false, nil, err
	}
	own, err := w.ownGroups(ctx)
	if err != nil {
		return false, nil, err
	}
	uses := slices.ContainsFunc(b.SecurityGroups, func(g string) bool {
		return g == w.l.Resources.GroupID || slices.Contains(own, g)
	})
	return uses, own, nil
}

// cutOff ends what can be ended of the access through a load balancer that may
// not be deleted: it revokes all rules of the lease's groups, so that nobody
// gets in or on; the rule in the instance's group is removed as ever. It always
// fails, since sessions that are open may go on: rules do not end those.
func (w *pass) cutOff(ctx context.Context, groups []string) error {
	w.held = true
	rules, err := w.rulesIn(ctx, groups)
	if err == nil {
		var tasks []func() error
		for _, g := range groups {
			in, out := ruleIDs(rules, g)
			tasks = append(tasks, func() error { return w.revokeAll(ctx, g, in, out, "revoke the rules of the lease's security group") })
		}
		err = together(tasks...)
	}
	so := sshforward.Textf("No new connection gets through the lease's security group, but open sessions may go on")
	if err != nil || len(groups) == 0 {
		so = sshforward.Textf("It may still let people in")
	}
	return &sshforward.Error{
		Code:    sshforward.EFORBIDDEN,
		Message: sshforward.Textf("Load balancer %s lost its tags, so I may not delete it. %s: delete it by hand.", w.name, so),
		Err:     err,
	}
}

// errDisowned is for what would have to be changed on such a load balancer.
func (w *pass) errDisowned() error {
	return &sshforward.Error{
		Code:    sshforward.EFORBIDDEN,
		Message: sshforward.Textf("Load balancer %s lost its tags, so I may not change it; put them back, or delete it by hand.", w.name),
	}
}

// disowned takes a load balancer that uses the group of the lease which its
// name says for that lease's, whatever its tags say: what stands there forwards.
// It is not for anybody to conclude that it was deleted.
func (s *look) disowned(ctx context.Context, b elbtypes.LoadBalancerDescription, tags map[string]string) bool {
	name := aws.ToString(b.LoadBalancerName)
	id, _ := strings.CutPrefix(name, sshforward.Name(s.p.deployment, ""))
	x := s.leases[id]
	if x == nil || x.group == nil || !slices.Contains(b.SecurityGroups, aws.ToString(x.group.GroupId)) {
		return false
	}
	if s.p.owns(&sshforward.Lease{ID: id}, tags) {
		return false // it has its tags
	}
	x.balancer = &b
	if _, said := s.p.warned.LoadOrStore(s.Name+" "+name, true); !said {
		s.p.log.WarnContext(ctx, "a load balancer lost its tags; it will have to be deleted by hand",
			"account", s.Name, "lease", id, "name", name)
	}
	return true
}
