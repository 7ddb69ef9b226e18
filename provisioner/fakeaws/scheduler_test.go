package fakeaws_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func at(t time.Time) *string { return aws.String(t.UTC().Format("at(2006-01-02T15:04:05)")) }

func deadMan(name, lb string, due time.Time) *scheduler.CreateScheduleInput {
	return &scheduler.CreateScheduleInput{
		Name: &name, GroupName: aws.String("sshforward"), ScheduleExpression: at(due),
		FlexibleTimeWindow:    &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion: types.ActionAfterCompletionDelete,
		Target: &types.Target{
			Arn:     aws.String("arn:aws:scheduler:::aws-sdk:elasticloadbalancing:deleteLoadBalancer"),
			RoleArn: aws.String("arn:aws:iam::123456789012:role/deadman"),
			Input:   aws.String(fmt.Sprintf(`{"LoadBalancerName":%q}`, lb)),
		},
	}
}

// trustScheduler makes the role of deadMan's, in each partition.
func (b *bench) trustScheduler() {
	for _, partition := range []string{"aws", "aws-cn", "aws-us-gov"} {
		b.cloud.AddRole("arn:"+partition+":iam::123456789012:role/deadman", "scheduler.amazonaws.com")
	}
}

func newScheduler(b *bench) *scheduler.Client {
	b.t.Helper()
	s := scheduler.NewFromConfig(config(b.cloud))
	b.trustScheduler()
	_, err := s.CreateScheduleGroup(b.ctx, &scheduler.CreateScheduleGroupInput{
		Name: aws.String("sshforward"), Tags: []types.Tag{{Key: aws.String("sshforward:deployment"), Value: aws.String("test")}},
	})
	b.ok(err)
	return s
}

func TestDeadManSwitch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{InterfaceLinger: 10 * time.Minute})
		s := newScheduler(b)
		_, name := b.open()
		start := time.Now()
		in := deadMan(name, name, start.Add(time.Hour))
		_, err := s.CreateSchedule(b.ctx, in)
		b.ok(err)
		if left := b.cloud.Leftovers("sshforward:deployment", "test"); len(left) != 1 || !strings.Contains(left[0], "schedule sshforward/"+name) {
			t.Errorf("left over: %q", left)
		}

		// Moved on extend.
		_, err = s.UpdateSchedule(b.ctx, &scheduler.UpdateScheduleInput{
			Name: in.Name, GroupName: in.GroupName, ScheduleExpression: at(start.Add(2 * time.Hour)),
			FlexibleTimeWindow: in.FlexibleTimeWindow, ActionAfterCompletion: in.ActionAfterCompletion, Target: in.Target,
		})
		b.ok(err)
		got, err := s.GetSchedule(b.ctx, &scheduler.GetScheduleInput{Name: in.Name, GroupName: in.GroupName})
		b.ok(err)
		if *got.ScheduleExpression != *at(start.Add(2 * time.Hour)) || *got.Target.Input != *in.Target.Input ||
			got.ActionAfterCompletion != types.ActionAfterCompletionDelete || !got.CreationDate.Equal(start) {
			t.Errorf("schedule: %+v", got)
		}

		time.Sleep(2*time.Hour - time.Second)
		if _, ok := b.home.LoadBalancer(name); !ok {
			t.Fatal("the load balancer went before its time")
		}
		// Nobody looks for a while; it happens when it was due all the same.
		time.Sleep(5*time.Minute + time.Second)
		if _, ok := b.home.LoadBalancer(name); ok {
			t.Fatal("the load balancer is still there")
		}
		if n := len(b.home.Schedules()); n != 0 {
			t.Errorf("%d schedules left, want it to have deleted itself", n)
		}
		for _, ni := range b.home.Interfaces() {
			if ni.LoadBalancer == name && !ni.Gone.Equal(start.Add(2*time.Hour+10*time.Minute)) {
				t.Errorf("the interface goes at %v", ni.Gone)
			}
		}
		_, err = s.DeleteSchedule(b.ctx, &scheduler.DeleteScheduleInput{Name: in.Name, GroupName: in.GroupName})
		b.want(err, "ResourceNotFoundException")
	})
}

func TestScheduleErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{})
		s := newScheduler(b)
		later := time.Now().Add(time.Hour)
		for _, tt := range []struct {
			name   string
			change func(*scheduler.CreateScheduleInput)
			want   string
		}{
			{"fine", func(*scheduler.CreateScheduleInput) {}, ""},
			{"again", func(*scheduler.CreateScheduleInput) {}, "ConflictException"},
			{"no such group", func(in *scheduler.CreateScheduleInput) { in.GroupName = aws.String("none") }, "ResourceNotFoundException"},
			{"another group", func(in *scheduler.CreateScheduleInput) { in.GroupName = nil }, ""},
			{"expression", func(in *scheduler.CreateScheduleInput) { in.ScheduleExpression = aws.String("in an hour") }, "ValidationException"},
			{"time zone", func(in *scheduler.CreateScheduleInput) {
				in.ScheduleExpressionTimezone = aws.String("Mars/Olympus")
			}, "ValidationException"},
			{"role", func(in *scheduler.CreateScheduleInput) { in.Target.RoleArn = aws.String("deadman") }, "ValidationException"},
			{"name", func(in *scheduler.CreateScheduleInput) { in.Name = aws.String("a b") }, "ValidationException"},
		} {
			in := deadMan("x", "x", later)
			tt.change(in)
			_, err := s.CreateSchedule(b.ctx, in)
			if got := code(err); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
		b.cloud.Deny("iam:PassRole")
		_, err := s.CreateSchedule(b.ctx, deadMan("y", "y", later))
		b.want(err, "AccessDeniedException")
	})
}

