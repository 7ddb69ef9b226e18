package provisioner

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sshforward/sshforward"
)

var _ sshforward.Watcher = (*Provisioner)(nil)

// Health implements sshforward.Watcher with one call, and a second one where
// the instance is not in service. A load balancer that is gone or does not know
// the instance is ENOTFOUND: that is for a survey to tell.
func (p *Provisioner) Health(ctx context.Context, l *sshforward.Lease) (sshforward.Health, error) {
	r, err := p.begin(l, forLooking)
	if err != nil {
		return sshforward.Health{}, err
	}
	h, listed, err := r.askHealth(ctx)
	switch {
	case hasCode(err, balancerNotFound, balancerInstance), err == nil && !listed:
		return h, gone("load balancer")
	case err != nil || h.InService:
		return h, r.failed(err, "ask the load balancer for the instance's health")
	}
	// By its id: a look with a filter can fail for one zone's outage.
	found, err := r.described(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{l.Instance.ID}}, "look at the instances")
	if err == nil && len(found) == 1 {
		h.State = found[0].State
	}
	return h, nil
}

// Resolves implements sshforward.Watcher.
func (p *Provisioner) Resolves(ctx context.Context, l *sshforward.Lease) bool {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	_, err := p.lookup(ctx, l.Resources.DNSName)
	return err == nil
}
