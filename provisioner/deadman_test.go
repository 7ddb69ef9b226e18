package provisioner_test

import (
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	schedtypes "github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func (w *world) deadMan(l *sshforward.Lease) *scheduler.GetScheduleOutput {
	w.Helper()
	return must(w.sched.GetSchedule(w.ctx, &scheduler.GetScheduleInput{
		Name: aws.String(sshforward.Name(deployment, l.ID)), GroupName: aws.String("sshforward-" + deployment),
	}))
}

// unschedule is somebody else's doing.
func (w *world) unschedule(l *sshforward.Lease) {
	must(w.sched.DeleteSchedule(w.ctx, &scheduler.DeleteScheduleInput{
		Name: aws.String(sshforward.Name(deployment, l.ID)), GroupName: aws.String("sshforward-" + deployment),
	}))
}

// checkDeadManAt looks at all that the schedule says.
func (w *world) checkDeadManAt(l *sshforward.Lease, end time.Time) {
	w.Helper()
	s := w.deadMan(l)
	want := end.Add(5 * time.Minute).UTC()
	got, err := time.Parse("at(2006-01-02T15:04:05)", *s.ScheduleExpression)
	if err != nil || got.Before(want) || got.Sub(want) >= time.Second || *s.ScheduleExpressionTimezone != "UTC" {
		w.Errorf("%s in %s, want %v", *s.ScheduleExpression, *s.ScheduleExpressionTimezone, want)
	}
	if s.FlexibleTimeWindow.Mode != "OFF" || s.ActionAfterCompletion != "DELETE" || *s.Target.RoleArn != w.opts.accounts[0].DeadMan.RoleARN ||
		*s.Target.Arn != "arn:aws:scheduler:::aws-sdk:elasticloadbalancing:deleteLoadBalancer" ||
		*s.Target.Input != `{"LoadBalancerName":"`+sshforward.Name(deployment, l.ID)+`"}` {
		w.Errorf("schedule %+v, target %+v", s, s.Target)
	}
}

// The switch is set before there is anything to end, moved with the end, and
// removed when there is nothing left to end.
func TestDeadManLife(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.calls.take()
		enter(l, sshforward.StageGroup)
		if err := w.do(l); err != nil {
			w.Fatal(err)
		}
		w.checkDeadManAt(l, l.OpenBy.Add(l.Duration))
		w.open(l)
		w.checkDeadManAt(l, l.ExpiresAt)
		opening := w.calls.take()
		l.ExpiresAt = l.ExpiresAt.Add(90*time.Minute + time.Millisecond)
		l.Resources = must(w.p.Extend(w.ctx, l)).Resources
		w.checkDeadManAt(l, l.ExpiresAt)
		w.calls.take()
		w.close(l)
		closing := w.calls.take()
		checkOrder(t, closing, "elasticloadbalancing:DeleteLoadBalancer", "scheduler:DeleteSchedule")
		w.clean(before)
		if n := countOf(opening, "scheduler:GetScheduleGroup"); n != 1 {
			w.Errorf("the group was looked at %d times", n)
		}

		// The group is known from then on.
		again := w.lease("web-1")
		again.ID = sshforward.NewID()
		must(w.p.Find(w.ctx, again.Instance.ID, nil)) // StageCheck
		w.open(again)
		w.close(again)
		calls := w.calls.take()
		if n := countOf(calls, "scheduler:"); n != 4 {
			w.Errorf("%d calls of the Scheduler: %q", n, calls)
		}
		w.Logf("%d calls, %d of them the Scheduler's", len(calls), countOf(calls, "scheduler:"))
	})
}

func countOf(calls []string, prefix string) (n int) {
	for _, c := range calls {
		if strings.HasPrefix(c, prefix) {
			n++
		}
	}
	return n
}

// Without a switch in the configuration the Scheduler is not called.
func TestNoDeadMan(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		w.cloud.Deny("scheduler:*")
		l := w.lease("web-1")
		w.open(l)
		_, _ = must(w.p.Extend(w.ctx, l)), must(w.p.Mend(w.ctx, l))
		w.survey(w.p)
		w.close(l)
		if n := countOf(w.calls.take(), "scheduler:"); n != 0 {
			w.Errorf("%d calls of the Scheduler", n)
		}
	})
}

