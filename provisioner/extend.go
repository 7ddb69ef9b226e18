package provisioner

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"

	"github.com/sshforward/sshforward"
)

// Extend implements sshforward.Provisioner. It moves the end that stands in
// the tags of the group, the rule and the load balancer, and the dead-man
// switch, to l.End(); setting a tag to what it is already is no error.
func (p *Provisioner) Extend(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	r, err := p.beginWithEnd(l)
	if err != nil {
		return sshforward.StepResult{Resources: l.Resources}, err
	}
	r.moveEnd(ctx)
	return r.step()
}

func (r *run) moveEnd(ctx context.Context) {
	r.together(
		func() error { return r.tagEC2(ctx) },
		func() error { return r.tagBalancer(ctx) },
		func() error { return r.moveDeadMan(ctx) },
	)
	if !r.pending() {
		r.learn(func(res *sshforward.Resources) { res.Until = r.l.End() })
	}
}

func (r *run) tagEC2(ctx context.Context) error {
	var ids []string
	for _, id := range []string{r.l.Resources.GroupID, r.l.Resources.InstanceRuleID} {
		if id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := r.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids, Tags: ec2Tags(clockTags(r.l))})
	if hasCode(err, ruleNotFound, "InvalidID") && r.l.Resources.GroupID != "" {
		// Somebody removed the rule, and one id that is not there refuses the
		// whole call. The group's end counts all the same.
		_, err = r.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids[:1], Tags: ec2Tags(clockTags(r.l))})
	}
	return r.failed(err, "move the end on the security group")
}

func (r *run) tagBalancer(ctx context.Context) error {
	_, err := r.elb.AddTags(ctx, &elb.AddTagsInput{
		LoadBalancerNames: []string{r.name},
		Tags:              elbTags(clockTags(r.l)),
	})
	return r.failed(err, "move the end on the load balancer")
}
