package provisioner

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/sshforward/sshforward"
)

// deadManTarget is Scheduler's universal target for one call of ELB. Deleting
// a load balancer that is gone is a success, so going off late does no harm.
const deadManTarget = "arn:aws:scheduler:::aws-sdk:elasticloadbalancing:deleteLoadBalancer"

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
	// Marshalling a map of strings does not fail.
	input, _ := json.Marshal(map[string]string{"LoadBalancerName": r.name})
	err := set(&scheduler.CreateScheduleInput{
		Name:                       aws.String(r.name),
		GroupName:                  aws.String(scheduleGroup(r.p.deployment)),
		Description:                aws.String("sshforward: ends lease " + r.l.ID + " if the bot does not"),
		ScheduleExpression:         aws.String("at(" + wholeSecond(r.l.End().Add(r.DeadMan.Grace)).Format("2006-01-02T15:04:05") + ")"),
		ScheduleExpressionTimezone: aws.String("UTC"),
		FlexibleTimeWindow:         &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion:      types.ActionAfterCompletionDelete,
		Target: &types.Target{
			Arn: aws.String(deadManTarget), RoleArn: aws.String(r.DeadMan.RoleARN), Input: aws.String(string(input)),
		},
	})
	if hasCode(err, scheduleNotFound) {
		r.forgetScheduleGroup() // it may be the group that somebody deleted
	}
	return r.mayPassRole(r.tolerate(err, doing, scheduleNotFound))
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
func (r *run) mayPassRole(err error) error {
	if sshforward.ErrorCode(err) != sshforward.EFORBIDDEN {
		return err
	}
	return &sshforward.Error{
		Code: sshforward.EFORBIDDEN,
		Message: sshforward.Textf("%s It needs iam:PassRole for %s too, or take deadman out of the account's configuration.",
			sshforward.ErrorMessage(err), r.DeadMan.RoleARN),
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
