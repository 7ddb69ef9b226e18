package provisioner

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

// makeGroup creates the lease's security group, with its tags from the first
// moment on. Its name is unique in the VPC, so a repeat finds the first one.
func (r *run) makeGroup(ctx context.Context) error {
	const doing = "create the security group"
	out, err := r.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName:         aws.String(r.name),
		Description:       aws.String("sshforward: access to " + r.l.Instance.ID + " for lease " + r.l.ID),
		VpcId:             aws.String(r.l.Instance.VPC),
		TagSpecifications: tagSpec(types.ResourceTypeSecurityGroup, Tags(r.p.deployment, r.l)),
	})
	if err == nil {
		r.learn(func(res *sshforward.Resources) { res.GroupID, res.Until = aws.ToString(out.GroupId), r.l.End() })
		return nil
	}
	if !hasCode(err, groupDuplicate) {
		return r.failed(err, doing)
	}
	found, err := r.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []types.Filter{
		filter("group-name", r.name), filter("vpc-id", r.l.Instance.VPC),
	}})
	switch {
	case err != nil:
		return r.failed(err, doing)
	case len(found.SecurityGroups) == 0 && r.sinceStage() < visibilityDelay:
		r.later(r.patience(), "AWS does not see yet what was just created.")
		return nil
	case len(found.SecurityGroups) == 0:
		return &sshforward.Error{
			Code:    sshforward.EUNAVAILABLE,
			Message: sshforward.Textf("AWS says that the security group %s exists, but does not show it.", r.name),
		}
	}
	g := found.SecurityGroups[0]
	if !r.p.owns(r.l, fromEC2Tags(g.Tags)) {
		return foreign("security group", r.name)
	}
	r.learn(func(res *sshforward.Resources) { res.GroupID = aws.ToString(g.GroupId) })
	return nil
}

// groupID is the lease's own group; it is known before this stage begins.
func (r *run) groupID() *string { return aws.String(r.l.Resources.GroupID) }

// ownGroups lists the lease's groups, by tag. There is one at most, unless
// something went wrong that nobody has thought of.
func (r *run) ownGroups(ctx context.Context) ([]string, error) {
	var ids []string
	pages := ec2.NewDescribeSecurityGroupsPaginator(r.ec2, &ec2.DescribeSecurityGroupsInput{
		Filters: r.p.ownFilters(r.l),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, r.failed(err, "list the security groups of the lease")
		}
		for _, g := range page.SecurityGroups {
			if r.p.owns(r.l, fromEC2Tags(g.Tags)) {
				ids = append(ids, aws.ToString(g.GroupId))
			}
		}
	}
	return ids, nil
}
