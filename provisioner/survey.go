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

// Survey implements sshforward.Surveyor in rounds of concurrent calls, each of
// which needs what the one before has found:
//
//	DescribeLoadBalancers, DescribeSecurityGroups and DescribeSecurityGroupRules
//	by the deployment's tag, ListSchedules, DescribeInstances of stored leases
//	DescribeTags of the load balancers, DescribeSecurityGroupRules of the groups
//	DescribeInstances of those that the store does not know
//
// What has nothing to ask for is left out, so that an empty account costs
// three calls, or four with the dead-man switch. What the store has recorded and
// the tag did not find is asked for by its id. What cannot be read leaves its part
// out and none of the others; a call that says nothing has the time of its round.
func (p *Provisioner) Survey(ctx context.Context, name string, stored []*sshforward.Lease) (sshforward.Survey, error) {
	a, err := p.account(name)
	if err != nil {
		return sshforward.Survey{}, err
	}
	s := &surveyRun{account: a, p: p, stored: map[string]*sshforward.Lease{}, leases: map[string]*evidence{}}
	for _, l := range stored {
		s.stored[l.ID] = l
	}
	out := sshforward.Survey{At: time.Now()}
	listed, err := s.list(ctx)
	if err != nil {
		return sshforward.Survey{}, err
	}
	s.complete(ctx, listed)
	var (
		existing []string
		unknown  map[string]sshforward.Instance
	)
	s.round(ctx, 2, reading(sshforward.PartGroups, &existing, func(ctx context.Context) ([]string, error) {
		return a.existing(ctx, s.claimedGroups())
	}))
	s.decide(existing)
	leases := s.read()
	s.round(ctx, 1, reading(sshforward.PartInstances, &unknown, func(ctx context.Context) (map[string]sshforward.Instance, error) {
		return a.describe(ctx, s.instances(leases))
	}))
	out.Unread, out.Instances = s.unread, map[string]sshforward.Instance{}
	maps.Copy(out.Instances, listed.instances)
	maps.Copy(out.Instances, unknown)
	for _, id := range slices.Sorted(maps.Keys(leases)) {
		f := s.leases[id].found(leases[id], out.Instances)
		f.Retagged, f.Unsigned = s.retagged(id)
		out.Found = append(out.Found, f)
	}
	out.Unproven = s.unproven
	return out, nil
}

// surveyList is what the first round finds by the deployment's tag and name.
type surveyList struct {
	groups    []types.SecurityGroup
	rules     []types.SecurityGroupRule
	balancers map[string]elbtypes.LoadBalancerDescription
	schedules []string
	instances map[string]sshforward.Instance // those of the stored leases
}

// list is the first round. It fails if nothing at all can be read.
func (s *surveyRun) list(ctx context.Context) (l surveyList, err error) {
	all := []look{
		reading(sshforward.PartGroups, &l.groups, func(ctx context.Context) ([]types.SecurityGroup, error) {
			return s.deploymentGroups(ctx, s.p.deployment)
		}),
		reading(sshforward.PartRules, &l.rules, func(ctx context.Context) ([]types.SecurityGroupRule, error) {
			return s.deploymentRules(ctx, s.p.deployment)
		}),
		reading(sshforward.PartBalancers, &l.balancers, func(ctx context.Context) (map[string]elbtypes.LoadBalancerDescription, error) {
			return s.namedBalancers(ctx, s.p.deployment)
		}),
	}
	if s.DeadMan != nil {
		all = append(all, reading(sshforward.PartDeadMan, &l.schedules, func(ctx context.Context) ([]string, error) {
			return s.schedules(ctx, s.p.deployment)
		}))
	}
	if len(s.stored) > 0 {
		all = append(all, reading(sshforward.PartInstances, &l.instances, func(ctx context.Context) (map[string]sshforward.Instance, error) {
			return s.describeOf(ctx, slices.Collect(maps.Values(s.stored)))
		}))
	}
	s.round(ctx, 4, all...)
	if len(s.unread) == len(all) {
		return l, s.failures()
	}
	return l, nil
}

// complete is the second round: what the first one leads to, and what the store has
// recorded and the tag did not find. All of it is evidence of leases then.
func (s *surveyRun) complete(ctx context.Context, l surveyList) {
	var (
		others        []types.SecurityGroup
		untagged, own []types.SecurityGroupRule
		tags          map[string]map[string]string
	)
	for _, g := range l.groups {
		s.group(g)
	}
	missing, tagged := s.missingGroups(), s.groupIDs()
	s.round(ctx, 3,
		reading(sshforward.PartGroups, &others, func(ctx context.Context) ([]types.SecurityGroup, error) {
			return s.groupsByID(ctx, missing)
		}),
		reading(sshforward.PartRules, &untagged, func(ctx context.Context) ([]types.SecurityGroupRule, error) {
			return s.rulesByID(ctx, s.missingRules(l.rules))
		}),
		reading(sshforward.PartRules, &own, func(ctx context.Context) ([]types.SecurityGroupRule, error) {
			return s.rulesIn(ctx, slices.Concat(tagged, missing))
		}),
		reading(sshforward.PartBalancers, &tags, func(ctx context.Context) (map[string]map[string]string, error) {
			return s.balancerTags(ctx, slices.Sorted(maps.Keys(l.balancers)))
		}),
	)
	for _, g := range others {
		s.group(g)
	}
	for n, t := range tags {
		s.balancer(ctx, l.balancers[n], t)
	}
	for _, r := range slices.Concat(l.rules, untagged) {
		s.rule(r)
	}
	for _, r := range own {
		s.ownRule(r)
	}
	for _, n := range l.schedules {
		s.schedule(n)
	}
}
