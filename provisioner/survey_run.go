package provisioner

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/safe"
)

// What the report of unproven things calls them.
const (
	kindGroup    = "security group"
	kindRule     = "security group rule"
	kindBalancer = "load balancer"
)

// surveyRun is one survey under way: what it has seen so far, by lease.
type surveyRun struct {
	*account
	p        *Provisioner
	stored   map[string]*sshforward.Lease // those that the store has
	leases   map[string]*evidence
	claims   []claim
	unproven []sshforward.Unproven

	mu     sync.Mutex
	unread []sshforward.Unread // one for each part
}

// look reads one part of an account.
type look struct {
	part sshforward.Part
	read func(context.Context) error
}

// reading is a look that keeps what a call returns.
func reading[T any](part sshforward.Part, into *T, call func(context.Context) (T, error)) look {
	return look{part, func(ctx context.Context) (err error) {
		*into, err = call(ctx)
		return err
	}}
}

// round looks at several parts at the same time, within its share of what is left
// of the time: it is the first of so many rounds that are to come.
func (s *surveyRun) round(ctx context.Context, rounds int, looks ...look) {
	if end, bound := ctx.Deadline(); bound {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, time.Until(end)/time.Duration(rounds))
		defer cancel()
	}
	var wg sync.WaitGroup
	for _, l := range looks {
		wg.Go(func() {
			defer safe.Catch(func(err error) { s.misses(l.part, err) })
			if err := l.read(ctx); err != nil {
				s.misses(l.part, err)
			}
		})
	}
	wg.Wait()
}

// misses notes that a part could not be read.
func (s *surveyRun) misses(part sshforward.Part, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.ContainsFunc(s.unread, func(u sshforward.Unread) bool { return u.Part == part }) {
		s.unread = append(s.unread, sshforward.Unread{Part: part, Err: why})
	}
}

// failures is why nothing could be read.
func (s *surveyRun) failures() error {
	var errs []error
	for _, u := range s.unread {
		errs = append(errs, u.Err)
	}
	return finalFirst(errs)
}

// hides reports whether a part could not be read.
func (s *surveyRun) hides(part sshforward.Part) bool {
	return slices.ContainsFunc(s.unread, func(u sshforward.Unread) bool { return u.Part == part })
}

// claim is a rule that is a lease's if the group that it lets in exists no more.
type claim struct {
	rule         types.SecurityGroupRule
	lease, group string
}

func (s *surveyRun) lease(id string) *evidence {
	if s.leases[id] == nil {
		s.leases[id] = &evidence{stored: s.stored[id]}
	}
	return s.leases[id]
}

// doubt notes what carries the deployment's tag and is not provably a lease's. Of a
// rule that cannot be said while it is not known which groups are leases'.
func (s *surveyRun) doubt(kind, id string, tags map[string]string, why string) {
	if s.p.isOurs(tags) && !(kind == kindRule && s.hides(sshforward.PartGroups)) {
		s.unproven = append(s.unproven, sshforward.Unproven{Kind: kind, ID: id, Lease: tags[TagLease], Why: why})
	}
}

// group notes a security group that carries the deployment's tag or is recorded.
func (s *surveyRun) group(g types.SecurityGroup) {
	id, tags := aws.ToString(g.GroupId), fromEC2Tags(g.Tags)
	lease, ok := ownName(s.p.deployment, aws.ToString(g.GroupName))
	stored := s.stored[lease]
	recorded := ok && stored != nil && stored.Resources.GroupID == id
	switch {
	case !ok:
		s.doubt(kindGroup, id, tags, "its name is not one that I give")
		return
	case !recorded && !s.p.isOurs(tags):
		return // a name is not enough
	}
	// A lease has one; should there be two, in two VPCs, the recorded one counts
	// here, or the one that proves itself, and the read-back of closing finds the
	// other.
	x := s.lease(lease)
	held := x.group != nil && stored != nil && stored.Resources.GroupID == aws.ToString(x.group.GroupId)
	if x.group == nil || recorded || !held && s.proves(lease, g, tags) {
		x.group, x.groupTags = &g, tags
		x.tags = slices.Insert(x.tags, 0, tags)
	}
}

