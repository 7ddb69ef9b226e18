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
func (w *pass) findHostKeys(ctx context.Context) {
	if w.l.Resources.HostKeys != "" {
		return
	}
	keys, tried := w.p.consoles.Load(w.l.ID)
	if !tried {
		keys = w.readHostKeys(ctx)
		if ctx.Err() != nil {
			return // it was not the console that was slow
		}
		w.p.consoles.Store(w.l.ID, keys)
	}
	w.learn(func(r *sshforward.Resources) { r.HostKeys = keys.(string) })
}

// readHostKeys makes one call and does not repeat it.
func (w *pass) readHostKeys(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, consoleTimeout)
	defer cancel()
	// Latest is for Nitro instances alone and refused by all others.
	out, err := w.ec2.GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: aws.String(w.l.Instance.ID)},
		func(o *ec2.Options) { o.Retryer = aws.NopRetryer{} })
	if err != nil {
		w.p.log.DebugContext(ctx, "no host keys", "lease", w.l.ID, "step", w.l.Stage, "err", err)
		return ""
	}
	return hostKeysIn(aws.ToString(out.Output))
}
