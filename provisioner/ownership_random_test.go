package provisioner_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// Whatever of the bot's tags are put on whatever others have, in any
// combination, nothing of it is ever changed, and every lease opens and closes.
func TestRandomTaggings(t *testing.T) {
	for seed := range uint64(testenv.UnlessRaced(40, 2)) {
		inFakeNamed(t, fmt.Sprint("seed ", seed), withDeadMan(), func(w *world) {
			rnd := rand.New(rand.NewPCG(seed, 10))
			l := w.lease("web-1")
			ids, balancers := w.addRandomThings(rnd)
			w.tagRandomly(rnd, l, ids, balancers)
			before := w.everything()
			w.open(l)
			w.checkOpen(l)
			for range 3 {
				switch rnd.IntN(4) {
				case 0:
					w.restart()
				case 1:
					l.ExpiresAt = l.ExpiresAt.Add(l.Duration)
					l.Resources = must(w.p.Extend(w.ctx, l)).Resources
				case 2:
					w.revoke(w.group, func(r types.SecurityGroupRule) bool {
						return r.ReferencedGroupInfo != nil && *r.ReferencedGroupInfo.GroupId == l.Resources.GroupID
					})
					l.Resources = must(w.p.Mend(w.ctx, l)).Resources
				case 3:
					if rnd.IntN(2) == 0 {
						l.Resources.InstanceRuleID = ids[rnd.IntN(len(ids))]
					}
				}
			}
			found, _, _ := w.survey(w.p)
			if len(found) != 1 || flags(found[l.ID]) != whole {
				w.Errorf("found %v", found)
			}
			if rnd.IntN(3) == 0 { // from what a survey says
				l = found[l.ID].Lease
				l.State = sshforward.Open
			}
			w.close(l)
			w.same(before)
		})
	}
}

// addRandomThings adds what others may have, and returns its EC2 ids and load
// balancers.
func (w *world) addRandomThings(rnd *rand.Rand) (ids, balancers []string) {
	w.Helper()
	groups := []string{w.group}
	for i := range 2 + rnd.IntN(4) {
		groups = append(groups, *must(w.ec2.CreateSecurityGroup(w.ctx, &ec2.CreateSecurityGroupInput{
			VpcId: &w.vpc, GroupName: aws.String(fmt.Sprintf("sshforward-%s-shop-%d", deployment, i)), Description: aws.String("sshforward k7m2q9x"),
		})).GroupId)
	}
	for i := range 3 + rnd.IntN(8) {
		group, port := groups[rnd.IntN(len(groups))], []int32{22, 443, 5432}[rnd.IntN(3)]+int32(i)*10000%60000
		switch rnd.IntN(4) {
		case 0:
			w.authorize(group, false, cidr("tcp", port, []string{"0.0.0.0/0", "10.0.0.0/8", "203.0.113.7/32"}[rnd.IntN(3)]))
		case 1:
			w.authorize(group, false, fromGroup(port, groups[rnd.IntN(len(groups))], []string{"app to database", "sshforward", ""}[rnd.IntN(3)]))
		case 2:
			w.authorize(group, true, fromGroup(port, groups[rnd.IntN(len(groups))], "out"))
		case 3: // what it lets in is gone
			w.cloud.Home().AddRule(fakeaws.Rule{Group: group, Protocol: "tcp", From: int(port), To: int(port),
				Source: "sg-0123456789abcdef0", Description: []string{"app to database", "sshforward", ""}[rnd.IntN(3)]})
		}
	}
	for _, r := range w.rules() {
		if slices.Contains(groups, *r.GroupId) {
			ids = append(ids, *r.SecurityGroupRuleId)
		}
	}
	for i := range 1 + rnd.IntN(3) {
		name := fmt.Sprintf("shop-%d", i)
		must(w.elb.CreateLoadBalancer(w.ctx, &elb.CreateLoadBalancerInput{
			LoadBalancerName: &name, Subnets: []string{w.public}, SecurityGroups: groups[:1],
			Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 443, InstancePort: aws.Int32(443)}},
		}))
		balancers = append(balancers, name)
	}
	return append(ids, groups...), balancers
}

// tagRandomly puts tags of a lease's on some of it: of the live one, of one that
// nobody knows, of another deployment's, of what is no lease.
func (w *world) tagRandomly(rnd *rand.Rand, l *sshforward.Lease, ids, balancers []string) {
	w.Helper()
	all := provisioner.Tags(deployment, l)
	keys := slices.Sorted(maps.Keys(all))
	some := func() map[string]string {
		tags := map[string]string{provisioner.TagDeployment: []string{deployment, deployment, deployment, "other"}[rnd.IntN(4)]}
		for range rnd.IntN(len(keys)) {
			k := keys[rnd.IntN(len(keys))]
			tags[k] = all[k]
		}
		tags[provisioner.TagLease] = []string{l.ID, l.ID, "zzzzzzz", "../x", ""}[rnd.IntN(5)]
		return tags
	}
	for _, id := range ids {
		if rnd.IntN(2) == 0 {
			w.tag(some(), "", id)
		}
	}
	for _, name := range balancers {
		w.tag(some(), name)
	}
}
