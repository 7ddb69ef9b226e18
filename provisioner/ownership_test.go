package provisioner_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"
	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
)

// theirs is what another team has: a web server's group that everybody may
// reach, a database's that the application may, a group that nothing uses yet,
// and a load balancer.
type theirs struct {
	web, app, db, unused   string // groups
	public, toDB, fromPeer string // rules: 0.0.0.0/0:443, app to database, from the instance's group
	balancer               string
}

func (w *world) addTheirs() theirs {
	w.Helper()
	group := func(name string) string {
		return *must(w.ec2.CreateSecurityGroup(w.ctx, &ec2.CreateSecurityGroupInput{
			VpcId: &w.vpc, GroupName: &name, Description: aws.String("of the shop"),
		})).GroupId
	}
	rule := func(group string, p types.IpPermission) string {
		w.authorize(group, false, p)
		return *w.rulesWhere(func(r types.SecurityGroupRule) bool {
			return *r.GroupId == group && !*r.IsEgress && *r.FromPort == *p.FromPort
		})[0].SecurityGroupRuleId
	}
	t := theirs{web: group("shop-web"), app: group("shop-app"), db: group("shop-db"), unused: group("shop-next"), balancer: "shop-front"}
	t.public = rule(t.web, cidr("tcp", 443, "0.0.0.0/0"))
	t.toDB = rule(t.db, fromGroup(5432, t.app, "app to database"))
	t.fromPeer = rule(t.app, fromGroup(22, w.group, "hosts to app"))
	must(w.elb.CreateLoadBalancer(w.ctx, &elb.CreateLoadBalancerInput{
		LoadBalancerName: &t.balancer, Subnets: []string{w.public}, SecurityGroups: []string{t.web},
		Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 443, InstancePort: aws.Int32(443)}},
	}))
	return t
}

func (t theirs) ec2() []string {
	return []string{t.web, t.app, t.db, t.unused, t.public, t.toDB, t.fromPeer}
}

func fromGroup(port int32, group, description string) types.IpPermission {
	return types.IpPermission{
		IpProtocol: aws.String("tcp"), FromPort: &port, ToPort: &port,
		UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &group, Description: &description}},
	}
}

func (w *world) rulesWhere(is func(types.SecurityGroupRule) bool) []types.SecurityGroupRule {
	w.Helper()
	return slices.DeleteFunc(w.rules(), func(r types.SecurityGroupRule) bool { return !is(r) })
}

// tag puts tags on what EC2 has, and on a load balancer.
func (w *world) tag(tags map[string]string, balancer string, ids ...string) {
	w.Helper()
	var forEC2 []types.Tag
	var forELB []elbtypes.Tag
	for _, k := range slices.Sorted(maps.Keys(tags)) {
		forEC2 = append(forEC2, types.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
		forELB = append(forELB, elbtypes.Tag{Key: aws.String(k), Value: aws.String(tags[k])})
	}
	if len(ids) > 0 {
		must(w.ec2.CreateTags(w.ctx, &ec2.CreateTagsInput{Resources: ids, Tags: forEC2}))
	}
	if balancer != "" {
		must(w.elb.AddTags(w.ctx, &elb.AddTagsInput{LoadBalancerNames: []string{balancer}, Tags: forELB[:min(len(forELB), 10)]}))
	}
}

// untag takes all tags off what EC2 has.
func (w *world) untag(ids ...string) {
	w.Helper()
	for _, id := range ids {
		var keys []types.Tag
		for _, t := range must(w.ec2.DescribeTags(w.ctx, &ec2.DescribeTagsInput{Filters: []types.Filter{
			{Name: aws.String("resource-id"), Values: []string{id}},
		}})).Tags {
			keys = append(keys, types.Tag{Key: t.Key})
		}
		must(w.ec2.DeleteTags(w.ctx, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: keys}))
	}
}

// everything is all that there is but what is the lease's by its structure, as
// text, with the tags.
func (w *world) everything() string {
	w.Helper()
	groups := must(w.ec2.DescribeSecurityGroups(w.ctx, &ec2.DescribeSecurityGroupsInput{})).SecurityGroups
	balancers := must(w.elb.DescribeLoadBalancers(w.ctx, &elb.DescribeLoadBalancersInput{})).LoadBalancerDescriptions
	instances := must(w.ec2.DescribeInstances(w.ctx, &ec2.DescribeInstancesInput{})).Reservations
	rules := w.rules()
	slices.SortFunc(groups, func(x, y types.SecurityGroup) int { return strings.Compare(*x.GroupId, *y.GroupId) })
	slices.SortFunc(rules, func(x, y types.SecurityGroupRule) int {
		return strings.Compare(*x.SecurityGroupRuleId, *y.SecurityGroupRuleId)
	})
	tags := map[string][]elbtypes.Tag{}
	for _, b := range balancers {
		tags[*b.LoadBalancerName] = must(w.elb.DescribeTags(w.ctx, &elb.DescribeTagsInput{LoadBalancerNames: []string{*b.LoadBalancerName}})).
			TagDescriptions[0].Tags
	}
	return string(must(json.MarshalIndent([]any{groups, rules, balancers, tags, instances}, "", " ")))
}

