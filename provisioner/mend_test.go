package provisioner_test

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

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

// drifts are what somebody else can do to an open lease, and what a survey says
// of it then.
var drifts = []struct {
	name, seen string
	do         func(w *world, l *sshforward.Lease)
}{
	{"nothing", whole, func(*world, *sshforward.Lease) {}},
	{"a source is gone", whole, func(w *world, l *sshforward.Lease) {
		w.revoke(l.Resources.GroupID, func(r types.SecurityGroupRule) bool { return aws.ToString(r.CidrIpv4) == "203.0.113.7/32" })
	}},
	{"all sources are gone", whole, func(w *world, l *sshforward.Lease) {
		w.revoke(l.Resources.GroupID, func(r types.SecurityGroupRule) bool { return !*r.IsEgress })
	}},
	{"the way out is gone", "balancer deadman group registered", func(w *world, l *sshforward.Lease) {
		w.revoke(l.Resources.GroupID, func(r types.SecurityGroupRule) bool { return *r.IsEgress })
	}},
	{"the way out is everywhere", "balancer deadman group registered widened", func(w *world, l *sshforward.Lease) {
		w.revoke(l.Resources.GroupID, func(r types.SecurityGroupRule) bool { return *r.IsEgress })
		w.authorize(l.Resources.GroupID, true, cidr("-1", 0, "0.0.0.0/0"))
	}},
	{"the rule at the instance is gone", "balancer deadman group registered", func(w *world, l *sshforward.Lease) {
		w.revoke(w.group, func(r types.SecurityGroupRule) bool { return *r.SecurityGroupRuleId == l.Resources.InstanceRuleID })
	}},
	{"the instance is deregistered", "balancer deadman group rule", func(w *world, l *sshforward.Lease) {
		must(w.elb.DeregisterInstancesFromLoadBalancer(w.ctx, &elb.DeregisterInstancesFromLoadBalancerInput{
			LoadBalancerName: aws.String(sshforward.Name(deployment, l.ID)), Instances: []elbtypes.Instance{{InstanceId: aws.String(w.web)}},
		}))
	}},
	{"the world is let in", whole + " widened", func(w *world, l *sshforward.Lease) {
		w.authorize(l.Resources.GroupID, false, cidr("tcp", 22, "0.0.0.0/0"))
	}},
	{"another port is let in", whole + " widened", func(w *world, l *sshforward.Lease) {
		w.authorize(l.Resources.GroupID, false, cidr("tcp", 443, "203.0.113.7/32"), cidr("udp", 22, "203.0.113.7/32"))
	}},
	{"a group is let in", whole + " widened", func(w *world, l *sshforward.Lease) {
		p := cidr("tcp", 22, "")
		p.IpRanges, p.UserIdGroupPairs = nil, []types.UserIdGroupPair{{GroupId: aws.String(w.group)}}
		w.authorize(l.Resources.GroupID, false, p)
	}},
	{"a source is let in by somebody else", whole + " widened", func(w *world, l *sshforward.Lease) {
		w.revoke(l.Resources.GroupID, func(r types.SecurityGroupRule) bool { return aws.ToString(r.CidrIpv4) == "203.0.113.7/32" })
		w.authorize(l.Resources.GroupID, false, cidr("tcp", 22, "203.0.113.7/32"))
	}},
	{"another instance is registered", whole + " widened", func(w *world, l *sshforward.Lease) { w.registerOther(l) }},
	{"another instance in place of the lease's", "balancer deadman group rule widened", func(w *world, l *sshforward.Lease) {
		w.registerOther(l)
		must(w.elb.DeregisterInstancesFromLoadBalancer(w.ctx, &elb.DeregisterInstancesFromLoadBalancerInput{
			LoadBalancerName: aws.String(sshforward.Name(deployment, l.ID)), Instances: []elbtypes.Instance{{InstanceId: aws.String(w.web)}},
		}))
	}},
	{"the dead-man switch is gone", "balancer group registered rule", func(w *world, l *sshforward.Lease) {
		w.unschedule(l)
	}},
	{"everything at once", "balancer deadman group widened", func(w *world, l *sshforward.Lease) {
		w.revoke(l.Resources.GroupID, func(types.SecurityGroupRule) bool { return true })
		w.revoke(w.group, func(r types.SecurityGroupRule) bool { return *r.SecurityGroupRuleId == l.Resources.InstanceRuleID })
		w.authorize(l.Resources.GroupID, false, cidr("-1", 0, "0.0.0.0/0"))
		w.authorize(l.Resources.GroupID, true, cidr("tcp", 22, "10.1.2.0/24"))
		must(w.elb.DeregisterInstancesFromLoadBalancer(w.ctx, &elb.DeregisterInstancesFromLoadBalancerInput{
			LoadBalancerName: aws.String(sshforward.Name(deployment, l.ID)), Instances: []elbtypes.Instance{{InstanceId: aws.String(w.web)}},
		}))
	}},
}

