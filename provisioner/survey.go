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

	var (
		groups, others       []types.SecurityGroup
		rules, untagged, own []types.SecurityGroupRule
		balancers            map[string]elbtypes.LoadBalancerDescription
		tags                 map[string]map[string]string
		schedules, existing  []string
		known, unknown       map[string]sshforward.Instance
	)
	first := []look{
		reading(sshforward.PartGroups, &groups, func(ctx context.Context) ([]types.SecurityGroup, error) {
			return a.deploymentGroups(ctx, p.deployment)
		}),
		reading(sshforward.PartRules, &rules, func(ctx context.Context) ([]types.SecurityGroupRule, error) {
			return a.deploymentRules(ctx, p.deployment)
		}),
		reading(sshforward.PartBalancers, &balancers, func(ctx context.Context) (map[string]elbtypes.LoadBalancerDescription, error) {
			return a.namedBalancers(ctx, p.deployment)
		}),
	}
	if a.DeadMan != nil {
		first = append(first, reading(sshforward.PartDeadMan, &schedules, func(ctx context.Context) ([]string, error) {
			return a.schedules(ctx, p.deployment)
		}))
	}
	if len(stored) > 0 {
		first = append(first, reading(sshforward.PartInstances, &known, func(ctx context.Context) (map[string]sshforward.Instance, error) {
			return a.describeOf(ctx, stored)
		}))
	}
	s.round(ctx, 4, first...)
	if len(s.unread) == len(first) {
		return sshforward.Survey{}, s.failures()
	}
	for _, g := range groups {
		s.group(g)
	}
	missing, tagged := s.missingGroups(), s.groupIDs()
	s.round(ctx, 3,
		reading(sshforward.PartGroups, &others, func(ctx context.Context) ([]types.SecurityGroup, error) {
			return a.groupsByID(ctx, missing)
		}),
		reading(sshforward.PartRules, &untagged, func(ctx context.Context) ([]types.SecurityGroupRule, error) {
			return a.rulesByID(ctx, s.missingRules(rules))
		}),
		reading(sshforward.PartRules, &own, func(ctx context.Context) ([]types.SecurityGroupRule, error) {
			return a.rulesIn(ctx, slices.Concat(tagged, missing))
		}),
		reading(sshforward.PartBalancers, &tags, func(ctx context.Context) (map[string]map[string]string, error) {
			return a.balancerTags(ctx, slices.Sorted(maps.Keys(balancers)))
		}),
	)
	for _, g := range others {
		s.group(g)
	}
	for n, t := range tags {
		s.balancer(ctx, balancers[n], t)
	}
	for _, r := range slices.Concat(rules, untagged) {
		s.rule(r)
	}
	for _, r := range own {
		s.ownRule(r)
	}
	for _, n := range schedules {
		s.schedule(n)
	}
	s.round(ctx, 2, reading(sshforward.PartGroups, &existing, func(ctx context.Context) ([]string, error) {
		return a.existing(ctx, s.claimedGroups())
	}))
	s.decide(existing)
	leases := s.read()
	s.round(ctx, 1, reading(sshforward.PartInstances, &unknown, func(ctx context.Context) (map[string]sshforward.Instance, error) {
		return a.describe(ctx, s.instances(leases))
	}))
	out.Unread, out.Instances = s.unread, map[string]sshforward.Instance{}
	maps.Copy(out.Instances, known)
	maps.Copy(out.Instances, unknown)
	for _, id := range slices.Sorted(maps.Keys(leases)) {
		f := s.leases[id].found(leases[id], out.Instances)
		f.Retagged, f.Unsigned = s.retagged(id)
		out.Found = append(out.Found, f)
	}
	out.Unproven = s.unproven
	return out, nil
}
