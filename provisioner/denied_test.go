package provisioner_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// Under a policy with conditions on tags, what is gone is denied, and what was just
// made is denied until IAM sees it. Neither is taken for a missing permission.

// A delete that worked and whose answer was lost is denied when it is repeated.
func TestDeniedAfterALostAnswer(t *testing.T) {
	for _, op := range []string{
		"elasticloadbalancing:DeleteLoadBalancer", "ec2:DeleteSecurityGroup", "ec2:RevokeSecurityGroupIngress",
		"elasticloadbalancing:DeregisterInstancesFromLoadBalancer",
	} {
		inFakeNamed(t, op, worldOptions{}, func(w *world) {
			before := w.foreign()
			l := w.lease("web-1")
			w.open(l)
			lost := false
			w.cloud.SetFault(func(c fakeaws.Call) fakeaws.Fault {
				if c.String() == op && !lost {
					lost = true
					return fakeaws.Fault{Lost: true}
				}
				return fakeaws.Fault{}
			})
			w.startClosing(l)
			for range 20 { // no error may come of it, and no minute pass
				step, err := w.p.Close(w.ctx, l)
				if l.Resources = step.Resources; err != nil {
					w.Fatalf("close: %v", err)
				}
				if step.Wait == 0 {
					break
				}
				w.sleep(step.Wait)
			}
			w.clean(before)
		})
	}
}

// An end that is moved on something that is gone says what is gone.
func TestExtendWhatIsGone(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		time.Sleep(10 * time.Minute)
		w.deleteBalancer(l)
		l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
		_, err := w.p.Extend(w.ctx, l)
		w.wantCode(err, sshforward.ENOTFOUND)
		if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, "load balancer") {
			w.Errorf("message %q", m)
		}
	})
}

// A permission that is really missing is said after a minute, and not before: until
// then it looks like what IAM does not see yet.
func TestReallyDenied(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageHealth)
		w.cloud.Deny("elasticloadbalancing:ConfigureHealthCheck")
		step, err := w.p.Open(w.ctx, l)
		if err != nil || step.Wait == 0 || !strings.Contains(step.Detail.String(), "lacks a permission") {
			w.Errorf("at first: %+v, %v", step, err)
		}
		err = w.do(l)
		w.wantCode(err, sshforward.EFORBIDDEN)
		if took := time.Since(l.StageSince); took < time.Minute || took > 70*time.Second {
			w.Errorf("given up after %s", took)
		}
		if m := sshforward.ErrorMessage(err).String(); !strings.Contains(m, "elasticloadbalancing:ConfigureHealthCheck") {
			w.Errorf("message %q", m)
		}
	})
}

// What AWS has refused to make is not on its way: closing does not wait for it.
func TestRefusedIsNotAwaited(t *testing.T) {
	for op, stage := range map[string]sshforward.Stage{
		"ec2:CreateSecurityGroup": sshforward.StageGroup, "elasticloadbalancing:CreateLoadBalancer": sshforward.StageBalancer,
	} {
		inFakeNamed(t, op, worldOptions{}, func(w *world) {
			before := w.foreign()
			l := w.lease("web-1")
			w.upTo(l, stage)
			w.cloud.Deny(op)
			w.wantCode(w.do(l), sshforward.EFORBIDDEN)
			began := time.Now()
			w.close(l)
			if took := time.Since(began); took > 5*time.Second {
				w.Errorf("closing took %s", took)
			}
			w.clean(before)
		})
	}
}