// registerOther puts another instance behind a lease's load balancer.
func (w *world) registerOther(l *sshforward.Lease) {
	w.Helper()
	must(w.elb.RegisterInstancesWithLoadBalancer(w.ctx, &elb.RegisterInstancesWithLoadBalancerInput{
		LoadBalancerName: aws.String(sshforward.Name(deployment, l.ID)), Instances: []elbtypes.Instance{{InstanceId: aws.String(w.app)}},
	}))
}

// revoke and authorize are what somebody else does.
func (w *world) revoke(group string, which func(types.SecurityGroupRule) bool) {
	w.Helper()
	for _, r := range w.rules() {
		if *r.GroupId != group || !which(r) {
			continue
		}
		ids := []string{*r.SecurityGroupRuleId}
		if *r.IsEgress {
			must(w.ec2.RevokeSecurityGroupEgress(w.ctx, &ec2.RevokeSecurityGroupEgressInput{GroupId: &group, SecurityGroupRuleIds: ids}))
		} else {
			must(w.ec2.RevokeSecurityGroupIngress(w.ctx, &ec2.RevokeSecurityGroupIngressInput{GroupId: &group, SecurityGroupRuleIds: ids}))
		}
	}
}

func (w *world) authorize(group string, egress bool, permissions ...types.IpPermission) {
	w.Helper()
	if egress {
		must(w.ec2.AuthorizeSecurityGroupEgress(w.ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: &group, IpPermissions: permissions}))
		return
	}
	must(w.ec2.AuthorizeSecurityGroupIngress(w.ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: permissions}))
}

func cidr(protocol string, port int32, addresses string) types.IpPermission {
	p := types.IpPermission{IpProtocol: aws.String(protocol), IpRanges: []types.IpRange{{CidrIp: aws.String(addresses)}}}
	if protocol != "-1" {
		p.FromPort, p.ToPort = aws.Int32(port), aws.Int32(port)
	}
	return p
}

// Whatever was done to it, a mended lease is as it was opened, the group of the
// instance has no other rules than before, and closing leaves nothing.
func TestMend(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		before := w.foreign()
		one := w.lease("web-1")
		some := slices.Clone(drifts)
		if w.cloud == nil { // slower, and one more opinion on the calls; they are the same in many of them
			rand.Shuffle(len(some), func(i, j int) { some[i], some[j] = some[j], some[i] })
			some = some[:motoDrifts]
		}
		some = testenv.Thinned(some, 4)
		for _, d := range some {
			w.Log(d.name)
			l := one.Clone()
			l.ID = sshforward.NewID()
			w.open(l)
			known := l.Resources.InstanceRuleID
			d.do(w, l)
			f := w.found(l)
			if got := flags(f); got != d.seen {
				w.Errorf("%s: seen as %s, want %s", d.name, got, d.seen)
			}
			if gone := strings.Contains(d.name, "gone") && strings.Contains(d.name, "source"); gone && len(f.Ingress) >= len(l.Sources) {
				w.Errorf("%s: ingress %v", d.name, f.Ingress)
			}
			for range 2 {
				step, err := w.p.Mend(w.ctx, l)
				if err != nil || step.Wait != 0 {
					w.Fatalf("%s: %+v, %v", d.name, step, err)
				}
				l.Resources = step.Resources
			}
			lost := strings.Contains(d.name, "at the instance") || strings.Contains(d.name, "everything at once")
			if same := l.Resources.InstanceRuleID == known; same == lost {
				w.Errorf("%s: the rule was %s and is %s", d.name, known, l.Resources.InstanceRuleID)
			}
			w.checkOpen(l)
			if f := w.found(l); flags(f) != whole || len(f.Ingress) != 2 || len(f.Lease.Sources) != 2 {
				w.Errorf("%s: mended it is %s, %v, %v", d.name, flags(f), f.Ingress, f.Lease.Sources)
			}
			w.close(l)
			w.clean(before)
		}
	})
}

