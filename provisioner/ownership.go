package provisioner

import (
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
)

// owns reports whether tags prove that something belongs to the lease. A name
// or a successful create proves nothing.
func (p *Provisioner) owns(l *sshforward.Lease, tags map[string]string) bool {
	return tags[TagDeployment] == p.deployment && tags[TagLease] == l.ID
}

// ownFilters find what EC2 has of the lease.
func (p *Provisioner) ownFilters(l *sshforward.Lease) []types.Filter {
	return []types.Filter{
		filter("tag:"+TagDeployment, p.deployment),
		filter("tag:"+TagLease, l.ID),
	}
}
