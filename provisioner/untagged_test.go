package provisioner_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
)

// strip removes our tags from the lease's load balancer, as somebody's clean-up
// script would.
func (w *world) strip(l *sshforward.Lease, keys ...string) {
	w.Helper()
	name := sshforward.Name(deployment, l.ID)
	if len(keys) == 0 {
		for k := range w.tags(l)["balancer"] {
			keys = append(keys, k)
		}
	}
	var tags []elbtypes.TagKeyOnly
	for _, k := range keys {
		tags = append(tags, elbtypes.TagKeyOnly{Key: aws.String(k)})
	}
	must(w.elb.RemoveTags(w.ctx, &elb.RemoveTagsInput{LoadBalancerNames: []string{name}, Tags: tags}))
}

// balancer is the lease's load balancer as it stands there.
func (w *world) balancer(l *sshforward.Lease) []elbtypes.LoadBalancerDescription {
	w.Helper()
	return slices.DeleteFunc(must(w.elb.DescribeLoadBalancers(w.ctx, &elb.DescribeLoadBalancersInput{})).LoadBalancerDescriptions,
		func(b elbtypes.LoadBalancerDescription) bool {
			return *b.LoadBalancerName != sshforward.Name(deployment, l.ID)
		})
}

// bothOr runs a test in moto only where that is worth the time.
func bothOr(t *testing.T, moto bool, o worldOptions, test func(w *world)) {
	if moto {
		both(t, o, test)
		return
	}
	inFake(t, o, test)
}

// rulesOf counts the rules of the lease's group, and those in others that refer
// to it.
func (w *world) rulesOf(l *sshforward.Lease) (n int) {
	for _, r := range w.rules() {
		if *r.GroupId == l.Resources.GroupID || r.ReferencedGroupInfo != nil && *r.ReferencedGroupInfo.GroupId == l.Resources.GroupID {
			n++
		}
	}
	return n
}

// A load balancer that AWS does not let the bot delete still forwards. Its access
// is cut off as far as that is the bot's to do, and closing fails, and says what
// is missing, until the permission is there.
func TestCloseCutsOffWhatItMayNotDelete(t *testing.T) {
	inFake(t, withDeadMan(), func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.open(l)
		was := w.balancer(l)
		w.cloud.Deny("elasticloadbalancing:DeleteLoadBalancer")
		w.cloud.Deny("elasticloadbalancing:DeregisterInstancesFromLoadBalancer")
		w.startClosing(l)
		for pass := range 3 {
			if pass == 2 {
				l.Resources = sshforward.Resources{} // names and tags say the same
			}
			step, err := w.p.Close(w.ctx, l)
			w.wantCode(err, sshforward.EFORBIDDEN)
			m := sshforward.ErrorMessage(err).String()
			if !strings.Contains(m, "elasticloadbalancing:DeleteLoadBalancer") || !strings.Contains(m, "No new connection") {
				w.Errorf("message %q", m)
			}
			if r := step.Resources; r.BalancerGone || !r.RuleGone || r.GroupGone {
				w.Errorf("pass %d: %+v", pass, r)
			}
			l.Resources = step.Resources
		}
		l.Resources.GroupID = was[0].SecurityGroups[0]
		if n := w.rulesOf(l); n != 0 {
			w.Errorf("%d rules are left", n)
		}
		if _, err := w.cloud.Home().Route(sshforward.Name(deployment, l.ID), netip.MustParseAddr("203.0.113.7"), 22); err == nil {
			w.Error("it lets people in")
		}
		if left := strings.Join(w.leftovers(), " "); !strings.Contains(left, "schedule") {
			w.Errorf("the dead-man switch is gone: %s", left)
		}
		w.cloud.Allow("elasticloadbalancing:DeleteLoadBalancer")
		w.close(l)
		w.clean(before)
	})
}

func (w *world) deleteBalancer(l *sshforward.Lease) {
	w.Helper()
	must(w.elb.DeleteLoadBalancer(w.ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: aws.String(sshforward.Name(deployment, l.ID))}))
}

