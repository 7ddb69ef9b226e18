package provisioner_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// upTo does the stages before s, and enters s.
func (w *world) upTo(l *sshforward.Lease, s sshforward.Stage) {
	w.Helper()
	for _, stage := range openStages {
		enter(l, stage)
		if stage == s {
			return
		}
		if err := w.do(l); err != nil {
			w.Fatalf("%s: %v", stage, err)
		}
	}
}

// Somebody else's group of the lease's name is not adopted and not deleted.
func TestForeignGroup(t *testing.T) {
	both(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		must(w.ec2.CreateSecurityGroup(w.ctx, &ec2.CreateSecurityGroupInput{
			VpcId: &w.vpc, GroupName: aws.String(sshforward.Name(deployment, l.ID)), Description: aws.String("not ours"),
		}))
		before := w.foreign()
		w.upTo(l, sshforward.StageGroup)
		err := w.do(l)
		w.wantCode(err, sshforward.EINVALID)
		if l.Resources.GroupID != "" {
			w.Errorf("adopted: %+v", l.Resources)
		}
		w.close(l)
		w.clean(before)
	})
}

// The same for a load balancer, which has nothing but its name to go by.
func TestForeignBalancer(t *testing.T) {
	both(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		name := sshforward.Name(deployment, l.ID)
		must(w.elb.CreateLoadBalancer(w.ctx, &elb.CreateLoadBalancerInput{
			LoadBalancerName: &name, Subnets: []string{w.public}, SecurityGroups: []string{w.group},
			Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 80, InstancePort: aws.Int32(80)}},
			Tags:      []elbtypes.Tag{{Key: aws.String(provisioner.TagDeployment), Value: aws.String("another")}},
		}))
		must(w.elb.RegisterInstancesWithLoadBalancer(w.ctx, &elb.RegisterInstancesWithLoadBalancerInput{
			LoadBalancerName: &name, Instances: []elbtypes.Instance{{InstanceId: &w.web}},
		}))
		before := w.foreign()
		w.upTo(l, sshforward.StageBalancer)
		w.wantCode(w.do(l), sshforward.EINVALID)
		if r := l.Resources; r.DNSName != "" || r.InstanceRuleID == "" {
			w.Errorf("want the rule known and the load balancer not adopted: %+v", r)
		}
		w.close(l)
		if after := w.foreign(); after != before {
			w.Errorf("what is not ours has changed:\n%s\nwas:\n%s", after, before)
		}
	})
}

// A create that succeeds proves nothing: the one that is there may have the
// same settings and be somebody else's. It is not opened with; closing ends it,
// since it lets people in by the lease's group.
func TestForeignBalancerLikeOurs(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageBalancer)
		must(w.elb.CreateLoadBalancer(w.ctx, &elb.CreateLoadBalancerInput{
			LoadBalancerName: aws.String(sshforward.Name(deployment, l.ID)),
			Subnets:          []string{w.public}, SecurityGroups: []string{l.Resources.GroupID},
			Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 22, InstancePort: aws.Int32(22)}},
		}))
		w.wantCode(w.do(l), sshforward.EINVALID)
		w.close(l)
		if _, ok := w.cloud.Home().LoadBalancer(sshforward.Name(deployment, l.ID)); ok {
			w.Error("it lets people in")
		}
	})
}

// One of the sources is let in already, so that AWS refuses them all at once;
// in the end all are there.
func TestSourceExists(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageBalancer)
		w.cloud.Home().AddRule(fakeaws.Rule{Group: l.Resources.GroupID, Protocol: "tcp", From: 22, To: 22, CIDR: "203.0.113.7/32"})
		w.open(l)
		w.checkOpen(l)
		w.close(l)
		w.clean(before)
	})
}

// fill leaves no room for a rule in a group.
func (w *world) fill(group string) {
	for i := range 60 {
		w.cloud.Home().AddRule(fakeaws.Rule{Group: group, Protocol: "tcp", From: 1000 + i, To: 1000 + i, CIDR: "10.0.0.0/8"})
	}
}

func TestRulesLimit(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		h := w.cloud.Home()
		w.fill(w.group)
		spare := h.AddGroup(w.vpc, "spare", nil)
		h.SetGroups(w.web, w.group, spare)
		before := w.foreign()
		l := w.lease("web-1")
		w.open(l)
		if l.Resources.InstanceGroupID != spare {
			w.Errorf("rule in %s, want %s", l.Resources.InstanceGroupID, spare)
		}
		w.close(l)
		w.clean(before)

		w.fill(spare)
		before = w.foreign()
		l = w.lease("web-1")
		w.upTo(l, sshforward.StageBalancer)
		err := w.do(l)
		w.wantCode(err, sshforward.EQUOTA)
		if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, "room") {
			w.Errorf("message %q", m)
		}
		w.close(l)
		w.clean(before)
	})
}

