package provisioner_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// survey looks and returns what was found by lease, and the calls it took.
func (w *world) survey(p *provisioner.Provisioner, stored ...*sshforward.Lease) (map[string]sshforward.Found, sshforward.Survey, []string) {
	w.Helper()
	w.calls.take()
	s, err := p.Survey(w.ctx, "main", stored)
	if err != nil {
		w.Fatalf("survey: %v", err)
	}
	out := map[string]sshforward.Found{}
	for _, f := range s.Found {
		if _, twice := out[f.Lease.ID]; twice {
			w.Errorf("lease %s is found twice", f.Lease.ID)
		}
		out[f.Lease.ID] = f
	}
	return out, s, w.calls.take()
}

func (w *world) found(l *sshforward.Lease) sshforward.Found {
	w.Helper()
	all, _, _ := w.survey(w.p)
	f, ok := all[l.ID]
	if !ok {
		w.Fatalf("lease %s is not found", l.ID)
	}
	return f
}

// flags are what a Found says that is not a lease.
func flags(f sshforward.Found) string {
	var out []string
	for what, is := range map[string]bool{
		"balancer": f.Balancer, "registered": f.Registered, "group": f.Group, "rule": f.Rule, "widened": f.Widened, "deadman": f.DeadMan,
	} {
		if is {
			out = append(out, what)
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// whole is what flags says of an open lease with a dead-man switch.
const whole = "balancer deadman group registered rule"

// An account that has nothing costs three calls.
func TestSurveyOfNothing(t *testing.T) {
	both(t, worldOptions{}, func(w *world) {
		if _, _, calls := w.survey(w.p); len(calls) != 3 {
			w.Errorf("%d calls: %q", len(calls), calls)
		}
	})
}

// What a lease has is read with the lease, and costs few calls.
func TestSurveyOfOne(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		found, s, calls := w.survey(w.p, l)
		f := found[l.ID]
		if got := flags(f); got != whole {
			w.Errorf("found %s", got)
		}
		if got := f.Lease; got.Card.TS != l.Card.TS || got.Placement.Subnet != w.public {
			w.Errorf("lease %+v", got)
		}
		was, is := l.Resources, f.Lease.Resources
		if is.GroupID != was.GroupID || is.InstanceRuleID != was.InstanceRuleID || is.InstanceGroupID != w.group ||
			is.DNSName != was.DNSName || !is.Until.Equal(f.Lease.ExpiresAt) {
			w.Errorf("resources %+v, want %+v", is, was)
		}
		if in := s.Instances[w.web]; len(s.Instances) != 1 || in.PrivateIP.String() != "10.1.2.94" {
			w.Errorf("instances %+v", s.Instances)
		}
		if len(calls) != 7 { // six, and one for the dead-man switches
			w.Errorf("%d calls: %q", len(calls), calls)
		}
		w.Logf("%d calls", len(calls))
	})
}

// A lease that died at any stage is found, with what it has by then.
func TestSurveyOfPartialLeases(t *testing.T) {
	want := map[sshforward.Stage]string{
		sshforward.StageGroup: "", sshforward.StageBalancer: "deadman group widened", sshforward.StageHealth: "balancer deadman group rule",
		sshforward.StageRegister: "balancer deadman group rule", sshforward.StageService: whole,
		sshforward.StageName: whole, sshforward.StageClock: whole,
	}
	both(t, withDeadMan(), func(w *world) {
		all := map[string]sshforward.Stage{}
		one := w.lease("web-1")
		for _, s := range openStages {
			l := one.Clone()
			l.ID = sshforward.NewID()
			w.upTo(l, s)
			all[l.ID] = s
		}
		found, _, calls := w.survey(w.p)
		for id, stage := range all {
			f, ok := found[id]
			if got := ""; ok {
				if got = flags(f); got != want[stage] {
					w.Errorf("before %s: %s, want %s", stage, got, want[stage])
				}
				if f.Lease.State != sshforward.Opening || f.Lease.ExpiresAt.IsZero() || f.Lease.Instance.ID != w.web {
					w.Errorf("before %s: %+v", stage, f.Lease)
				}
			} else if want[stage] != "" {
				w.Errorf("before %s: not found", stage)
			}
		}
		if len(calls) > 7 {
			w.Errorf("%d calls: %q", len(calls), calls)
		}
	})
}

// What others have, or another deployment has, is not ours by name; two that
// have a prefix in common least of all.
func TestSurveyOfSeveralDeployments(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		mine := w.p
		leases := map[string]*sshforward.Lease{}
		for _, deployment := range []string{deployment, deployment + "-2", "other"} {
			w.p = w.another(deployment)
			l := w.lease("web-1")
			l.ID = sshforward.NewID()
			w.open(l)
			leases[deployment] = l
		}
		// Somebody names things as we do.
		must(w.elb.CreateLoadBalancer(w.ctx, &elb.CreateLoadBalancerInput{
			LoadBalancerName: aws.String(sshforward.Name(deployment, "abcdefg")), Subnets: []string{w.public}, SecurityGroups: []string{w.group},
			Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 22, InstancePort: aws.Int32(22)}},
		}))
		must(w.ec2.CreateSecurityGroup(w.ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String(sshforward.Name(deployment, "abcdefh")), Description: aws.String("ours"), VpcId: aws.String(w.vpc),
		}))
		for name, l := range leases {
			found, _, _ := w.survey(w.another(name))
			if len(found) != 1 || flags(found[l.ID]) != whole {
				w.Errorf("%s finds %+v", name, found)
			}
		}
		w.p = mine
	})
}

