package provisioner

import (
	"context"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

// ChangeSource implements sshforward.Provisioner. What will be let in is signed
// first: whoever finds the tags while this is under way, and has no store, lets in
// nothing that was not decided, and no more what has been taken back. Revoking a
// rule leaves sessions alone that are open: their connections are tracked.
func (p *Provisioner) ChangeSource(ctx context.Context, l *sshforward.Lease) (sshforward.StepResult, error) {
	r, err := p.beginWithEnd(l)
	if err != nil {
		return sshforward.StepResult{Resources: l.Resources}, err
	}
	if l.Resources.GroupID == "" {
		r.fail(gone("security group"))
		return r.step()
	}
	for _, do := range []func() error{
		func() error { return r.notForeign(ctx) },
		func() error {
			return together(func() error { return r.tagEC2(ctx, nil) }, func() error { return r.tagBalancer(ctx) })
		},
		func() error { return r.allowSources(ctx, masked(l.Sources)) },
		func() error { return r.shutOut(ctx, masked(l.Former)) },
	} {
		if r.fail(do()); r.pending() {
			break
		}
	}
	return r.step()
}

// shutOut lets in sources no more. Each is a call of its own, by what it lets in:
// one that names a rule which is not there is refused whole, and a list of rules
// may not have yet what was let in a moment ago.
func (r *run) shutOut(ctx context.Context, sources []netip.Prefix) error {
	var tasks []func() error
	for _, s := range sources {
		perm := tcp(r.l.ListenerPort)
		perm.IpRanges = []types.IpRange{{CidrIp: aws.String(s.String())}}
		tasks = append(tasks, func() error {
			_, err := r.ec2.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
				GroupId: r.groupID(), IpPermissions: []types.IpPermission{perm},
			})
			if hasCode(err, permissionNotFound) {
				return nil
			}
			return r.tolerate(err, "shut the former source addresses out", groupUnseen...)
		})
	}
	return together(tasks...)
}
