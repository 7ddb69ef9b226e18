package provisioner

import (
	"context"
	"encoding/json"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/sshforward/sshforward"
)

// DeadMan has EventBridge Scheduler delete a lease's load balancer some time
// after the lease's end, in case that the bot is not there to do it.
//
// Each lease has one one-time schedule, named as its load balancer. Schedules
// cannot carry tags, but their group can: sshforward-<deployment>, which has
// the deployment's tag. A name in that group is the proof of ownership.
type DeadMan struct {
	RoleARN string        // which Scheduler assumes; it needs to delete the load balancers and nothing else
	Grace   time.Duration // after the lease's end, for the bot to do it itself
}

// deadManTarget is Scheduler's universal target for one call of ELB. Deleting
// a load balancer that is gone is a success, so going off late does no harm.
const deadManTarget = "arn:aws:scheduler:::aws-sdk:elasticloadbalancing:deleteLoadBalancer"

// armDeadMan makes the schedule for a lease that has none yet.
func (w *pass) armDeadMan(ctx context.Context) error {
	return w.setDeadMan(ctx, func(s *scheduler.CreateScheduleInput) error {
		err := w.createSchedule(ctx, s)
		if hasCode(err, scheduleConflict) {
			err = w.updateSchedule(ctx, s) // an earlier try made it, perhaps for another end
		}
		return err
	})
}

// moveDeadMan moves the schedule to the lease's end, and makes one if there is
// none: the account may have had no dead-man switch when the lease was opened.
func (w *pass) moveDeadMan(ctx context.Context) error {
	return w.setDeadMan(ctx, func(s *scheduler.CreateScheduleInput) error {
		err := w.updateSchedule(ctx, s)
		if hasCode(err, scheduleNotFound) {
			err = w.createSchedule(ctx, s)
		}
		return err
	})
}

func (w *pass) setDeadMan(ctx context.Context, set func(*scheduler.CreateScheduleInput) error) error {
	const doing = "set the dead-man switch"
	if w.DeadMan == nil {
		return nil
	}
	if err := w.makeScheduleGroup(ctx, w.p.deployment); err != nil {
		return w.mayPassRole(w.settle(err, doing, scheduleNotFound, scheduleConflict))
	}
	// Marshalling a map of strings does not fail.
	input, _ := json.Marshal(map[string]string{"LoadBalancerName": w.name})
	err := set(&scheduler.CreateScheduleInput{
		Name:                       aws.String(w.name),
		GroupName:                  aws.String(scheduleGroup(w.p.deployment)),
		Description:                aws.String("sshforward: ends lease " + w.l.ID + " if the bot does not"),
		ScheduleExpression:         aws.String("at(" + wholeSecond(w.l.End().Add(w.DeadMan.Grace)).Format("2006-01-02T15:04:05") + ")"),
		ScheduleExpressionTimezone: aws.String("UTC"),
		FlexibleTimeWindow:         &types.FlexibleTimeWindow{Mode: types.FlexibleTimeWindowModeOff},
		ActionAfterCompletion:      types.ActionAfterCompletionDelete,
		Target: &types.Target{
			Arn: aws.String(deadManTarget), RoleArn: aws.String(w.DeadMan.RoleARN), Input: aws.String(string(input)),
		},
	})
	if hasCode(err, scheduleNotFound) {
		w.forgetScheduleGroup() // it may be the group that somebody deleted
	}
	return w.mayPassRole(w.settle(err, doing, scheduleNotFound))
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
func (w *pass) mayPassRole(err error) error {
	if sshforward.ErrorCode(err) != sshforward.EFORBIDDEN {
		return err
	}
	return &sshforward.Error{
		Code: sshforward.EFORBIDDEN,
		Message: sshforward.Textf("%s It needs iam:PassRole for %s too, or take deadman out of the account's configuration.",
			sshforward.ErrorMessage(err), w.DeadMan.RoleARN),
		Err: err,
	}
}

// disarmDeadMan removes the schedule once the load balancer is gone, and not
// before: until then it is what ends access if this process dies for good. The
// read-back sees to it if this fails.
func (w *pass) disarmDeadMan(ctx context.Context) error {
	if w.DeadMan == nil || w.l.Resources.BalancerGone || !w.known().BalancerGone {
		return nil
	}
	_, err := w.deleteDeadMan(ctx)
	return err
}

// deadManBack is the read-back: deleting again says whether it was there.
func (w *pass) deadManBack(ctx context.Context) error {
	if w.DeadMan == nil {
		return nil
	}
	there, err := w.deleteDeadMan(ctx)
	if there {
		w.later(minCloseWait, "AWS still listed the dead-man switch.")
	}
	return err
}

// deleteDeadMan removes the schedule and reports whether there was one.
func (w *pass) deleteDeadMan(ctx context.Context) (bool, error) {
	const doing = "remove the dead-man switch"
	switch mine, err := w.ownsScheduleGroup(ctx, w.p.deployment); {
	case err != nil:
		return false, w.failed(err, doing)
	case !mine:
		return false, nil // so there is nothing of ours in it
	}
	_, err := w.scheduler.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{
		Name: aws.String(w.name), GroupName: aws.String(scheduleGroup(w.p.deployment)),
	})
	if hasCode(err, scheduleNotFound) {
		return false, nil
	}
	return err == nil, w.failed(err, doing)
}