// Twenty leases cost as much as one, whatever else is there; only ELB's page
// and what one call of DescribeTags takes count.
func TestSurveyPages(t *testing.T) {
	o := withDeadMan()
	o.fake = fakeaws.Options{LoadBalancerLimit: 100, PageSize: testenv.UnlessRaced(7, 3), ELBBurst: -1} // many leases are opened in no time
	inFake(t, o, func(w *world) {
		for i := range testenv.UnlessRaced(30, 10) {
			https := fakeaws.Listener{Port: 443, InstancePort: 443}
			w.cloud.Home().AddLoadBalancer(fmt.Sprintf("shop-%d", i), w.public, []string{w.group}, https, nil)
		}
		one := w.lease("web-1")
		ids := map[string]bool{}
		for range testenv.UnlessRaced(23, 7) {
			l := one.Clone()
			l.ID = sshforward.NewID()
			ids[l.ID] = true
			w.open(l)
		}
		found, _, calls := w.survey(w.p)
		for id := range ids {
			if got := flags(found[id]); got != whole {
				w.Errorf("%s: %s", id, got)
			}
		}
		w.Logf("%d calls with pages of %d", len(calls), o.fake.PageSize)
	})
	o.fake = fakeaws.Options{ELBBurst: -1}
	inFake(t, o, func(w *world) {
		one := w.lease("web-1")
		many := testenv.UnlessRaced(19, 4)
		for range many {
			l := one.Clone()
			l.ID = sshforward.NewID()
			w.open(l)
		}
		found, _, calls := w.survey(w.p)
		if len(found) != many || len(calls) > 7 {
			w.Errorf("%d found in %d calls: %q", len(found), len(calls), calls)
		}
	})
}

// What has our tag and no name of ours is reported; what has the name is the
// lease's that the name says, whatever lease the tag does.
func TestSurveyOfMalformedTags(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		h := w.cloud.Home()
		ours := map[string]string{provisioner.TagDeployment: deployment}
		without := h.AddGroup(w.vpc, "without", ours)
		ours[provisioner.TagLease] = "../x"
		odd, alike := h.AddGroup(w.vpc, "odd", ours), h.AddGroup(w.vpc, sshforward.Name(deployment, "not-an-id"), ours)
		ssh := fakeaws.Listener{Port: 22, InstancePort: 22}
		h.AddLoadBalancer(sshforward.Name(deployment, "ILLEGAL"), w.public, []string{w.group}, ssh, ours)
		ours[provisioner.TagLease] = "k7m2q9x"
		h.AddLoadBalancer(sshforward.Name(deployment, "abcdefg"), w.public, []string{w.group}, ssh, ours)
		found, s, _ := w.survey(w.p)
		if f := found["abcdefg"]; len(found) != 1 || !f.Balancer {
			w.Errorf("found %+v", found)
		}
		var got []string
		for _, u := range s.Unproven {
			got = append(got, u.Kind+" "+u.ID+" "+u.Lease)
		}
		slices.Sort(got)
		want := []string{
			"load balancer " + sshforward.Name(deployment, "ILLEGAL") + " ../x",
			"security group " + without + " ", "security group " + odd + " ../x", "security group " + alike + " ../x",
		}
		slices.Sort(want)
		if !slices.Equal(got, want) {
			w.Errorf("reported %q, want %q", got, want)
		}
	})
}

// A process that dies while it moves the end leaves it moved on some things
// only. Then the later one was decided, and the earlier is of the past.
func TestSurveyOfHalfMovedEnd(t *testing.T) {
	for _, deny := range []string{"ec2:CreateTags", "elasticloadbalancing:AddTags"} {
		inFakeNamed(t, deny, worldOptions{}, func(w *world) {
			l := w.lease("web-1")
			w.upTo(l, sshforward.StageName)
			latest := l.End()
			enter(l, sshforward.StageClock)
			w.cloud.Deny(deny)
			if err := w.do(l); err == nil {
				w.Fatal("moved")
			}
			if got := w.found(l).Lease; got.State != sshforward.Open || !got.ExpiresAt.Equal(l.ExpiresAt) || got.ExpiresAt.Equal(latest) {
				w.Errorf("clock: %s until %v, want %v", got.State, got.ExpiresAt, l.ExpiresAt)
			}
			w.cloud.Allow(deny)
			if err := w.do(l); err != nil {
				w.Fatal(err)
			}
			w.cloud.Deny(deny)
			l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
			if _, err := w.p.Extend(w.ctx, l); err == nil {
				w.Fatal("extended")
			}
			if got := w.found(l).Lease; !got.ExpiresAt.Equal(l.ExpiresAt) {
				w.Errorf("extended until %v, want %v", got.ExpiresAt, l.ExpiresAt)
			}
		})
	}
}

// A load balancer that goes between two calls is not there, and hides none of
// the others.
func TestSurveyWhileOneGoes(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		one := w.lease("web-1")
		var ids []string
		for range 3 {
			l := one.Clone()
			l.ID = sshforward.NewID()
			ids = append(ids, l.ID)
			w.open(l)
		}
		var once sync.Once
		w.cloud.SetFault(func(c fakeaws.Call) fakeaws.Fault {
			if c.String() == "elasticloadbalancing:DescribeTags" {
				once.Do(func() { w.cloud.Home().RemoveLoadBalancer(sshforward.Name(deployment, ids[0])) })
			}
			return fakeaws.Fault{}
		})
		found, _, _ := w.survey(w.p)
		for i, id := range ids {
			if f := found[id]; f.Balancer != (i > 0) || !f.Group {
				w.Errorf("%d: %s", i, flags(f))
			}
		}
	})
}