// What cannot be cut off is not said to be.
func TestCloseWithoutAnyPermission(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		w.cloud.Deny("elasticloadbalancing:DeleteLoadBalancer")
		w.cloud.Deny("ec2:RevokeSecurityGroupEgress")
		w.startClosing(l)
		step, err := w.p.Close(w.ctx, l)
		w.wantCode(err, sshforward.EFORBIDDEN)
		m := sshforward.ErrorMessage(err).String()
		if step.Resources.BalancerGone || !strings.Contains(m, "may still let people in") || strings.Contains(m, "No new connection") {
			w.Errorf("%+v, message %q", step.Resources, m)
		}
	})
}

// One that was taken for gone when nobody saw it holds the group; it is found by
// the group that it uses, when it has lost its tags too.
func TestCloseFindsLatecomerWithoutTags(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.open(l)
		w.strip(l)
		w.startClosing(l)
		l.Resources.BalancerGone, l.Resources.DNSName = true, ""
		w.close(l)
		w.clean(before)
	})
}

// Its tags were taken away, and it was given another group: AWS has given its DNS
// name once, and the store has recorded that.
func TestBalancerKnownByItsDNSNameAlone(t *testing.T) {
	inFake(t, withDeadMan(), func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.open(l)
		w.strip(l)
		must(w.elb.ApplySecurityGroupsToLoadBalancer(w.ctx, &elb.ApplySecurityGroupsToLoadBalancerInput{
			LoadBalancerName: aws.String(sshforward.Name(deployment, l.ID)), SecurityGroups: []string{w.group},
		}))
		found, _, _ := w.survey(w.p, l)
		if got := flags(found[l.ID]); got != whole {
			w.Errorf("found %s", got)
		}
		w.close(l)
		w.clean(before)
	})
}

// One without tags that uses another group is not the lease's access, though it
// has the name: AWS has given it another DNS name than the recorded one. It is
// left alone, and the lease's own things go. In moto all DNS names are alike.
func TestCloseWithoutTagsAndGroup(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		w.deleteBalancer(l)
		must(w.elb.CreateLoadBalancer(w.ctx, &elb.CreateLoadBalancerInput{
			LoadBalancerName: aws.String(sshforward.Name(deployment, l.ID)), Subnets: []string{w.public}, SecurityGroups: []string{w.group},
			Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 22, InstancePort: aws.Int32(22)}},
		}))
		w.close(l)
		if b := w.balancer(l); len(b) != 1 {
			w.Error("somebody else's load balancer was deleted")
		}
	})
}

// From above it is there, with what its group's tags say, so that its lease
// ends when it should and not as one that somebody has deleted.
func TestSurveyWithoutTags(t *testing.T) {
	for _, keys := range [][]string{nil, {provisioner.TagDeployment}, {provisioner.TagLease}} {
		t.Run(strings.Join(keys, " "), func(t *testing.T) {
			bothOr(t, keys == nil, withDeadMan(), func(w *world) {
				l := w.lease("web-1")
				w.open(l)
				w.strip(l, keys...)
				f := w.found(l)
				if got := flags(f); got != whole {
					w.Errorf("found %s", got)
				}
				got := f.Lease
				if got.State != sshforward.Open || got.Resources.DNSName != l.Resources.DNSName || got.Placement.Subnet != w.public {
					w.Errorf("lease %+v", got)
				}
				if early := got.ExpiresAt.Sub(l.Resources.Until); early < 0 || early >= time.Second {
					w.Errorf("it ends at %v, want %v", got.ExpiresAt, l.Resources.Until)
				}
			})
		})
	}
}

// It is mended as any other.
func TestMendWithoutTags(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		w.strip(l)
		w.authorize(l.Resources.GroupID, false, cidr("tcp", 22, "0.0.0.0/0"))
		must(w.elb.DeregisterInstancesFromLoadBalancer(w.ctx, &elb.DeregisterInstancesFromLoadBalancerInput{
			LoadBalancerName: aws.String(sshforward.Name(deployment, l.ID)), Instances: []elbtypes.Instance{{InstanceId: aws.String(w.web)}},
		}))
		w.revoke(l.Resources.GroupID, func(r types.SecurityGroupRule) bool { return *r.IsEgress })
		if _, err := w.p.Mend(w.ctx, l); err != nil {
			w.Fatal(err)
		}
		if got := flags(w.found(l)); got != whole {
			w.Errorf("mended it is %s", got)
		}
	})
}