// The bot never comes back, at any stage of a lease, and access ends all the
// same, soon after it was promised to.
func TestDeadManEndsAccess(t *testing.T) {
	for _, last := range []string{"balancer", "register", "open", "extended"} {
		inFakeNamed(t, last, withDeadMan(), func(w *world) {
			l := w.lease("web-1")
			switch last {
			case "open", "extended":
				w.open(l)
			default:
				w.upTo(l, sshforward.Stage(last))
				must(w.p.Open(w.ctx, l))
			}
			if last == "extended" {
				l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
				must(w.p.Extend(w.ctx, l))
			}
			name := sshforward.Name(deployment, l.ID)
			ends := l.End().Add(5 * time.Minute)
			time.Sleep(time.Until(ends.Add(-time.Second)))
			if _, there := w.cloud.Home().LoadBalancer(name); !there {
				w.Error("it ended early")
			}
			time.Sleep(2 * time.Second)
			if _, err := w.cloud.Home().Route(name, netip.MustParseAddr("203.0.113.7"), 22); err == nil {
				w.Error("there is still access")
			}
			if s := w.cloud.Home().Schedules(); len(s) != 0 {
				w.Errorf("the schedule is still there: %+v", s)
			}
			// And should it come back one day, it cleans up.
			f := w.found(l)
			if f.Balancer || !f.Group || f.DeadMan {
				w.Errorf("found %s", flags(f))
			}
			w.close(f.Lease)
			if left := w.leftovers(); len(left) > 0 {
				w.Errorf("left over: %q", left)
			}
		})
	}
}

// A lease is not opened without the switch that was asked for.
func TestDeadManRefused(t *testing.T) {
	for _, deny := range []string{"scheduler:GetScheduleGroup", "scheduler:CreateScheduleGroup", "scheduler:CreateSchedule", "iam:PassRole"} {
		inFakeNamed(t, deny, withDeadMan(), func(w *world) {
			before := w.foreign()
			l := w.lease("web-1")
			w.cloud.Deny(deny)
			enter(l, sshforward.StageGroup)
			step, err := w.p.Open(w.ctx, l)
			w.wantCode(err, sshforward.EFORBIDDEN)
			want := deny
			if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, want) || !strings.Contains(m, "dead-man switch") {
				w.Errorf("message %q", m)
			}
			l.Resources = step.Resources
			w.cloud.Allow(deny)
			w.close(l)
			w.clean(before)
		})
	}
}

// Somebody else's schedule group of our name is not used, and what is in it is
// not touched.
func TestForeignScheduleGroup(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		group, name := aws.String("sshforward-"+deployment), sshforward.Name(deployment, "k7m2q9x")
		must(w.sched.CreateScheduleGroup(w.ctx, &scheduler.CreateScheduleGroupInput{Name: group}))
		l := w.lease("web-1")
		w.createSchedule(*group, name)
		enter(l, sshforward.StageGroup)
		step, err := w.p.Open(w.ctx, l)
		w.wantCode(err, sshforward.EINVALID)
		l.Resources = step.Resources
		if f := w.found(l); f.DeadMan {
			w.Error("somebody else's schedule is taken for ours")
		}
		w.close(l)
		if s := w.deadMan(l); *s.Target.Input != "{}" {
			w.Errorf("somebody else's schedule was changed: %+v", s.Target)
		}
	})
}

func (w *world) createSchedule(group, name string) {
	w.Helper()
	must(w.sched.CreateSchedule(w.ctx, schedule(group, name)))
}

// A schedule that all else is gone of is found, and closing removes it.
func TestDeadManAlone(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.open(l)
		end := w.deadMan(l)
		w.close(l)
		w.createSchedule(*end.GroupName, *end.Name)
		found, _, _ := w.survey(w.p)
		f := found[l.ID]
		if len(found) != 1 || flags(f) != "deadman" || f.Lease.Instance.Account != "main" || f.Lease.State != sshforward.Opening {
			w.Fatalf("found %+v", found)
		}
		w.close(f.Lease)
		w.clean(before)
	})
}

