package provisioner

import (
	"context"
	"slices"

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
		TagSpecifications: tagSpec(types.ResourceTypeSecurityGroup, r.withTags(r.signed(r.p, r.l))),
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
	if !r.p.isOurs(fromEC2Tags(g.Tags)) {
		return foreign("security group", r.name)
	}
	r.learn(func(res *sshforward.Resources) { res.GroupID = aws.ToString(g.GroupId) })
	return nil
}

// groupID is the lease's own group; it is known before this stage begins.
func (r *run) groupID() *string { return aws.String(r.l.Resources.GroupID) }

// ownGroups lists the groups that are provably the lease's: by their name, and
// the deployment's tag or the store's record. There is one at most, unless the
// instance has moved to another VPC.
func (r *run) ownGroups(ctx context.Context) ([]string, error) {
	named, err := r.groups(ctx, "list the security groups of the lease", filter("group-name", r.name))
	if err != nil {
		return nil, err
	}
	return groupIDs(slices.DeleteFunc(named, func(g types.SecurityGroup) bool {
		recorded := r.l.Resources.GroupID != "" && aws.ToString(g.GroupId) == r.l.Resources.GroupID
		return aws.ToString(g.GroupName) != r.name || !recorded && !r.p.isOurs(fromEC2Tags(g.Tags))
	})), nil
}
