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
//	by the deployment's tag, ListSchedules
//	DescribeTags of the load balancers, DescribeSecurityGroupRules of the groups
//	DescribeInstances
//
// What has nothing to ask for is left out, so that an empty account costs
// three calls, or four with the dead-man switch. What the store has recorded and
// the tag did not find is asked for by its id. One call that fails, fails it all.
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
		groups, untaggedGroups      []types.SecurityGroup
		rules, untagged, groupRules []types.SecurityGroupRule
		balancers                   map[string]elbtypes.LoadBalancerDescription
		tags                        map[string]map[string]string
		schedules, existing         []string
	)
	err = together(
		func() (err error) { groups, err = a.deploymentGroups(ctx, p.deployment); return err },
		func() (err error) { rules, err = a.deploymentRules(ctx, p.deployment); return err },
		func() (err error) { balancers, err = a.namedBalancers(ctx, p.deployment); return err },
		func() (err error) { schedules, err = a.schedules(ctx, p.deployment); return err },
	)
	if err != nil {
		return sshforward.Survey{}, err
	}
	for _, g := range groups {
		s.group(g)
	}
	err = together(
		func() (err error) { untaggedGroups, err = a.groupsByID(ctx, s.missingGroups()); return err },
		func() (err error) { untagged, err = a.rulesByID(ctx, s.missingRules(rules)); return err },
	)
	if err != nil {
		return sshforward.Survey{}, err
	}
	for _, g := range untaggedGroups {
		s.group(g)
	}
	err = together(
		func() (err error) {
			tags, err = a.balancerTags(ctx, slices.Sorted(maps.Keys(balancers)))
			return err
		},
		func() (err error) { groupRules, err = a.rulesIn(ctx, s.groupIDs()); return err },
	)
	if err != nil {
		return sshforward.Survey{}, err
	}
	for n, t := range tags {
		s.balancer(ctx, balancers[n], t)
	}
	for _, r := range slices.Concat(rules, untagged) {
		s.rule(r)
	}
	for _, r := range groupRules {
		s.ownRule(r)
	}
	for _, n := range schedules {
		s.schedule(n)
	}
	if existing, err = a.existing(ctx, s.claimedGroups()); err != nil {
		return sshforward.Survey{}, err
	}
	s.decide(existing)
	leases := s.read()
	if out.Instances, err = a.describe(ctx, s.instances(leases)); err != nil {
		return sshforward.Survey{}, err
	}
	for _, id := range slices.Sorted(maps.Keys(leases)) {
		f := s.leases[id].found(leases[id], out.Instances)
		f.Retagged, f.Unsigned = s.retagged(id)
		out.Found = append(out.Found, f)
	}
	out.Unproven = s.unproven
	return out, nil
}
