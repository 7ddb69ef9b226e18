package provisioner

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
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
	s := &look{account: a, p: p, leases: map[string]*sighting{}}
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

// together runs the tasks concurrently and waits for all of them.
func together(tasks ...func() error) error {
	errs := make([]error, len(tasks))
	var wg sync.WaitGroup
	for i, task := range tasks {
		wg.Go(func() { errs[i] = task() })
	}
	wg.Wait()
	return finalFirst(slices.DeleteFunc(errs, func(err error) bool { return err == nil }))
}

// look is one survey under way: what it has seen so far, by lease.
type look struct {
	*account
	p      *Provisioner
	leases map[string]*sighting
}

// sighting is all that carries one lease's tags.
type sighting struct {
	group     *types.SecurityGroup
	balancer  *elbtypes.LoadBalancerDescription
	rules     []types.SecurityGroupRule // in groups that are not the lease's, with its tags
	ownRules  []types.SecurityGroupRule // in the lease's group, whatever their tags
	scheduled bool
	tags      []map[string]string // of each thing, those that say more first
}

// of returns the sighting of the lease that the tags name, nil if they are not
// the deployment's or cannot be read. The latter is said once in a process: it
// will be there again at the next look.
func (s *look) of(ctx context.Context, kind, id string, tags map[string]string) *sighting {
	if tags[TagDeployment] != s.p.deployment {
		return nil
	}
	l, ok := FromTags(s.p.deployment, tags, s.Account)
	if !ok {
		if _, said := s.p.warned.LoadOrStore(s.Name+" "+id, true); !said {
			s.p.log.WarnContext(ctx, "something carries this deployment's tag and no lease's id; left alone",
				"account", s.Name, "kind", kind, "id", id, "tag", tags[TagLease])
		}
		return nil
	}
	return s.lease(l.ID)
}

func (s *look) lease(id string) *sighting {
	if s.leases[id] == nil {
		s.leases[id] = &sighting{}
	}
	return s.leases[id]
}

// group notes a security group. A lease has one, of its own name; should there
// be a stray one, the read-back of closing will find it.
func (s *look) group(ctx context.Context, g types.SecurityGroup) {
	tags := fromEC2Tags(g.Tags)
	x := s.of(ctx, "security group", aws.ToString(g.GroupId), tags)
	if x == nil {
		return
	}
	if x.group == nil || aws.ToString(g.GroupName) == sshforward.Name(s.p.deployment, tags[TagLease]) {
		x.group = &g
		x.tags = slices.Insert(x.tags, 0, tags)
	}
}

// groupIDs are the leases' own groups.
func (s *look) groupIDs() []string {
	var ids []string
	for _, x := range s.leases {
		if x.group != nil {
			ids = append(ids, aws.ToString(x.group.GroupId))
		}
	}
	slices.Sort(ids)
	return ids
}

// rule notes a rule with the deployment's tag, unless it is in a lease's group.
func (s *look) rule(ctx context.Context, r types.SecurityGroupRule) {
	tags := fromEC2Tags(r.Tags)
	x := s.of(ctx, "security group rule", aws.ToString(r.SecurityGroupRuleId), tags)
	if x == nil || s.isOwn(aws.ToString(r.GroupId)) {
		return
	}
	x.rules = append(x.rules, r)
	x.tags = append(x.tags, tags)
}

func (s *look) isOwn(group string) bool {
	for _, x := range s.leases {
		if x.group != nil && aws.ToString(x.group.GroupId) == group {
			return true
		}
	}
	return false
}

// ownRule notes a rule of a lease's own group.
func (s *look) ownRule(r types.SecurityGroupRule) {
	for _, x := range s.leases {
		if x.group != nil && aws.ToString(x.group.GroupId) == aws.ToString(r.GroupId) {
			x.ownRules = append(x.ownRules, r)
		}
	}
}

// balancer notes a load balancer. One that is not called as its lease's tags
// demand is not the lease's, however it came by them: deleting goes by name.
func (s *look) balancer(ctx context.Context, b elbtypes.LoadBalancerDescription, tags map[string]string) {
	if s.disowned(ctx, b, tags) {
		return
	}
	name := aws.ToString(b.LoadBalancerName)
	if name != sshforward.Name(s.p.deployment, tags[TagLease]) {
		tags = maps.Clone(tags)
		delete(tags, TagLease)
	}
	if x := s.of(ctx, "load balancer", name, tags); x != nil {
		x.balancer = &b
		x.tags = append(x.tags, withPorts(tags, b))
	}
}

// schedule notes a dead-man switch, which has a name and no tags.
func (s *look) schedule(name string) {
	id, ok := strings.CutPrefix(name, sshforward.Name(s.p.deployment, ""))
	if parsed, is := sshforward.ParseID(id); ok && is && parsed == id {
		s.lease(id).scheduled = true
	}
}
