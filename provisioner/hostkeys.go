package provisioner

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/sshforward/sshforward"
)

// consoleTimeout bounds the read of a console. It goes on while the load
// balancer is busy with the registration, which takes longer: up to about 30 s,
// and then two health checks have to pass that are 5 s apart.
const consoleTimeout = 5 * time.Second

// findHostKeys reads the instance's public host keys from its console, where
// cloud-init has put them, so that people can be told what ssh will ask them
// about. They are a kindness: none is no error and nobody waits for them. The
// console is minutes late after the first boot; then there are none.
//
// It is read once in a life: not again when the stage is repeated, whatever
// the first try has brought, unless by another process.
func (r *run) findHostKeys(ctx context.Context) {
	if r.l.Resources.HostKeys != "" {
		return
	}
	keys, tried := r.p.consoles.Load(r.l.ID)
	if !tried {
		keys = r.readHostKeys(ctx)
		if ctx.Err() != nil {
			return // it was not the console that was slow
		}
		r.p.consoles.Store(r.l.ID, keys)
	}
	r.learn(func(res *sshforward.Resources) { res.HostKeys = keys.(string) })
}

// readHostKeys makes one call and does not repeat it.
func (r *run) readHostKeys(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, consoleTimeout)
	defer cancel()
	// Latest is for Nitro instances alone and refused by all others.
	out, err := r.ec2.GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: aws.String(r.l.Instance.ID)},
		func(o *ec2.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		r.p.log.DebugContext(ctx, "no host keys", "lease", r.l.ID, "step", r.l.Stage, "err", err)
		return ""
	}
	return hostKeysIn(aws.ToString(out.Output))
}