// proves reports whether a bot with the key has written a group's tags, for the lease.
func (s *surveyRun) proves(lease string, g types.SecurityGroup, tags map[string]string) bool {
	written, _ := s.verify(lease, &evidence{group: &g, groupTags: tags})
	return written != nil
}

// verify returns what a bot with the key has written of the lease. Tags that are
// signed for another one prove nothing: before its clock starts, the group is no part
// of what is signed, and whoever may tag can copy them to a group of any lease's name.
func (s *surveyRun) verify(lease string, x *evidence) (map[string]string, sshforward.Proof) {
	tags, proof := s.p.signing.verify(x.groupTags, x.balancerTags, x.place(s.Region))
	if tags != nil && (tags[TagDeployment] != s.p.deployment || tags[TagLease] != lease) {
		return nil, sshforward.ProofWrong
	}
	return tags, proof
}

// missingGroups are those that the store has recorded and the deployment's tag
// has not found.
func (s *surveyRun) missingGroups() []string {
	return s.missing(s.groupIDs(), func(r sshforward.Resources) string { return r.GroupID })
}

// missingRules are the same of the rules in the instances' groups.
func (s *surveyRun) missingRules(tagged []types.SecurityGroupRule) []string {
	return s.missing(ruleIDsOf(tagged), func(r sshforward.Resources) string { return r.InstanceRuleID })
}

