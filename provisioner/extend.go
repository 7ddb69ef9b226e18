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
	w, err := p.beginWithEnd(l)
	if err != nil {
		return sshforward.StepResult{Resources: l.Resources}, err
	}
	w.moveEnd(ctx)
	return w.step()
}

func (w *pass) moveEnd(ctx context.Context) {
	w.together(
		func() error { return w.tagEC2(ctx) },
		func() error { return w.tagBalancer(ctx) },
		func() error { return w.moveDeadMan(ctx) },
	)
	if !w.pending() {
		w.learn(func(r *sshforward.Resources) { r.Until = w.l.End() })
	}
}

func (w *pass) tagEC2(ctx context.Context) error {
	var ids []string
	for _, id := range []string{w.l.Resources.GroupID, w.l.Resources.InstanceRuleID} {
		if id != "" {
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	_, err := w.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids, Tags: ec2Tags(clockTags(w.l))})
	if hasCode(err, ruleNotFound, "InvalidID") && w.l.Resources.GroupID != "" {
		// Somebody removed the rule, and one id that is not there refuses the
		// whole call. The group's end counts all the same.
		_, err = w.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids[:1], Tags: ec2Tags(clockTags(w.l))})
	}
	return w.failed(err, "move the end on the security group")
}

func (w *pass) tagBalancer(ctx context.Context) error {
	_, err := w.elb.AddTags(ctx, &elb.AddTagsInput{
		LoadBalancerNames: []string{w.name},
		Tags:              elbTags(clockTags(w.l)),
	})
	return w.failed(err, "move the end on the load balancer")
}