// Leases that open at the same time make the group once, and one that somebody
// deletes is made again.
func TestScheduleGroup(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		one := w.lease("web-1")
		w.calls.take()
		var wg sync.WaitGroup
		var leases []*sshforward.Lease
		for range 5 {
			l := one.Clone()
			l.ID = sshforward.NewID()
			leases = append(leases, l)
			enter(l, sshforward.StageGroup)
			wg.Go(func() {
				if err := w.do(l); err != nil {
					w.Error(err)
				}
			})
		}
		wg.Wait()
		if n := countOf(w.calls.take(), "scheduler:CreateScheduleGroup"); n != 1 {
			w.Errorf("the group was made %d times", n)
		}
		if found, _, _ := w.survey(w.p); len(found) != 5 {
			w.Errorf("found %+v", found)
		}
		tags := must(w.sched.ListTagsForResource(w.ctx, &scheduler.ListTagsForResourceInput{
			ResourceArn: must(w.sched.GetScheduleGroup(w.ctx, &scheduler.GetScheduleGroupInput{Name: aws.String("sshforward-" + deployment)})).Arn,
		})).Tags
		if len(tags) != 1 || *tags[0].Key != provisioner.TagDeployment || *tags[0].Value != deployment {
			w.Errorf("tags %+v", tags)
		}
		if w.cloud == nil {
			return // moto fails with an HTML page when a group is gone
		}
		must(w.sched.DeleteScheduleGroup(w.ctx, &scheduler.DeleteScheduleGroupInput{Name: aws.String("sshforward-" + deployment)}))
		for _, l := range leases {
			l.StageSince = time.Now()
			if err := w.do(l); err != nil {
				w.Error(err)
			}
			if !slices.ContainsFunc(w.cloud.Home().Schedules(), func(s fakeaws.Schedule) bool {
				return s.Name == sshforward.Name(deployment, l.ID)
			}) {
				w.Error("no schedule")
			}
		}
	})
}

// schedule is one of somebody else's.
func schedule(group, name string) *scheduler.CreateScheduleInput {
	return &scheduler.CreateScheduleInput{
		Name: &name, GroupName: &group, ScheduleExpression: aws.String("at(2099-01-01T00:00:00)"),
		FlexibleTimeWindow: &schedtypes.FlexibleTimeWindow{Mode: schedtypes.FlexibleTimeWindowModeOff},
		Target: &schedtypes.Target{
			Arn:     aws.String("arn:aws:scheduler:::aws-sdk:ec2:describeRegions"),
			RoleArn: aws.String(othersRole), Input: aws.String("{}"),
		},
	}
}

// While the load balancer cannot be deleted, the switch stays set: it may be
// what deletes it. And one that cannot be removed keeps nothing else from going.
func TestDeadManOutlastsTheBalancer(t *testing.T) {
	o := withDeadMan()
	o.fake = fakeaws.Instant()
	inFake(t, o, func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.open(l)
		w.startClosing(l)
		w.cloud.Deny("elasticloadbalancing:DeleteLoadBalancer")
		w.cloud.Deny("elasticloadbalancing:DeregisterInstancesFromLoadBalancer")
		for range 3 {
			step, err := w.p.Close(w.ctx, l)
			w.wantCode(err, sshforward.EFORBIDDEN)
			l.Resources = step.Resources
		}
		w.checkDeadManAt(l, l.ExpiresAt)
		w.cloud.Allow("elasticloadbalancing:DeleteLoadBalancer")
		w.cloud.Allow("elasticloadbalancing:DeregisterInstancesFromLoadBalancer")
		w.cloud.Deny("scheduler:DeleteSchedule")
		for range 2 {
			step, err := w.p.Close(w.ctx, l)
			w.wantCode(err, sshforward.EFORBIDDEN)
			if r := step.Resources; !r.BalancerGone || !r.RuleGone || !r.GroupGone {
				w.Errorf("%+v", r)
			}
			l.Resources = step.Resources
		}
		w.cloud.Allow("scheduler:DeleteSchedule")
		w.close(l)
		w.clean(before)
	})
}

// othersRole is one that somebody else's schedules have.
const othersRole = "arn:aws:iam::123456789012:role/other"