func (s *surveyRun) missing(found []string, recorded func(sshforward.Resources) string) []string {
	var ids []string
	for _, l := range s.stored {
		if id := recorded(l.Resources); id != "" && !slices.Contains(found, id) {
			ids = append(ids, id)
		}
	}
	return ids
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

// rule notes a rule that carries the deployment's tag or is recorded, unless it
// is in a lease's group.
func (s *surveyRun) rule(r types.SecurityGroupRule) {
	id, tags := aws.ToString(r.SecurityGroupRuleId), fromEC2Tags(r.Tags)
	if slices.Contains(s.groupIDs(), aws.ToString(r.GroupId)) {
		return
	}
	group, ok := groupIn(r)
	if !ok {
		s.doubt(kindRule, id, tags, "it does not let one group in at one port")
		return
	}
	lease, ok := s.recordedRule(id)
	if !ok {
		lease, ok = s.p.describedLease(r)
	}
	switch {
	case !ok:
		s.doubt(kindRule, id, tags, "it is not described as a lease's")
	case s.isGroupOf(lease, group):
		s.addRule(lease, r)
	case !describedAs(r, lease):
		s.doubt(kindRule, id, tags, "it is not described as a lease's")
	default:
		s.claims = append(s.claims, claim{rule: r, lease: lease, group: group})
	}
}

// recordedRule is the lease for which the store has recorded a rule.
func (s *surveyRun) recordedRule(id string) (lease string, ok bool) {
	for _, l := range s.stored {
		if l.Resources.InstanceRuleID == id {
			return l.ID, true
		}
	}
	return "", false
}

func (s *surveyRun) isGroupOf(lease, group string) bool {
	if l := s.stored[lease]; l != nil && l.Resources.GroupID == group {
		return true
	}
	x := s.leases[lease]
	return x != nil && x.group != nil && aws.ToString(x.group.GroupId) == group
}

func (s *surveyRun) addRule(lease string, r types.SecurityGroupRule) {
	x := s.lease(lease)
	x.rules = append(x.rules, r)
	x.tags = append(x.tags, fromEC2Tags(r.Tags))
}

// claimedGroups are those that claims are about.
func (s *surveyRun) claimedGroups() []string {
	var ids []string
	for _, c := range s.claims {
		ids = append(ids, c.group)
	}
	return ids
}

// decide settles the claims, knowing which of their groups exist. Where that could
// not be told they are left open.
func (s *surveyRun) decide(existing []string) {
	if s.hides(sshforward.PartGroups) {
		return
	}
	for _, c := range s.claims {
		if slices.Contains(existing, c.group) {
			s.doubt(kindRule, aws.ToString(c.rule.SecurityGroupRuleId), fromEC2Tags(c.rule.Tags), "the group that it lets in is not the lease's")
			continue
		}
		s.addRule(c.lease, c.rule)
	}
}

// ownRule notes a rule of a lease's own group.
func (s *surveyRun) ownRule(r types.SecurityGroupRule) {
	for _, x := range s.leases {
		if x.group != nil && aws.ToString(x.group.GroupId) == aws.ToString(r.GroupId) {
			x.ownRules = append(x.ownRules, r)
		}
	}
}

// balancer notes a load balancer of a name like the deployment's.
func (s *surveyRun) balancer(ctx context.Context, b elbtypes.LoadBalancerDescription, tags map[string]string) {
	name := aws.ToString(b.LoadBalancerName)
	lease, ok := ownName(s.p.deployment, name)
	switch {
	case !ok:
		s.doubt(kindBalancer, name, tags, "its name is not one that I give")
		return
	case s.p.isOurs(tags):
	case s.isRecorded(lease, b), s.usesGroupOf(lease, b):
		if _, said := s.p.warned.LoadOrStore(s.Name+" "+name, true); !said {
			s.p.log.WarnContext(ctx, "a load balancer lost its tags", "account", s.Name, "lease", lease, "name", name)
		}
	default:
		return // a name is not enough
	}
	x := s.lease(lease)
	x.balancer, x.balancerTags = &b, tags
	x.tags = append(x.tags, withPorts(tags, b))
}

// isRecorded reports whether the store has recorded the load balancer for the
// lease, by its DNS name, which AWS gives out once.
func (s *surveyRun) isRecorded(lease string, b elbtypes.LoadBalancerDescription) bool {
	l := s.stored[lease]
	return l != nil && l.Resources.DNSName != "" && l.Resources.DNSName == aws.ToString(b.DNSName)
}

// usesGroupOf reports whether the load balancer lets people in by the rules of
// the lease's group.
func (s *surveyRun) usesGroupOf(lease string, b elbtypes.LoadBalancerDescription) bool {
	x := s.leases[lease]
	return x != nil && x.group != nil && slices.Contains(b.SecurityGroups, aws.ToString(x.group.GroupId))
}

// schedule notes a dead-man switch, which has a name and no tags.
func (s *surveyRun) schedule(name string) {
	if id, ok := ownName(s.p.deployment, name); ok {
		s.lease(id).scheduled = true
	}
}

// read makes a lease of each one's evidence, as far as its tags say: those that
// are proven, or if none are, all that were seen.
func (s *surveyRun) read() map[string]*sshforward.Lease {
	out := map[string]*sshforward.Lease{}
	for id, x := range s.leases {
		var tags map[string]string
		if tags, x.proof = s.verify(id, x); tags == nil {
			tags = x.agreedTags()
			x.says = words(tags)
			if !instanceIDRE.MatchString(tags[TagInstance]) {
				delete(tags, TagInstance) // the load balancer may know better
			}
		}
		tags[TagDeployment], tags[TagLease] = s.p.deployment, id // what its structure says
		l, ok := FromTags(s.p.deployment, tags, s.Account)
		if !ok {
			continue
		}
		x.fill(l)
		out[id] = l
	}
	return out
}

// instances are those that the leases name and the stored ones do not.
func (s *surveyRun) instances(leases map[string]*sshforward.Lease) []string {
	stored := map[string]bool{}
	for _, l := range s.stored {
		stored[l.Instance.ID] = true
	}
	var ids []string
	for _, l := range leases {
		if !stored[l.Instance.ID] {
			ids = append(ids, l.Instance.ID)
		}
	}
	return ids
}

// retagged compares the tags of an open lease with what the store says.
func (s *surveyRun) retagged(id string) (changed, unsigned bool) {
	x := s.leases[id]
	if x.stored == nil || x.stored.State != sshforward.Open || x.group == nil || x.balancer == nil {
		return false, false
	}
	return x.compare(s.signed(s.p, x.stored), x.proof)
}
