package provisioner_test

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// session is somebody's ssh through an open lease.
func (w *world) session(l *sshforward.Lease) *fakeaws.Session {
	w.Helper()
	return must(w.cloud.Home().Dial(sshforward.Name(deployment, l.ID), netip.MustParseAddr("203.0.113.7"), 22))
}

// sshd restarts, or a host is busy for a while: the health check fails, and
// nobody's session ends.
func TestAFlapDoesNotEndASession(t *testing.T) {
	for _, down := range []time.Duration{30 * time.Second, 4 * time.Minute} {
		inFakeNamed(t, down.String(), worldOptions{fake: fakeaws.Options{UnhealthyTiming: true}}, func(w *world) {
			l := w.lease("web-1")
			w.open(l)
			s := w.session(l)
			w.cloud.Home().SetPorts(w.web)
			time.Sleep(down)
			w.cloud.Home().SetPorts(w.web, 22)
			time.Sleep(time.Minute)
			if at, why := s.Ended(); !s.Alive() {
				w.Errorf("the session was cut at %v: %s", at.Sub(s.Began), why)
			}
			if h := must(w.p.Health(w.ctx, l)); !h.InService {
				w.Errorf("after it: %+v", h)
			}
		})
	}
}

// A host that refuses whoever knocks six times in half a minute is reached all
// the same, since the check slows down.
func TestLimitedConnections(t *testing.T) {
	inFake(t, worldOptions{fake: fakeaws.Options{HealthTiming: true, UnhealthyTiming: true}}, func(w *world) {
		w.cloud.Home().LimitConnections(w.web)
		l := w.lease("web-1")
		began := time.Now()
		w.open(l)
		if took := time.Since(began); took < 20*time.Second || took > 45*time.Second {
			w.Errorf("opened after %v", took)
		}
		w.checkOpen(l)
	})
}

// The stage that ends with an instance in service has slowed the check down by
// then and has looked once more, so that nobody is shown a command too early.
func TestCheckedRarelyBeforeItIsShown(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageService)
		w.calls.take()
		time.Sleep(time.Second)
		step, err := w.p.Open(w.ctx, l)
		if err != nil || step.Wait > 0 {
			w.Fatalf("%+v, %v", step, err)
		}
		want := []string{"elasticloadbalancing:DescribeInstanceHealth", "elasticloadbalancing:ConfigureHealthCheck",
			"elasticloadbalancing:DescribeInstanceHealth"}
		if got := w.calls.take(); !slices.Equal(got, want) {
			w.Errorf("calls %q, want %q", got, want)
		}
		if h := w.balancer(l)[0].HealthCheck; *h.Interval != 30 {
			w.Errorf("checked every %d s", *h.Interval)
		}
		// Out of service at the second look: the stage is not complete.
		l.Resources = step.Resources
		w.cloud.Home().SetPorts(w.web)
		if step, err = w.p.Open(w.ctx, l); err != nil || step.Wait == 0 {
			w.Errorf("out of service, and: %+v, %v", step, err)
		}
	})
}

// What people are told of an open lease whose instance cannot be reached.
func TestHealth(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		for _, test := range []struct {
			what    string
			do      func(h *fakeaws.Region)
			in      bool
			state   string
			because string
			calls   int
		}{
			{"as it is", func(*fakeaws.Region) {}, true, "", "", 1},
			{"sshd is gone", func(h *fakeaws.Region) { h.SetPorts(w.web) }, false, "running", "UnhealthyThreshold", 2},
			{"back", func(h *fakeaws.Region) { h.SetPorts(w.web, 22) }, true, "", "", 1},
			{"stopped", func(h *fakeaws.Region) { h.Stop(w.web) }, false, "stopped", "stopped state", 2},
			{"no permission to look", func(*fakeaws.Region) { w.cloud.Deny("ec2:DescribeInstances") }, false, "", "stopped state", 2},
		} {
			test.do(w.cloud.Home())
			w.calls.take()
			h, err := w.p.Health(w.ctx, l)
			if err != nil || h.InService != test.in || h.State != test.state || !strings.Contains(h.Why.String(), test.because) {
				w.Errorf("%s: %+v, %v", test.what, h, err)
			}
			if calls := w.calls.take(); len(calls) != test.calls {
				w.Errorf("%s: calls %q", test.what, calls)
			}
		}
		w.cloud.Home().RemoveLoadBalancer(sshforward.Name(deployment, l.ID))
		_, err := w.p.Health(w.ctx, l)
		w.wantCode(err, sshforward.ENOTFOUND)
	})
}

// What was built ahead and is gone at the last yes is said at once, and not waited
// for like something that was just made.
func TestGoneAtTheLastYes(t *testing.T) {
	for _, ready := range []bool{true, false} {
		inFakeNamed(t, fmt.Sprint("ready ", ready), worldOptions{}, func(w *world) {
			before := w.foreign()
			l := w.lease("web-1")
			w.upTo(l, sshforward.StageName)
			w.deleteBalancer(l)
			enter(l, sshforward.StageService)
			if ready {
				l.Prepared.Since, l.Prepared.ReadyAt = time.Now().Add(-time.Hour), time.Now().Add(-time.Minute)
			}
			step, err := w.p.Open(w.ctx, l)
			if ready {
				w.wantCode(err, sshforward.ENOTFOUND)
			} else if err != nil || step.Wait == 0 {
				w.Errorf("%+v, %v", step, err)
			}
			w.close(l)
			w.clean(before)
		})
	}
}