// motoDrifts is how many of the drifts are tried on moto each time.
const motoDrifts = 4

// A lease that is as it should be is only looked at, apart from the dead-man
// switch, which cannot be seen to be right.
func TestMendNothing(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		w.calls.take()
		step := must(w.p.Mend(w.ctx, l))
		if step.Resources != l.Resources {
			w.Errorf("resources %+v, were %+v", step.Resources, l.Resources)
		}
		calls := w.calls.take()
		for _, c := range calls {
			if !strings.Contains(c, ":Describe") {
				w.Errorf("%s", c)
			}
		}
		w.Logf("%d calls", len(calls))
	})
}

// The instance was given other groups: the rule goes there, and is taken out of
// the one where it lets nobody in any more. Other people's rules stay.
func TestMendFollowsTheInstance(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		h := w.cloud.Home()
		w.open(l)
		other := h.AddGroup(w.vpc, "other", nil)
		h.SetGroups(w.web, other)
		if got := flags(w.found(l)); got != "balancer group registered" {
			w.Errorf("seen as %s", got)
		}
		l.Resources = must(w.p.Mend(w.ctx, l)).Resources
		if l.Resources.InstanceGroupID != other || flags(w.found(l)) != "balancer group registered rule" {
			w.Errorf("mended: %+v", l.Resources)
		}
		h.SetGroups(w.web, w.group)
		l.Resources = must(w.p.Mend(w.ctx, l)).Resources
		w.checkOpen(l)
		if slices.ContainsFunc(h.Rules(), func(r fakeaws.Rule) bool { return r.Group == other && r.Source != "" }) {
			w.Error("the rule in the other group is still there")
		}
		w.close(l)
		must(w.ec2.DeleteSecurityGroup(w.ctx, &ec2.DeleteSecurityGroupInput{GroupId: &other}))
		w.clean(before)
	})
}

// Somebody has made something else of our rule in the instance's group, which
// keeps its tags: that is theirs now and stays, and the right one is made.
func TestMendChangedRule(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		h := w.cloud.Home()
		h.RemoveRule(l.Resources.InstanceRuleID)
		changed := h.AddRule(fakeaws.Rule{
			Group: w.group, Protocol: "tcp", From: 22, To: 22, CIDR: "0.0.0.0/0",
			Description: "sshforward " + l.ID, Tags: provisioner.Tags(deployment, l),
		})
		found, s, _ := w.survey(w.p, l)
		if got := flags(found[l.ID]); got != "balancer group registered" {
			w.Errorf("seen as %s", got)
		}
		w.wantUnproven(s, l.ID, changed)
		l.Resources = must(w.p.Mend(w.ctx, l)).Resources
		w.checkOpen(l)
		w.close(l)
		if left := w.leftovers(); len(left) != 1 || !strings.Contains(left[0], changed) {
			w.Errorf("left over: %q, want %s", left, changed)
		}
	})
}

// Each call of a mending may fail in all the ways that pass, and the next one
// makes it whole.
func TestMendChaos(t *testing.T) {
	for seed := uint64(1); seed <= uint64(testenv.UnlessRaced(8, 2)); seed++ {
		inFakeNamed(t, fakeaws.NewChaos(seed, 0.3).String(), withDeadMan(), func(w *world) {
			before := w.foreign()
			l := w.lease("web-1")
			w.open(l)
			drifts[len(drifts)-1].do(w, l)
			w.cloud.SetFault(fakeaws.NewChaos(seed, 0.3).Fault)
			for try := 0; ; try++ {
				step, err := w.p.Mend(w.ctx, l)
				if err == nil {
					l.Resources = step.Resources
					break
				}
				if try > 30 || sshforward.Final(err) {
					w.Fatal(err)
				}
				time.Sleep(5 * time.Second)
			}
			w.cloud.SetFault(nil)
			w.checkOpen(l)
			w.close(l)
			w.clean(before)
		})
	}
}
