package provisioner_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

func listener(port, to int32) elbtypes.Listener {
	return elbtypes.Listener{
		Protocol: aws.String("TCP"), LoadBalancerPort: port, InstanceProtocol: aws.String("TCP"), InstancePort: aws.Int32(to),
	}
}

// shapes are what somebody with rights to ELB can make of a lease's load balancer,
// which cannot be taken back without rights that the bot has not.
var shapes = map[string]func(w *world, l *sshforward.Lease, name *string){
	"one more listener": func(w *world, _ *sshforward.Lease, name *string) {
		must(w.elb.CreateLoadBalancerListeners(w.ctx, &elb.CreateLoadBalancerListenersInput{
			LoadBalancerName: name, Listeners: []elbtypes.Listener{listener(443, 22)},
		}))
	},
	"another listener": func(w *world, l *sshforward.Lease, name *string) {
		must(w.elb.DeleteLoadBalancerListeners(w.ctx, &elb.DeleteLoadBalancerListenersInput{
			LoadBalancerName: name, LoadBalancerPorts: []int32{int32(l.ListenerPort)},
		}))
		must(w.elb.CreateLoadBalancerListeners(w.ctx, &elb.CreateLoadBalancerListenersInput{
			LoadBalancerName: name, Listeners: []elbtypes.Listener{listener(int32(l.ListenerPort), 443)},
		}))
	},
	"no listener": func(w *world, l *sshforward.Lease, name *string) {
		must(w.elb.DeleteLoadBalancerListeners(w.ctx, &elb.DeleteLoadBalancerListenersInput{
			LoadBalancerName: name, LoadBalancerPorts: []int32{int32(l.ListenerPort)},
		}))
	},
	"one more group": func(w *world, l *sshforward.Lease, name *string) {
		must(w.elb.ApplySecurityGroupsToLoadBalancer(w.ctx, &elb.ApplySecurityGroupsToLoadBalancerInput{
			LoadBalancerName: name, SecurityGroups: []string{l.Resources.GroupID, w.group},
		}))
	},
	"another group": func(w *world, _ *sshforward.Lease, name *string) {
		must(w.elb.ApplySecurityGroupsToLoadBalancer(w.ctx, &elb.ApplySecurityGroupsToLoadBalancerInput{
			LoadBalancerName: name, SecurityGroups: []string{w.group},
		}))
	},
	"another load balancer with its tags": func(w *world, _ *sshforward.Lease, name *string) {
		tags := must(w.elb.DescribeTags(w.ctx, &elb.DescribeTagsInput{LoadBalancerNames: []string{*name}})).TagDescriptions[0].Tags
		must(w.elb.DeleteLoadBalancer(w.ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: name}))
		must(w.elb.CreateLoadBalancer(w.ctx, &elb.CreateLoadBalancerInput{
			LoadBalancerName: name, Listeners: []elbtypes.Listener{listener(22, 22)}, Subnets: []string{w.public},
			SecurityGroups: []string{w.group}, Tags: tags,
		}))
	},
}

// A load balancer that is not as it was made is seen by every survey, whether the
// store knows the lease or not. It is not mended, and goes when the lease is closed.
func TestShapeAtEverySurvey(t *testing.T) {
	for name, reshape := range testenv.ThinnedRows(shapes, 2) {
		t.Run(name, func(t *testing.T) {
			both(t, withDeadMan(), func(w *world) {
				before := w.foreign()
				l := w.lease("web-1")
				w.open(l)
				for _, stored := range [][]*sshforward.Lease{{l}, nil} {
					if found, _, _ := w.survey(w.p, stored...); found[l.ID].Reshaped {
						w.Fatal("taken for reshaped as it was made")
					}
				}
				reshape(w, l, aws.String(sshforward.Name(deployment, l.ID)))
				for _, stored := range [][]*sshforward.Lease{{l}, nil} {
					if found, _, _ := w.survey(w.p, stored...); !found[l.ID].Reshaped {
						w.Errorf("stored %d: not seen: %+v", len(stored), found[l.ID])
					}
				}
				if _, err := w.p.Mend(w.ctx, l); sshforward.ErrorCode(err) != sshforward.EINVALID {
					w.Errorf("mended: %v", err)
				}
				w.close(l)
				w.clean(before)
			})
		})
	}
}

// Another one of the very same shape in its place is told by its address, which is
// not the one that people were given.
func TestReplacedBalancer(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		w.open(l)
		name := aws.String(sshforward.Name(deployment, l.ID))
		tags := must(w.elb.DescribeTags(w.ctx, &elb.DescribeTagsInput{LoadBalancerNames: []string{*name}})).TagDescriptions[0].Tags
		must(w.elb.DeleteLoadBalancer(w.ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: name}))
		must(w.elb.CreateLoadBalancer(w.ctx, &elb.CreateLoadBalancerInput{
			LoadBalancerName: name, Listeners: []elbtypes.Listener{listener(22, 22)}, Subnets: []string{w.public},
			SecurityGroups: []string{l.Resources.GroupID}, Tags: tags,
		}))
		if found, _, _ := w.survey(w.p, l); !found[l.ID].Reshaped {
			w.Errorf("not seen: %+v", found[l.ID])
		}
		w.close(l)
		w.clean(before)
	})
}
