package provisioner

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"

	"github.com/sshforward/sshforward"
)

// scheduleGroup is the name of the deployment's schedule group.
func scheduleGroup(deployment string) string { return "sshforward-" + deployment }

// errNoScheduleGroup: there is none of the deployment's name.
var errNoScheduleGroup = errors.New("no such schedule group")

// hasScheduleGroup reports whether the deployment's schedule group exists and
// is the deployment's. It asks until the answer is yes, which costs two calls;
// a yes is believed from then on.
func (a *account) hasScheduleGroup(ctx context.Context, deployment string) (bool, error) {
	if err := a.scheduleGroupMu.lock(ctx); err != nil {
		return false, err
	}
	defer a.scheduleGroupMu.unlock()
	err := a.readScheduleGroup(ctx, deployment)
	if errors.Is(err, errNoScheduleGroup) {
		return false, nil
	}
	return a.ownsScheduleGroup, err
}

// makeScheduleGroup makes the group unless it is there. It reads the name first,
// since the group that has it may be somebody else's. The lock is held while the
// group is read and made, so that leases that open at the same time do that once.
func (a *account) makeScheduleGroup(ctx context.Context, deployment string) error {
	if err := a.scheduleGroupMu.lock(ctx); err != nil {
		return err
	}
	defer a.scheduleGroupMu.unlock()
	err := a.readScheduleGroup(ctx, deployment)
	switch {
	case err == nil && !a.ownsScheduleGroup:
		return foreign("schedule group", scheduleGroup(deployment))
	case !errors.Is(err, errNoScheduleGroup):
		return err
	}
	_, err = a.scheduler.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{
		Name: aws.String(scheduleGroup(deployment)),
		Tags: schedulerTags(a.withTags(map[string]string{TagDeployment: deployment})),
	})
	if !hasCode(err, scheduleConflict) {
		a.ownsScheduleGroup = err == nil
		return err
	}
	// Another process was first, and if it cannot be seen yet, this is one
	// more conflict that passes.
	if again := a.readScheduleGroup(ctx, deployment); !errors.Is(again, errNoScheduleGroup) {
		err = again
	}
	if err == nil && !a.ownsScheduleGroup {
		return foreign("schedule group", scheduleGroup(deployment))
	}
	return err
}

// forgetScheduleGroup has the group looked at again.
func (a *account) forgetScheduleGroup() {
	_ = a.scheduleGroupMu.lock(context.Background()) // which never ends
	a.ownsScheduleGroup = false
	a.scheduleGroupMu.unlock()
}

// readScheduleGroup finds out whether the deployment owns its schedule group,
// unless that is known. The caller holds the lock.
func (a *account) readScheduleGroup(ctx context.Context, deployment string) error {
	if a.ownsScheduleGroup {
		return nil
	}
	g, err := a.scheduler.GetScheduleGroup(ctx, &scheduler.GetScheduleGroupInput{Name: aws.String(scheduleGroup(deployment))})
	if hasCode(err, scheduleNotFound) {
		return errNoScheduleGroup
	}
	if err != nil {
		return err
	}
	tags, err := a.scheduler.ListTagsForResource(ctx, &scheduler.ListTagsForResourceInput{ResourceArn: g.Arn})
	if err != nil {
		return err
	}
	for _, t := range tags.Tags {
		if aws.ToString(t.Key) == TagDeployment && aws.ToString(t.Value) == deployment {
			a.ownsScheduleGroup = true
		}
	}
	return nil
}

// schedules lists the names in the deployment's schedule group; none without a
// dead-man switch.
func (a *account) schedules(ctx context.Context, deployment string) ([]string, error) {
	const doing = "list the dead-man switches"
	if a.DeadMan == nil {
		return nil, nil
	}
	switch mine, err := a.hasScheduleGroup(ctx, deployment); {
	case err != nil:
		return nil, a.failed(err, doing)
	case !mine:
		return nil, nil
	}
	var out []string
	pages := scheduler.NewListSchedulesPaginator(a.scheduler, &scheduler.ListSchedulesInput{
		GroupName: aws.String(scheduleGroup(deployment)), NamePrefix: aws.String(sshforward.Name(deployment, "")),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if hasCode(err, scheduleNotFound) {
			a.forgetScheduleGroup() // somebody deleted it, and with it all that was in it
			return nil, nil
		}
		if err != nil {
			return nil, a.failed(err, doing)
		}
		for _, s := range page.Schedules {
			out = append(out, aws.ToString(s.Name))
		}
	}
	return out, nil
}
