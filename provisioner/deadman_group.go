package provisioner

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"

	"github.com/sshforward/sshforward"
)

// scheduleGroup is the name of the deployment's schedule group.
func scheduleGroup(deployment string) string { return "sshforward-" + deployment }

// errNoScheduleGroup: there is none of the deployment's name.
var errNoScheduleGroup = errors.New("no such schedule group")

// groupKnown guards what an account knows of its schedule group. It is held
// while the group is asked for and made, so that leases that open at the same
// time do that once; unlike a mutex, one can stop waiting for it.
type groupKnown struct {
	turn chan struct{} // of capacity one; full while somebody has the turn
	mine bool
}

func (k *groupKnown) lock(ctx context.Context) error {
	select {
	case k.turn <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (k *groupKnown) unlock() { <-k.turn }

// ownsScheduleGroup reports whether the deployment's schedule group exists and
// is the deployment's. It asks until the answer is yes, which costs two calls;
// a yes is believed from then on.
func (a *account) ownsScheduleGroup(ctx context.Context, deployment string) (bool, error) {
	if err := a.known.lock(ctx); err != nil {
		return false, err
	}
	defer a.known.unlock()
	err := a.lookAtScheduleGroup(ctx, deployment)
	if errors.Is(err, errNoScheduleGroup) {
		return false, nil
	}
	return a.known.mine, err
}

// makeScheduleGroup makes the group unless it is there. It looks before it
// makes one: the name that is taken may be somebody else's group.
func (a *account) makeScheduleGroup(ctx context.Context, deployment string) error {
	if err := a.known.lock(ctx); err != nil {
		return err
	}
	defer a.known.unlock()
	err := a.lookAtScheduleGroup(ctx, deployment)
	switch {
	case err == nil && !a.known.mine:
		return foreign("schedule group", scheduleGroup(deployment))
	case !errors.Is(err, errNoScheduleGroup):
		return err
	}
	_, err = a.scheduler.CreateScheduleGroup(ctx, &scheduler.CreateScheduleGroupInput{
		Name: aws.String(scheduleGroup(deployment)),
		Tags: []types.Tag{{Key: aws.String(TagDeployment), Value: aws.String(deployment)}},
	})
	if !hasCode(err, scheduleConflict) {
		a.known.mine = err == nil
		return err
	}
	// Another process was first, and if it cannot be seen yet, this is one
	// more conflict that passes.
	if look := a.lookAtScheduleGroup(ctx, deployment); !errors.Is(look, errNoScheduleGroup) {
		err = look
	}
	if err == nil && !a.known.mine {
		return foreign("schedule group", scheduleGroup(deployment))
	}
	return err
}

// forgetScheduleGroup has the group looked at again.
func (a *account) forgetScheduleGroup() {
	a.known.turn <- struct{}{}
	a.known.mine = false
	a.known.unlock()
}

func (a *account) lookAtScheduleGroup(ctx context.Context, deployment string) error {
	if a.known.mine {
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
			a.known.mine = true
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
	switch mine, err := a.ownsScheduleGroup(ctx, deployment); {
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
