package provisioner

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

// hasShape reports whether a load balancer lets in what the lease does, by the
// rules of the lease's group: one listener, and that group alone. It takes whatever
// group it has if the lease's own is not known.
func hasShape(b elbtypes.LoadBalancerDescription, l *sshforward.Lease, group string) bool {
	if len(b.ListenerDescriptions) != 1 || b.ListenerDescriptions[0].Listener == nil {
		return false
	}
	listener := b.ListenerDescriptions[0].Listener
	return aws.ToString(listener.Protocol) == "TCP" && int(listener.LoadBalancerPort) == l.ListenerPort &&
		int(aws.ToInt32(listener.InstancePort)) == l.TargetPort &&
		len(b.SecurityGroups) == 1 && (group == "" || b.SecurityGroups[0] == group)
}

// isMade reports whether a load balancer is the one that was made for the lease, as
// it was made. AWS gives out a DNS name once, so that another one in its place is
// told by that; it takes any where none is recorded.
func isMade(b elbtypes.LoadBalancerDescription, l *sshforward.Lease) bool {
	recorded, dns := l.Resources.DNSName, aws.ToString(b.DNSName)
	return hasShape(b, l, l.Resources.GroupID) && (recorded == "" || dns == "" || strings.EqualFold(recorded, dns))
}

// strangers are the instances behind a load balancer that are not the lease's.
func strangers(b elbtypes.LoadBalancerDescription, instance string) []elbtypes.Instance {
	return slices.DeleteFunc(slices.Clone(b.Instances), func(i elbtypes.Instance) bool {
		return aws.ToString(i.InstanceId) == instance
	})
}

// checkShape proves, before there is an instance behind it, that the load balancer
// is what was asked for: AWS's guide says that in a default VPC it may get a group
// of its own, open to all, and a create that found one of its name says nothing of
// how that is.
func (r *run) checkShape(ctx context.Context) error {
	switch b, err := r.describeBalancer(ctx); {
	case errors.Is(err, errNoBalancer):
		r.later(r.patience(), "AWS does not see yet what was just created.")
		return nil
	case err != nil:
		return err
	case !hasShape(b, r.l, r.l.Resources.GroupID) || len(strangers(b, r.l.Instance.ID)) > 0:
		return invalid("The load balancer %s has other groups, listeners or instances than I gave it.", r.name)
	}
	return nil
}
