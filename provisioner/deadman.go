package provisioner

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
	"github.com/aws/smithy-go"

	"github.com/sshforward/sshforward"
)

// deadManTarget is Scheduler's universal target for one call of ELB, in the
// partition of the role that makes the call. Deleting a load balancer that is gone
// is a success, so going off late does no harm.
func deadManTarget(role string) string {
	partition := "aws"
	if parts := strings.SplitN(role, ":", 3); len(parts) == 3 && parts[1] != "" {
		partition = parts[1] // aws-cn, aws-us-gov
	}
	return "arn:" + partition + ":scheduler:::aws-sdk:elasticloadbalancing:deleteLoadBalancer"
}

// deadManSchedule has Scheduler delete a load balancer at a time.
func (p *Provisioner) deadManSchedule(d *DeadMan, balancer, description string, at time.Time) *scheduler.CreateScheduleInput {
	// Marshalling a map of strings does not fail.
	input, _ := json.Marshal(map[string]string{"LoadBalancerName": balancer})
	return &scheduler.CreateScheduleInput{
		Name:                       aws.String(balancer),
		GroupName:                  aws.String(scheduleGroup(p.deployment)),
		Description:                aws.String(description),
		ScheduleExpression:         aws.String("at(" + wholeSecond(at).Format("2006-01-02T15:04:05") + ")"),
		ScheduleExpressionTimezone: aws.String("UTC"),
		FlexibleTimeWindow:         &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion:      types.ActionAfterCompletionDelete,
		Target: &types.Target{
			Arn: aws.String(deadManTarget(d.RoleARN)), RoleArn: aws.String(d.RoleARN), Input: aws.String(string(input)),
		},
	}
}

// armDeadMan makes the schedule for a lease that has none yet.
func (r *run) armDeadMan(ctx context.Context) error {
	return r.setDeadMan(ctx, func(s *scheduler.CreateScheduleInput) error {
		err := r.createSchedule(ctx, s)
		if hasCode(err, scheduleConflict) {
			err = r.updateSchedule(ctx, s) // an earlier try made it, perhaps for another end
		}
		return err
	})
}

// moveDeadMan moves the schedule to the lease's end, and makes one if there is
// none: the account may have had no dead-man switch when the lease was opened.
func (r *run) moveDeadMan(ctx context.Context) error {
	return r.setDeadMan(ctx, func(s *scheduler.CreateScheduleInput) error {
		err := r.updateSchedule(ctx, s)
		if hasCode(err, scheduleNotFound) {
			err = r.createSchedule(ctx, s)
		}
		return err
	})
}

func (r *run) setDeadMan(ctx context.Context, set func(*scheduler.CreateScheduleInput) error) error {
	const doing = "set the dead-man switch"
	if r.DeadMan == nil {
		return nil
	}
	if err := r.makeScheduleGroup(ctx, r.p.deployment); err != nil {
		return r.mayPassRole(r.tolerate(err, doing, scheduleNotFound, scheduleConflict))
	}
	// A time in the past is refused; what is as late as that is being closed.
	at := r.l.End().Add(r.DeadMan.Grace)
	if soonest := r.now.Add(time.Minute); at.Before(soonest) {
		at = soonest
	}
	err := set(r.p.deadManSchedule(r.DeadMan, r.name, "sshforward: ends lease "+r.l.ID+" if the bot does not", at))
	switch {
	case hasCode(err, scheduleNotFound):
		r.forgetScheduleGroup() // it may be the group that somebody deleted
	case hasCode(err, scheduleInvalid) && r.sinceStage() < visibilityDelay:
		// Scheduler tries whether it may assume the role, and does not see a fresh
		// one, or a fresh trust, at once.
		r.later(r.patience(), "EventBridge Scheduler does not accept the role of the dead-man switch yet.")
		return nil
	}
	return r.mayPassRole(r.refusedRole(r.tolerate(err, doing, scheduleNotFound)))
}

// refusedRole says what is wrong where Scheduler finds something wrong with a
// schedule: all of it but the role is the same for everybody.
func (a *account) refusedRole(err error) error {
	if !hasCode(err, scheduleInvalid) {
		return err
	}
	api, _ := errors.AsType[smithy.APIError](err)
	return &sshforward.Error{
		Code: sshforward.EINVALID,
		Message: sshforward.Textf("The dead-man switch cannot be set, because EventBridge Scheduler does not accept the role %s, "+
			"which has to exist and to let scheduler.amazonaws.com assume it: %s",
			a.DeadMan.RoleARN, reasonFor(scheduleInvalid, api.ErrorMessage())),
		Err: err,
	}
}

func (a *account) createSchedule(ctx context.Context, s *scheduler.CreateScheduleInput) error {
	_, err := a.scheduler.CreateSchedule(ctx, s)
	return err
}

// updateSchedule replaces the whole schedule, which is what Scheduler does with
// whatever an update leaves out.
func (a *account) updateSchedule(ctx context.Context, s *scheduler.CreateScheduleInput) error {
	_, err := a.scheduler.UpdateSchedule(ctx, &scheduler.UpdateScheduleInput{
		Name: s.Name, GroupName: s.GroupName, Description: s.Description,
		ScheduleExpression: s.ScheduleExpression, ScheduleExpressionTimezone: s.ScheduleExpressionTimezone,
		FlexibleTimeWindow: s.FlexibleTimeWindow, ActionAfterCompletion: s.ActionAfterCompletion, Target: s.Target,
	})
	return err
}

// mayPassRole completes the sentence about a missing permission: Scheduler says
// AccessDeniedException also when it is the right to hand it the role.
func (a *account) mayPassRole(err error) error {
	if sshforward.ErrorCode(err) != sshforward.EFORBIDDEN {
		return err
	}
	return &sshforward.Error{
		Code: sshforward.EFORBIDDEN,
		Message: sshforward.Textf("%s It needs iam:PassRole for %s too, or take deadman out of the account's configuration.",
			sshforward.ErrorMessage(err), a.DeadMan.RoleARN),
		Err: err,
	}
}

// disarmDeadMan removes the schedule once the load balancer is gone, and not
// before: until then it is what ends access if this process dies for good. The
// read-back sees to it if this fails.
func (r *run) disarmDeadMan(ctx context.Context) error {
	if r.DeadMan == nil || r.l.Resources.BalancerGone || !r.resources().BalancerGone {
		return nil
	}
	_, err := r.deleteDeadMan(ctx)
	return err
}

// deadManBack is the read-back: deleting again says whether it was there.
func (r *run) deadManBack(ctx context.Context) error {
	if r.DeadMan == nil {
		return nil
	}
	there, err := r.deleteDeadMan(ctx)
	if there {
		r.later(minCloseWait, "AWS still listed the dead-man switch.")
	}
	return err
}

// deleteDeadMan removes the schedule and reports whether there was one.
func (r *run) deleteDeadMan(ctx context.Context) (bool, error) {
	const doing = "remove the dead-man switch"
	switch mine, err := r.hasScheduleGroup(ctx, r.p.deployment); {
	case err != nil:
		return false, r.failed(err, doing)
	case !mine:
		return false, nil // so there is nothing of ours in it
	}
	_, err := r.scheduler.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{
		Name: aws.String(r.name), GroupName: aws.String(scheduleGroup(r.p.deployment)),
	})
	if hasCode(err, scheduleNotFound) {
		return false, nil
	}
	return err == nil, r.failed(err, doing)
}
