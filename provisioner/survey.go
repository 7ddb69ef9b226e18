package provisioner

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

var _ sshforward.Surveyor = (*Provisioner)(nil)

// Survey implements sshforward.Surveyor in three rounds of concurrent calls,
// each of which needs what the one before has found:
//
//	DescribeLoadBalancers, DescribeSecurityGroups and DescribeSecurityGroupRules
//	by the deployment's tag, ListSchedules
//	DescribeTags of the load balancers, DescribeSecurityGroupRules of the groups
//	DescribeInstances
//
// What has nothing to ask for is left out, so that an empty account costs
// three calls, or four with the dead-man switch. One call that fails, fails it
// all.
func (p *Provisioner) Survey(ctx context.Context, name string, instances []string) (sshforward.Survey, error) {
	a, err := p.account(name)
	if err != nil {
		return sshforward.Survey{}, err
	}
	s := &surveyRun{account: a, p: p, leases: map[string]*evidence{}}
	out := sshforward.Survey{At: time.Now()}

	var (
		groups    []types.SecurityGroup
		tagged    []types.SecurityGroupRule
		balancers map[string]elbtypes.LoadBalancerDescription
		tags      map[string]map[string]string
		inGroups  []types.SecurityGroupRule
		schedules []string
	)
	err = together(
		func() (err error) { groups, err = a.deploymentGroups(ctx, p.deployment); return err },
		func() (err error) { tagged, err = a.deploymentRules(ctx, p.deployment); return err },
		func() (err error) { balancers, err = a.namedBalancers(ctx, p.deployment); return err },
		func() (err error) { schedules, err = a.schedules(ctx, p.deployment); return err },
	)
	if err != nil {
		return sshforward.Survey{}, err
	}
	for _, g := range groups {
		s.group(ctx, g)
	}
	err = together(
		func() (err error) {
			tags, err = a.balancerTags(ctx, slices.Sorted(maps.Keys(balancers)))
			return err
		},
		func() (err error) { inGroups, err = a.rulesIn(ctx, s.groupIDs()); return err },
	)
	if err != nil {
		return sshforward.Survey{}, err
	}
	for n, t := range tags {
		s.balancer(ctx, balancers[n], t)
	}
	for _, r := range tagged {
		s.rule(ctx, r)
	}
	for _, r := range inGroups {
		s.ownRule(r)
	}
	for _, n := range schedules {
		s.schedule(n)
	}
	leases := s.read()
	if out.Instances, err = a.describe(ctx, append(s.instances(leases), instances...)); err != nil {
		return sshforward.Survey{}, err
	}
	for _, id := range slices.Sorted(maps.Keys(leases)) {
		out.Found = append(out.Found, s.leases[id].found(leases[id], out.Instances))
	}
	return out, nil
}