// The quota can be used up between the check and the create. What the other
// calls of the stage have made is known nevertheless.
func TestQuotaAtCreate(t *testing.T) {
	inFake(t, worldOptions{fake: fakeaws.Options{LoadBalancerLimit: 2}}, func(w *world) {
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageBalancer)
		must(w.elb.CreateLoadBalancer(w.ctx, &elb.CreateLoadBalancerInput{
			LoadBalancerName: aws.String("quick"), Subnets: []string{w.public}, SecurityGroups: []string{w.group},
			Listeners: []elbtypes.Listener{{Protocol: aws.String("TCP"), LoadBalancerPort: 80, InstancePort: aws.Int32(80)}},
		}))
		err := w.do(l)
		w.wantCode(err, sshforward.EQUOTA)
		if l.Resources.InstanceRuleID == "" {
			w.Error("the rule was made and forgotten")
		}
		w.close(l)
		if left := w.leftovers(); len(left) > 0 {
			w.Errorf("left over: %q", left)
		}
	})
}

// Final refusals of CreateLoadBalancer.
func TestBalancerRefused(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.cloud.Home().SetFree(w.public, 3)
		w.upTo(l, sshforward.StageBalancer)
		err := w.do(l)
		w.wantCode(err, sshforward.EINVALID)
		if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, "free IP addresses") {
			w.Errorf("message %q", m)
		}
		w.close(l)
		w.clean(before)
	})
}

// A group that never becomes visible is an error after a minute.
func TestGroupNeverVisible(t *testing.T) {
	for name, notFound := range map[string]bool{"denied": false, "not found": true} {
		o := worldOptions{fake: fakeaws.Options{GroupVisibleAfter: time.Hour, MissingIsNotFound: notFound}}
		inFakeNamed(t, name, o, func(w *world) {
			l := w.lease("web-1")
			w.upTo(l, sshforward.StageBalancer)
			start := time.Now()
			if err := w.do(l); !sshforward.Final(err) {
				w.Errorf("%v, want an error that ends it", err)
			}
			if took := time.Since(start); took < time.Minute || took > 70*time.Second {
				w.Errorf("given up after %v", took)
			}
		})
	}
}

// The wait for service says why, in the load balancer's words. It asks most often
// when AWS may be ready.
func TestServiceDetail(t *testing.T) {
	inFake(t, worldOptions{fake: fakeaws.Options{RegisterDelay: 10 * time.Second, HealthTiming: true}}, func(w *world) {
		before := w.foreign()
		w.cloud.Home().SetPorts(w.web)
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageService)
		for _, test := range []struct {
			at, wait time.Duration
			detail   string
		}{
			{0, time.Second, "no health of the instance yet"},
			{time.Second, 2 * time.Second, "registration is still in progress"},
			{3 * time.Second, 3 * time.Second, "registration is still in progress"},
			{6 * time.Second, 4 * time.Second, "registration is still in progress"},
			{19 * time.Second, time.Second, "port 22"},
			{20 * time.Second, 5 * time.Second, "port 22"},
			{3 * time.Minute, 5 * time.Second, "port 22"},
		} {
			time.Sleep(time.Until(l.StageSince.Add(test.at)))
			step, err := w.p.Open(w.ctx, l)
			if err != nil || step.Wait < test.wait || step.Wait > test.wait*5/4 || !strings.Contains(step.Detail.String(), test.detail) {
				w.Errorf("after %v: %+v, %v", test.at, step, err)
			}
		}
		w.cloud.Home().SetPorts(w.web, 22)
		if err := w.do(l); err != nil {
			w.Fatal(err)
		}
		w.close(l)
		w.clean(before)
	})
}

// While the budget of calls is below half, nobody looks before AWS can be ready.
func TestNoEarlyLooks(t *testing.T) {
	inFake(t, worldOptions{fake: fakeaws.Options{RegisterDelay: 12 * time.Second}}, func(w *world) {
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageService)
		for range 25 {
			if err := w.p.UseBudget(w.ctx, "main"); err != nil {
				t.Fatal(err)
			}
		}
		w.calls.take()
		for _, test := range []struct {
			at    time.Duration
			calls int
			wait  time.Duration
		}{
			{0, 0, 10 * time.Second},
			{time.Second, 0, 9 * time.Second},
			{10 * time.Second, 1, time.Second},
		} {
			time.Sleep(time.Until(l.StageSince.Add(test.at)))
			if test.at == time.Second {
				for range 15 {
					_ = w.p.UseBudget(w.ctx, "main")
				}
			}
			step, err := w.p.Open(w.ctx, l)
			if calls := w.calls.take(); err != nil || len(calls) != test.calls || step.Wait < test.wait || step.Wait > test.wait*5/4 {
				t.Errorf("after %s: calls %q, %+v, %v", test.at, calls, step, err)
			}
		}
	})
}

const lookups = 6 * time.Second

const unresolved = 20 * time.Second

func TestUnknownStage(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		enter(l, sshforward.StageCheck)
		w.calls.take()
		_, err := w.p.Open(w.ctx, l)
		w.wantCode(err, sshforward.EINTERNAL)
		l.OpenBy = time.Time{} // no end to put into the tags
		enter(l, sshforward.StageGroup)
		_, err = w.p.Open(w.ctx, l)
		w.wantCode(err, sshforward.EINTERNAL)
		if calls := w.calls.take(); len(calls) > 0 {
			w.Errorf("calls %q", calls)
		}
	})
}