// same fails the test if what others have is not as it was.
func (w *world) same(before string) {
	w.Helper()
	if diff := cmp.Diff(strings.Split(before, "\n"), strings.Split(w.everything(), "\n")); diff != "" {
		w.Errorf("what is not ours has changed:\n%s", diff)
	}
}

// forged are tags that somebody puts on what is not ours: those of a lease that
// lives, and of one that nobody knows, the two that name it and all of them.
func forged(l *sshforward.Lease) map[string]map[string]string {
	unknown := l.Clone()
	unknown.ID = "zzzzzzz"
	two := func(lease string) map[string]string {
		return map[string]string{provisioner.TagDeployment: deployment, provisioner.TagLease: lease}
	}
	return map[string]map[string]string{
		"a live lease": two(l.ID), "all of a live lease": provisioner.Tags(deployment, l),
		"an unknown lease": two(unknown.ID), "all of an unknown lease": provisioner.Tags(deployment, unknown),
		"no lease": {provisioner.TagDeployment: deployment},
	}
}

// Somebody puts the bot's tags on what another team has: none of it is the
// lease's, none of it is ever changed, it is reported, and the lease closes.
func TestForgedTags(t *testing.T) {
	blank := &sshforward.Lease{ID: "k7m2q9x", Owner: "U0EVE", ExpiresAt: time.Now().Add(time.Hour)}
	for name, tags := range testenv.ThinnedRows(forged(blank), 3) {
		t.Run(name, func(t *testing.T) {
			both(t, withDeadMan(), func(w *world) {
				other := w.addTheirs()
				w.tag(tags, other.balancer, other.ec2()...)
				before := w.everything()
				l := w.lease("web-1")
				w.open(l)
				w.checkOpen(l)
				l.ExpiresAt = l.ExpiresAt.Add(l.Duration)
				l.Resources = must(w.p.Extend(w.ctx, l)).Resources
				l.Resources = must(w.p.Mend(w.ctx, l)).Resources
				w.checkOpen(l)

				found, s, _ := w.survey(w.p, l)
				if len(found) != 1 || flags(found[l.ID]) != whole {
					w.Errorf("found %v", found)
				}
				w.wantUnproven(s, tags[provisioner.TagLease], other.ec2()...)
				w.close(l)
				w.same(before)
				if found, _, _ := w.survey(w.p); len(found) != 0 {
					w.Errorf("found after closing: %v", found)
				}
				// And when the store has forgotten what it had.
				l.Resources = sshforward.Resources{}
				w.close(l)
				w.same(before)
			})
		})
	}
}

// Somebody describes rules of theirs as the lease's, too, and gives them its tags:
// what they let in is not the lease's group, or not at one port, or not in.
func TestForgedDescriptions(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		other := w.addTheirs()
		const described = "sshforward k7m2q9x"
		addresses, ports := cidr("tcp", 2222, "0.0.0.0/0"), fromGroup(5000, l.Resources.GroupID, described)
		addresses.IpRanges[0].Description = aws.String(described)
		ports.ToPort = aws.Int32(5009)
		udp := fromGroup(5353, l.Resources.GroupID, described)
		udp.IpProtocol = aws.String("udp")
		w.authorize(other.db, false, addresses, fromGroup(2223, other.app, described))
		w.authorize(other.db, false, ports)
		w.authorize(other.db, false, udp)
		w.authorize(other.db, true, fromGroup(22, l.Resources.GroupID, described))
		var ids []string
		for _, r := range w.rulesWhere(func(r types.SecurityGroupRule) bool {
			return *r.GroupId == other.db && *r.IpProtocol != "-1" && *r.SecurityGroupRuleId != other.toDB
		}) {
			ids = append(ids, *r.SecurityGroupRuleId)
		}
		w.tag(provisioner.Tags(deployment, l), "", ids...)
		before := w.rulesIn(other.db)
		l.Resources = must(w.p.Mend(w.ctx, l)).Resources
		found, s, _ := w.survey(w.p, l)
		if got := flags(found[l.ID]); got != whole {
			w.Errorf("found %s", got)
		}
		w.wantUnproven(s, l.ID, ids...)
		w.startClosing(l)
		for range 3 {
			step, err := w.p.Close(w.ctx, l)
			if err != nil {
				w.Fatal(err)
			}
			if l.Resources = step.Resources; step.Wait == 0 {
				break // moto lets the group go
			}
			w.sleep(step.Wait)
		}
		if diff := cmp.Diff(before, w.rulesIn(other.db)); diff != "" || len(ids) != 5 {
			w.Errorf("what is not ours has changed:\n%s", diff)
		}
		w.revoke(other.db, func(r types.SecurityGroupRule) bool { // theirs to do
			return r.ReferencedGroupInfo != nil && *r.ReferencedGroupInfo.GroupId != other.app
		})
		w.close(l)
	})
}

