package provisioner

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// surveyRun is one survey under way: what it has seen so far, by lease.
type surveyRun struct {
	*account
	p      *Provisioner
	leases map[string]*evidence
}

// of returns the evidence of the lease that the tags name, nil if they are not
// the deployment's or cannot be read. The latter is logged once in a process: it
// will be there again at the next survey.
func (s *surveyRun) of(ctx context.Context, kind, id string, tags map[string]string) *evidence {
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

func (s *surveyRun) lease(id string) *evidence {
	if s.leases[id] == nil {
		s.leases[id] = &evidence{}
	}
	return s.leases[id]
}

// group notes a security group. A lease has one, of its own name; should there
// be a stray one, the read-back of closing will find it.
func (s *surveyRun) group(ctx context.Context, g types.SecurityGroup) {
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
func (s *surveyRun) groupIDs() []string {
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
func (s *surveyRun) rule(ctx context.Context, r types.SecurityGroupRule) {
	tags := fromEC2Tags(r.Tags)
	x := s.of(ctx, "security group rule", aws.ToString(r.SecurityGroupRuleId), tags)
	if x == nil || s.isOwn(aws.ToString(r.GroupId)) {
		return
	}
	x.rules = append(x.rules, r)
	x.tags = append(x.tags, tags)
}

func (s *surveyRun) isOwn(group string) bool {
	for _, x := range s.leases {
		if x.group != nil && aws.ToString(x.group.GroupId) == group {
			return true
		}
	}
	return false
}

// ownRule notes a rule of a lease's own group.
func (s *surveyRun) ownRule(r types.SecurityGroupRule) {
	for _, x := range s.leases {
		if x.group != nil && aws.ToString(x.group.GroupId) == aws.ToString(r.GroupId) {
			x.ownRules = append(x.ownRules, r)
		}
	}
}

// balancer notes a load balancer. One that is not called as its lease's tags
// demand is not the lease's, however it came by them: deleting goes by name.
func (s *surveyRun) balancer(ctx context.Context, b elbtypes.LoadBalancerDescription, tags map[string]string) {
	if s.takeUntagged(ctx, b, tags) {
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

// takeUntagged adds a load balancer to the evidence of the lease that its name
// says if it uses that lease's group, whatever its tags say, and reports whether
// it did: what forwards must not be taken for deleted.
func (s *surveyRun) takeUntagged(ctx context.Context, b elbtypes.LoadBalancerDescription, tags map[string]string) bool {
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

// schedule notes a dead-man switch, which has a name and no tags.
func (s *surveyRun) schedule(name string) {
	id, ok := strings.CutPrefix(name, sshforward.Name(s.p.deployment, ""))
	if parsed, is := sshforward.ParseID(id); ok && is && parsed == id {
		s.lease(id).scheduled = true
	}
}

// read makes a lease of each one's evidence, as far as its tags say.
func (s *surveyRun) read() map[string]*sshforward.Lease {
	out := map[string]*sshforward.Lease{}
	for id, x := range s.leases {
		tags := x.agreedTags()
		tags[TagDeployment], tags[TagLease] = s.p.deployment, id // a schedule has none
		l, ok := FromTags(s.p.deployment, tags, s.Account)
		if !ok {
			continue
		}
		x.fill(l)
		out[id] = l
	}
	return out
}

// instances are those that the leases name.
func (s *surveyRun) instances(leases map[string]*sshforward.Lease) []string {
	var ids []string
	for _, l := range leases {
		ids = append(ids, l.Instance.ID)
	}
	return ids
}
