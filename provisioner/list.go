package provisioner

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

// listPage is the most that EC2 gives in one page of DescribeInstances: whoever
// lists waits in front of a form.
const listPage = 1000

var _ sshforward.Finder = (*Provisioner)(nil)

// List implements sshforward.Finder, in the order of names and then ids; those
// without a Name come first. It leaves out what Preflight would refuse for what
// the instance itself is. An account that is not configured is ENOTFOUND.
func (p *Provisioner) List(ctx context.Context, account string) ([]sshforward.Instance, error) {
	a, err := p.account(account)
	if err != nil {
		return nil, &sshforward.Error{Code: sshforward.ENOTFOUND, Message: sshforward.ErrorMessage(err)}
	}
	out, err := a.described(ctx, &ec2.DescribeInstancesInput{
		Filters:    []types.Filter{filter("instance-state-name", "running")},
		MaxResults: aws.Int32(listPage),
	}, "list the instances")
	if err != nil {
		return nil, err
	}
	out = slices.DeleteFunc(out, func(i sshforward.Instance) bool { return suitable(i) != nil })
	slices.SortFunc(out, func(x, y sshforward.Instance) int {
		return cmp.Or(cmp.Compare(x.Name, y.Name), cmp.Compare(x.ID, y.ID))
	})
	return out, nil
}