func TestScheduleTimezone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{})
		s := newScheduler(b)
		in := deadMan("x", "x", time.Now())
		in.ScheduleExpression, in.ScheduleExpressionTimezone = aws.String("at(2030-01-01T09:00:00)"), aws.String("Asia/Tokyo")
		_, err := s.CreateSchedule(b.ctx, in)
		b.ok(err)
		if got := b.home.Schedules()[0].At; !got.Equal(time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)) {
			t.Errorf("due at %v", got)
		}
	})
}

func TestSchedulesAreListedByPrefixAndGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{PageSize: 2})
		s := newScheduler(b)
		for _, name := range []string{"sshforward-a", "sshforward-b", "sshforward-c", "other"} {
			_, err := s.CreateSchedule(b.ctx, deadMan(name, name, time.Now().Add(time.Hour)))
			b.ok(err)
		}
		in := deadMan("sshforward-d", "d", time.Now().Add(time.Hour))
		in.GroupName = nil
		_, err := s.CreateSchedule(b.ctx, in)
		b.ok(err)
		var got []string
		pages := scheduler.NewListSchedulesPaginator(s, &scheduler.ListSchedulesInput{
			NamePrefix: aws.String("sshforward-"), GroupName: aws.String("sshforward"),
		})
		for pages.HasMorePages() {
			out, err := pages.NextPage(b.ctx)
			b.ok(err)
			for _, x := range out.Schedules {
				got = append(got, *x.Name)
			}
		}
		if fmt.Sprint(got) != "[sshforward-a sshforward-b sshforward-c]" {
			t.Errorf("listed %v", got)
		}
	})
}

func TestScheduleGroupsHaveTheTags(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{})
		s := newScheduler(b)
		_, err := s.CreateScheduleGroup(b.ctx, &scheduler.CreateScheduleGroupInput{Name: aws.String("sshforward")})
		b.want(err, "ConflictException")
		group, err := s.GetScheduleGroup(b.ctx, &scheduler.GetScheduleGroupInput{Name: aws.String("sshforward")})
		b.ok(err)
		_, err = s.TagResource(b.ctx, &scheduler.TagResourceInput{
			ResourceArn: group.Arn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
		})
		b.ok(err)
		_, err = s.UntagResource(b.ctx, &scheduler.UntagResourceInput{ResourceArn: group.Arn, TagKeys: []string{"sshforward:deployment"}})
		b.ok(err)
		tags, err := s.ListTagsForResource(b.ctx, &scheduler.ListTagsForResourceInput{ResourceArn: group.Arn})
		b.ok(err)
		if len(tags.Tags) != 1 || *tags.Tags[0].Key != "a" {
			t.Errorf("tags: %+v", tags.Tags)
		}
		made, err := s.CreateSchedule(b.ctx, deadMan("x", "x", time.Now().Add(time.Hour)))
		b.ok(err)
		_, err = s.TagResource(b.ctx, &scheduler.TagResourceInput{
			ResourceArn: made.ScheduleArn, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}},
		})
		b.want(err, "ValidationException")
		_, err = s.DeleteScheduleGroup(b.ctx, &scheduler.DeleteScheduleGroupInput{Name: aws.String("sshforward")})
		b.ok(err)
		if n := len(b.home.Schedules()); n != 0 {
			t.Errorf("%d schedules survived their group", n)
		}
		list, err := s.ListScheduleGroups(b.ctx, &scheduler.ListScheduleGroupsInput{})
		b.ok(err)
		if len(list.ScheduleGroups) != 1 {
			t.Errorf("groups: %+v", list.ScheduleGroups)
		}
	})
}

func TestRetriedCreateScheduleIsNoConflict(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{})
		newScheduler(b)
		n := 0
		b.cloud.SetFault(func(fakeaws.Call) fakeaws.Fault { n++; return fakeaws.Fault{Lost: n == 1} })
		cfg := config(b.cloud)
		cfg.Retryer = func() aws.Retryer { return retry.NewStandard() }
		_, err := scheduler.NewFromConfig(cfg).CreateSchedule(b.ctx, deadMan("x", "x", time.Now().Add(time.Hour)))
		b.ok(err)
		if n != 2 || len(b.home.Schedules()) != 1 {
			t.Errorf("%d attempts, %d schedules", n, len(b.home.Schedules()))
		}
	})
}
