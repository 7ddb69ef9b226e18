package provisioner

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward"
)

const (
	// lookHeadStart is how long deregistering waits for the look at whose the load
	// balancer is, where the store's record is proof enough without it.
	lookHeadStart = time.Second
	// lookAtMost is how long deleting waits for it then.
	lookAtMost = 30 * time.Second
)

// ownership is what a look at the load balancer of the lease's name has found;
// err is errNoBalancer if there is none.
type ownership struct {
	mine bool
	err  error
}

// madeBalancer reports whether the store has recorded that the lease made, or
// proved to be its own, the load balancer of its name.
func (r *run) madeBalancer() bool { return r.l.Resources.DNSName != "" }

// endSessions deregisters the instance: with draining off this closes live
// sessions at once, and how fast deleting the load balancer does is not
// documented. Whose the load balancer is, is looked at first. But an AWS that is
// slow to say so, or cannot, holds up no end: then the store's record counts.
func (r *run) endSessions(ctx context.Context) (look ownership) {
	if r.l.Resources.BalancerGone {
		return ownership{err: errNoBalancer}
	}
	bound, cancel := ctx, context.CancelFunc(func() {})
	if r.madeBalancer() {
		bound, cancel = context.WithTimeout(ctx, lookAtMost)
	}
	defer cancel()
	looked := make(chan struct{})
	r.together(
		func() error {
			defer close(looked)
			look.mine, look.err = r.ownsBalancer(bound)
			return nil
		},
		func() error {
			var headStart <-chan time.Time
			if r.madeBalancer() {
				headStart = time.After(lookHeadStart)
			}
			select {
			case <-looked:
				if look.err == nil && look.mine || look.err != nil && !errors.Is(look.err, errNoBalancer) && r.madeBalancer() {
					r.deregister(ctx)
				}
			case <-headStart:
				r.deregister(ctx)
			}
			return nil
		},
	)
	return look
}

// deregister notes a failure only if there is something to read back: when the
// load balancer is deleted there is nothing to be deregistered from.
func (r *run) deregister(ctx context.Context) {
	if r.l.Instance.ID == "" || r.deregistered {
		return
	}
	_, err := r.elb.DeregisterInstancesFromLoadBalancer(ctx, r.deregistration())
	r.deregistered = err == nil || hasCode(err, balancerInstance, balancerNotFound)
	if err != nil && !r.deregistered {
		r.p.log.WarnContext(ctx, "the instance could not be deregistered; its load balancer is deleted all the same",
			"lease", r.l.ID, "err", err)
	}
}

// deregistration takes the instance from the load balancer.
func (r *run) deregistration() *elb.DeregisterInstancesFromLoadBalancerInput {
	return &elb.DeregisterInstancesFromLoadBalancerInput{
		LoadBalancerName: aws.String(r.name),
		Instances:        []elbtypes.Instance{{InstanceId: aws.String(r.l.Instance.ID)}},
	}
}

// readBacks are the pauses before each look at whether the instance is
// deregistered. Deregistering is asynchronous, and deleting waits no longer.
var readBacks = []time.Duration{0, 500 * time.Millisecond, time.Second}

// readBackEnd records when AWS says that nothing is behind the load balancer any
// more: it ends the sessions before it says so.
func (r *run) readBackEnd(ctx context.Context) {
	if !r.deregistered || !r.l.Resources.EndSeenAt.IsZero() {
		return
	}
	if r.awaitDeregistered(ctx) {
		r.learn(func(res *sshforward.Resources) { res.EndSeenAt = time.Now() })
	}
}

// awaitDeregistered reports whether AWS says, within some two seconds, that the
// instance is not behind the load balancer any more.
func (r *run) awaitDeregistered(ctx context.Context) bool {
	pauses := time.Duration(0)
	for _, p := range readBacks {
		pauses += p
	}
	ctx, cancel := context.WithTimeout(ctx, pauses+500*time.Millisecond)
	defer cancel()
	for _, pause := range readBacks {
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return false
		}
		// Without ids it lists what is registered; asked about an instance that is
		// not, it has an answer all the same.
		out, err := r.elb.DescribeInstanceHealth(ctx, &elb.DescribeInstanceHealthInput{LoadBalancerName: aws.String(r.name)})
		if hasCode(err, balancerNotFound) || err == nil && !slices.ContainsFunc(out.InstanceStates, func(s elbtypes.InstanceState) bool {
			return aws.ToString(s.InstanceId) == r.l.Instance.ID
		}) {
			return true
		}
	}
	return false
}

// balancerSeenGone records that there is no load balancer at that time.
func balancerSeenGone(at time.Time) func(*sshforward.Resources) {
	return func(res *sshforward.Resources) {
		res.BalancerGone = true
		if res.EndSeenAt.IsZero() && res.EndAcceptedAt.IsZero() {
			res.EndSeenAt = at
		}
	}
}
