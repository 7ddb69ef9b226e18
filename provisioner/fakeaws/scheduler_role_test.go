package fakeaws_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

func TestSchedulerHasToBeTrustedByTheRole(t *testing.T) {
	const account = "arn:aws:iam::123456789012:role/"
	const right, wrong, unknown = account + "right", account + "wrong", account + "unknown"
	inBubble(t, fakeaws.Options{RoleVisibleAfter: 10 * time.Second}, func(b *bench) {
		s := newScheduler(b)
		b.cloud.AddRole(right, "scheduler.amazonaws.com")
		b.cloud.AddRole(wrong, "lambda.amazonaws.com")
		create := func(role string) string {
			in := deadMan("x", "x", time.Now().Add(time.Hour))
			in.Target.RoleArn = &role
			_, err := s.CreateSchedule(b.ctx, in)
			return code(err)
		}
		if got := create(right); got != "ValidationException" {
			t.Errorf("a fresh role: %q", got)
		}
		time.Sleep(10 * time.Second)
		for role, want := range map[string]string{wrong: "ValidationException", unknown: "ValidationException", right: ""} {
			if got := create(role); got != want {
				t.Errorf("%s: %q, want %q", role, got, want)
			}
		}
	})
}

func TestASchedulesTimeIsNotInThePast(t *testing.T) {
	inBubble(t, fakeaws.Options{}, func(b *bench) {
		s := newScheduler(b)
		_, err := s.CreateSchedule(b.ctx, deadMan("x", "x", time.Now().Add(-time.Second)))
		b.want(err, "ValidationException")
		in := deadMan("x", "x", time.Now().Add(time.Second))
		_, err = s.CreateSchedule(b.ctx, in)
		b.ok(err)
		_, err = s.UpdateSchedule(b.ctx, &scheduler.UpdateScheduleInput{
			Name: in.Name, GroupName: in.GroupName, ScheduleExpression: at(time.Now().Add(-time.Minute)),
			FlexibleTimeWindow: in.FlexibleTimeWindow, ActionAfterCompletion: in.ActionAfterCompletion, Target: in.Target,
		})
		b.want(err, "ValidationException")
	})
}

func TestPartitions(t *testing.T) {
	for region, partition := range map[string]string{"cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "eu-west-1": "aws"} {
		inBubble(t, fakeaws.Options{Region: region}, func(b *bench) {
			cfg := config(b.cloud)
			cfg.Region = region
			s := scheduler.NewFromConfig(cfg)
			b.trustScheduler()
			create := func(targetPartition, rolePartition string) (string, string) {
				in := deadMan("x", b.note.Bystander, time.Now().Add(time.Minute))
				in.GroupName = nil
				in.Target.Arn = aws.String(strings.Replace(*in.Target.Arn, "arn:aws:", "arn:"+targetPartition+":", 1))
				in.Target.RoleArn = aws.String(strings.Replace(*in.Target.RoleArn, "arn:aws:", "arn:"+rolePartition+":", 1))
				out, err := s.CreateSchedule(b.ctx, in)
				if err != nil {
					return "", code(err)
				}
				return *out.ScheduleArn, ""
			}
			other := map[string]string{"aws-cn": "aws", "aws-us-gov": "aws", "aws": "aws-cn"}[partition]
			if _, got := create(other, partition); got != "ValidationException" {
				t.Errorf("%s: target of another partition: %q", region, got)
			}
			if _, got := create(partition, other); got != "ValidationException" {
				t.Errorf("%s: role of another partition: %q", region, got)
			}
			arn, got := create(partition, partition)
			if got != "" || !strings.HasPrefix(arn, "arn:"+partition+":scheduler:"+region+":") {
				t.Errorf("%s: %q, %s", region, got, arn)
			}
			time.Sleep(time.Minute)
			if _, ok := b.home.LoadBalancer(b.note.Bystander); ok {
				t.Errorf("%s: the schedule did nothing", region)
			}
		})
	}
}