// rulesIn are a group's rules, in words.
func (w *world) rulesIn(group string) []string {
	w.Helper()
	var out []string
	for _, r := range w.rulesWhere(func(r types.SecurityGroupRule) bool { return *r.GroupId == group }) {
		out = append(out, string(must(json.Marshal(r))))
	}
	slices.Sort(out)
	return out
}

// wantUnproven fails the test unless a survey reports each of these, with why.
func (w *world) wantUnproven(s sshforward.Survey, lease string, ids ...string) {
	w.Helper()
	var got []string
	for _, u := range s.Unproven {
		got = append(got, u.ID)
		if u.Kind == "" || u.Why == "" || u.Lease != lease {
			w.Errorf("reported as %+v", u)
		}
	}
	slices.Sort(got)
	slices.Sort(ids)
	if !slices.Equal(got, ids) {
		w.Errorf("reported %q, want %q", got, ids)
	}
}

// The rule's id that the store has recorded is another team's by now: somebody
// has made something else of the rule, which keeps its id, or of the record.
func TestRecordedRuleOfOthers(t *testing.T) {
	for name, pick := range map[string]func(theirs) (group, rule string){
		"addresses": func(o theirs) (string, string) { return o.web, o.public },
		"a group":   func(o theirs) (string, string) { return o.db, o.toDB },
	} {
		inFakeNamed(t, name, worldOptions{}, func(w *world) {
			other := w.addTheirs()
			before := w.everything()
			l := w.lease("web-1")
			w.open(l)
			l.Resources.InstanceGroupID, l.Resources.InstanceRuleID = pick(other)
			l.ExpiresAt = l.ExpiresAt.Add(l.Duration)
			must(w.p.Extend(w.ctx, l))
			found, _, _ := w.survey(w.p, l)
			if got := flags(found[l.ID]); got != "balancer group registered rule" {
				w.Errorf("found %s", got)
			}
			forgetful := l.Clone()
			l.Resources = must(w.p.Mend(w.ctx, l)).Resources
			w.checkOpen(l) // with its own rule, as recorded again
			w.close(forgetful)
			w.same(before)
		})
	}
}

// What somebody else let the lease's group in by is not ours to revoke; closing
// says what holds the group, and ends when that is gone.
func TestSomebodyLetsTheLeasesGroupIn(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		other := w.addTheirs()
		w.authorize(other.db, false, fromGroup(5432, l.Resources.GroupID, "a mistake"))
		rule := *w.rulesWhere(func(r types.SecurityGroupRule) bool { return aws.ToString(r.Description) == "a mistake" })[0].SecurityGroupRuleId
		w.startClosing(l)
		for range 100 {
			step, err := w.p.Close(w.ctx, l)
			if err != nil || step.Wait == 0 {
				w.Fatalf("%+v, %v", step, err)
			}
			l.Resources, l.Detail = step.Resources, step.Detail
			w.sleep(step.Wait)
		}
		if !strings.Contains(l.Detail.String(), rule) || !strings.Contains(l.Detail.String(), other.db) || !l.Resources.BalancerGone {
			w.Errorf("detail %q, %+v", l.Detail, l.Resources)
		}
		w.cloud.Home().RemoveRule(rule)
		w.close(l)
	})
}

// Things of a lease's name that neither a tag nor a record says are ours are
// nobody's.
func TestNamesakes(t *testing.T) {
	both(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		name := sshforward.Name(deployment, l.ID)
		group := *must(w.ec2.CreateSecurityGroup(w.ctx, &ec2.CreateSecurityGroupInput{
			VpcId: &w.vpc, GroupName: &name, Description: aws.String("theirs"),
		})).GroupId
		must(w.elb.CreateLoadBalancer(w.ctx, &elb.CreateLoadBalancerInput{
			LoadBalancerName: &name, Subnets: []string{w.public}, SecurityGroups: []string{group},
			Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 22, InstancePort: aws.Int32(22)}},
		}))
		w.authorize(w.group, false, fromGroup(22, group, "sshforward "+l.ID))
		before := w.everything()
		for _, stored := range [][]*sshforward.Lease{nil, {l}} {
			if found, s, _ := w.survey(w.p, stored...); len(found) != 0 || len(s.Unproven) != 0 {
				w.Errorf("found %v, %v", found, s.Unproven)
			}
		}
		w.close(l)
		w.same(before)
	})
}
