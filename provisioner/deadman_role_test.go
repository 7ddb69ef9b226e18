package provisioner_test

import (
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

// In each partition Scheduler's target is of that partition, and goes off.
func TestDeadManInEveryPartition(t *testing.T) {
	for region, partition := range map[string]string{"eu-west-1": "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"} {
		o := withDeadMan()
		o.region = region
		o.accounts[0].Region = region
		o.accounts[0].DeadMan.RoleARN = "arn:" + partition + ":iam::123456789012:role/sshforward-deadman"
		inFakeNamed(t, region, o, func(w *world) {
			l := w.lease("web-1")
			w.open(l)
			if got, want := *w.deadMan(l).Target.Arn, "arn:"+partition+":scheduler:::aws-sdk:elasticloadbalancing:deleteLoadBalancer"; got != want {
				w.Errorf("target %s, want %s", got, want)
			}
			time.Sleep(time.Until(l.ExpiresAt.Add(5*time.Minute + time.Second)))
			if _, there := w.cloud.Home().LoadBalancer(sshforward.Name(deployment, l.ID)); there {
				w.Error("it did not go off")
			}
			w.close(l)
		})
	}
}

// A role made a moment ago is waited for.
func TestDeadManFreshRole(t *testing.T) {
	o := withDeadMan()
	o.fake.RoleVisibleAfter = 20 * time.Second
	inFake(t, o, func(w *world) {
		before := w.foreign()
		l := w.lease("web-1")
		began := time.Now()
		enter(l, sshforward.StageGroup)
		step, err := w.p.Open(w.ctx, l)
		if err != nil || step.Wait == 0 || !strings.Contains(step.Detail.String(), "does not accept the role") {
			w.Errorf("%+v, %v", step, err)
		}
		w.open(l)
		if took := time.Since(began); took < 20*time.Second || took > 30*time.Second {
			w.Errorf("opened after %s", took)
		}
		w.close(l)
		w.clean(before)
	})
}

// A role that Scheduler may not assume, or that is not there, is said after a
// minute, in one sentence, and leaves nothing behind.
func TestDeadManWrongRole(t *testing.T) {
	for what, spoil := range testenv.ThinnedRows(map[string]func(w *world, role string){
		"trusts somebody else": func(w *world, role string) { w.cloud.AddRole(role, "lambda.amazonaws.com") },
		"trusts nobody":        func(w *world, role string) { w.cloud.AddRole(role) },
	}, 2) {
		inFakeNamed(t, what, withDeadMan(), func(w *world) {
			before := w.foreign()
			role := w.opts.accounts[0].DeadMan.RoleARN
			spoil(w, role)
			l := w.lease("web-1")
			enter(l, sshforward.StageGroup)
			err := w.do(l)
			w.wantCode(err, sshforward.EINVALID)
			if took := time.Since(l.StageSince); took < time.Minute || took > 70*time.Second {
				w.Errorf("it was said after %s", took)
			}
			said := sshforward.ErrorMessage(err).String()
			for _, want := range []string{role, "dead-man switch", "scheduler.amazonaws.com assume it"} {
				if !strings.Contains(said, want) {
					w.Errorf("it says %q", said)
				}
			}
			w.close(l)
			w.clean(before)
		})
	}
}

// The end of a lease that is nearly over is not moved into the past, which
// Scheduler refuses.
func TestDeadManNotInThePast(t *testing.T) {
	o := withDeadMan()
	o.accounts[0].DeadMan.Grace = 0
	inFake(t, o, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		l.ExpiresAt = time.Now()
		if _, err := w.p.Extend(w.ctx, l); err != nil {
			w.Error(err)
		}
		w.close(l)
	})
}

// The doctor's probe: what is wrong is said, and nothing is left.
func TestProbeDeadMan(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		if configured, err := w.p.ProbeDeadMan(w.ctx, "main"); !configured || err != nil {
			w.Errorf("%t, %v", configured, err)
		}
		if left := w.leftovers(); len(left) > 0 {
			w.Errorf("left over: %q", left)
		}
	})
	for what, test := range map[string]struct {
		spoil func(w *world)
		says  string
	}{
		"no right to make it":      {func(w *world) { w.cloud.Deny("scheduler:CreateSchedule") }, "scheduler:CreateSchedule"},
		"no right to hand it over": {func(w *world) { w.cloud.Deny("iam:PassRole") }, "iam:PassRole"},
		"no right to remove it":    {func(w *world) { w.cloud.Deny("scheduler:DeleteSchedule") }, "scheduler:DeleteSchedule"},
		"the wrong trust": {func(w *world) {
			w.cloud.AddRole(w.opts.accounts[0].DeadMan.RoleARN, "ec2.amazonaws.com")
		}, "let scheduler.amazonaws.com assume it"},
	} {
		inFakeNamed(t, what, withDeadMan(), func(w *world) {
			test.spoil(w)
			configured, err := w.p.ProbeDeadMan(w.ctx, "main")
			if said := sshforward.ErrorMessage(err).String(); !configured || !strings.Contains(said, test.says) {
				w.Errorf("it says %q", said)
			}
		})
	}
	inFakeNamed(t, "none configured", worldOptions{}, func(w *world) {
		if configured, err := w.p.ProbeDeadMan(w.ctx, "main"); configured || err != nil || countOf(w.calls.take(), "scheduler:") > 0 {
			w.Errorf("%t, %v", configured, err)
		}
	})
}
