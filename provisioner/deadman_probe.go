package provisioner

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"

	"github.com/sshforward/sshforward"
)

// probeAt is far in the future: what a probe leaves behind when it is killed does
// nothing until then, and there is no load balancer of its name.
const probeAt = 365 * 24 * time.Hour

// ProbeDeadMan makes a dead-man switch for a lease that does not exist, and
// removes it: only so can be told whether Scheduler takes the role and the bot's
// own role may do both. The schedule group that it makes, if there is none yet,
// stays, as it does after the first lease. false without a switch in the account's
// configuration.
func (p *Provisioner) ProbeDeadMan(ctx context.Context, name string) (configured bool, err error) {
	const doing = "set the dead-man switch"
	a, err := p.account(name)
	if err != nil || a.DeadMan == nil {
		return false, err
	}
	if err := a.makeScheduleGroup(ctx, p.deployment); err != nil {
		return true, a.mayPassRole(a.failed(err, doing))
	}
	// It has a lease's name, since that is what the bot's role may make.
	s := p.deadManSchedule(a.DeadMan, sshforward.Name(p.deployment, sshforward.NewID()),
		"sshforward: a probe, of no lease", time.Now().Add(probeAt))
	if err := a.createSchedule(ctx, s); err != nil {
		return true, a.mayPassRole(a.refusedRole(a.failed(err, doing)))
	}
	_, err = a.scheduler.DeleteSchedule(context.WithoutCancel(ctx), &scheduler.DeleteScheduleInput{Name: s.Name, GroupName: s.GroupName})
	if err != nil && !hasCode(err, scheduleNotFound) {
		err = a.failed(err, "remove the dead-man switch")
		return true, &sshforward.Error{
			Code: sshforward.ErrorCode(err), Err: err,
			Message: sshforward.Textf("%s Remove the schedule %s in the group %s by hand.",
				sshforward.ErrorMessage(err), aws.ToString(s.Name), aws.ToString(s.GroupName)),
		}
	}
	return true, nil
}
