package provisioner_test

import (
	"context"
	"fmt"
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

func TestName(t *testing.T) {
	for _, test := range []struct {
		wait, dns time.Duration
		took      time.Duration
		detail    string
	}{
		{wait: 0, dns: time.Hour, took: 0},
		{wait: time.Minute, dns: 0, took: 0},
		{wait: 2 * time.Minute, dns: 30 * time.Second, took: 30 * time.Second},
		{wait: time.Minute, dns: time.Hour, took: time.Minute, detail: "another moment"},
	} {
		o := worldOptions{
			accounts: []provisioner.Account{{Name: "main", Region: "ap-northeast-1", WaitDNS: test.wait}},
			fake:     fakeaws.Options{DNSDelay: test.dns},
		}
		inFakeNamed(t, fmt.Sprintf("wait %v for %v", test.wait, test.dns), o, func(w *world) {
			w.cloud.Deny("ec2:DescribeNetworkInterfaces") // else nobody waits
			l := w.lease("web-1")
			w.upTo(l, sshforward.StageName)
			if err := w.do(l); err != nil {
				w.Fatal(err)
			}
			if took := time.Since(l.StageSince); took < test.took || took > test.took+lookups {
				w.Errorf("took %v, want %v", took, test.took)
			}
			if !strings.Contains(l.Detail.String(), test.detail) || test.detail == "" && !l.Detail.IsZero() {
				w.Errorf("detail %q", l.Detail)
			}
		})
	}
}

const lookups = 6 * time.Second

// A name that does not resolve in time is no reason to give up an opening that
// is as good as done: the clock has to start before OpenBy.
func TestNameBeforeOpenBy(t *testing.T) {
	for _, opening := range []time.Duration{4 * time.Second, 10 * time.Second, 31 * time.Second, 95 * time.Second} {
		for _, hangs := range []bool{false, true} {
			o := worldOptions{
				accounts: []provisioner.Account{{Name: "main", Region: "ap-northeast-1", WaitDNS: 2 * time.Minute}},
				fake:     fakeaws.Options{DNSDelay: time.Hour},
			}
			if hangs {
				o.lookup = func(ctx context.Context, _ string) ([]string, error) { <-ctx.Done(); return nil, ctx.Err() }
			}
			inFakeNamed(t, fmt.Sprintf("%v hangs=%t", opening, hangs), o, func(w *world) {
				w.cloud.Deny("ec2:DescribeNetworkInterfaces")
				l := w.lease("web-1")
				w.upTo(l, sshforward.StageName)
				l.OpenBy = time.Now().Add(opening)
				if err := w.do(l); err != nil {
					w.Fatal(err)
				}
				if left := time.Until(l.OpenBy); left < min(opening/2, 10*time.Second) || left > unresolved+time.Second && left < opening {
					w.Errorf("%v left", left)
				}
				if !strings.Contains(l.Detail.String(), "another moment") {
					w.Errorf("detail %q", l.Detail)
				}
			})
		}
	}
}

// What was built ahead has waited for its name before the last yes, and does not
// have people wait for it once more.
func TestNameAfterTheLastYes(t *testing.T) {
	o := worldOptions{
		accounts: []provisioner.Account{{Name: "main", Region: "ap-northeast-1", WaitDNS: 2 * time.Minute}},
		fake:     fakeaws.Options{DNSDelay: 24 * time.Hour},
	}
	inFake(t, o, func(w *world) {
		w.cloud.Deny("ec2:DescribeNetworkInterfaces")
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageName)
		l.Prepared.Since, l.Prepared.ReadyAt = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
		if err := w.do(l); err != nil {
			w.Fatal(err)
		}
		if took := time.Since(l.StageSince); took > 3*time.Second || !strings.Contains(l.Detail.String(), "another moment") {
			w.Errorf("took %v and says %q", took, l.Detail)
		}
	})
}

const unresolved = 20 * time.Second

// ssh by address needs no name: nobody waits for one that does not resolve.
func TestAddressUntilTheNameResolves(t *testing.T) {
	o := worldOptions{
		accounts: []provisioner.Account{{Name: "main", Region: "ap-northeast-1", WaitDNS: 2 * time.Minute}},
		fake:     fakeaws.Options{DNSDelay: time.Minute, InterfaceDelay: 2 * time.Second},
	}
	for _, wait := range []time.Duration{0, 2 * time.Minute} {
		o.accounts[0].WaitDNS = wait
		inFakeNamed(t, fmt.Sprint("wait_dns ", wait), o, func(w *world) {
			l := w.lease("web-1")
			w.upTo(l, sshforward.StageName)
			time.Sleep(2 * time.Second)
			l.StageSince = time.Now()
			if err := w.do(l); err != nil {
				w.Fatal(err)
			}
			if took := time.Since(l.StageSince); took > 0 || !l.Detail.IsZero() {
				w.Errorf("took %v and says %q", took, l.Detail)
			}
			public := ""
			for _, ni := range w.cloud.Home().Interfaces() {
				if ni.LoadBalancer == sshforward.Name(deployment, l.ID) {
					public = ni.PublicIP
				}
			}
			if got := l.ByAddress(); got != public {
				w.Errorf("address %s, want %s", got, public)
			}
			if w.p.Resolves(w.ctx, l) {
				w.Error("it resolves already")
			}
			time.Sleep(3 * time.Minute) // that it did not is remembered for a while
			if !w.p.Resolves(w.ctx, l) {
				w.Error("it does not resolve")
			}
		})
	}
	o.accounts[0].WaitDNS, o.fake.DNSDelay = 0, 0
	inFakeNamed(t, "it resolves", o, func(w *world) {
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageName)
		time.Sleep(2 * time.Second)
		if err := w.do(l); err != nil {
			w.Fatal(err)
		}
		if l.ByAddress() != "" || !l.Resources.Resolved {
			w.Errorf("resources %+v", l.Resources)
		}
	})
}

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
