package fakeaws_test

import (
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing/types"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

var client = netip.MustParseAddr("203.0.113.7")

// inBubble runs a test in simulated time.
func inBubble(t *testing.T, o fakeaws.Options, test func(b *bench)) {
	synctest.Test(t, func(t *testing.T) { test(newBench(t, o)) })
}

// connected opens a forward and waits until a session stands.
func (b *bench) connected() (name string, s *fakeaws.Session) {
	b.t.Helper()
	_, name = b.open()
	for range 60 {
		var err error
		if s, err = b.home.Dial(name, client, 22); err == nil {
			return name, s
		}
		time.Sleep(time.Second)
	}
	b.t.Fatal("no session after a minute")
	return "", nil
}

// check sets the health check to port 22.
func (b *bench) check(name string, interval, unhealthy int32) {
	b.t.Helper()
	_, err := b.elb.ConfigureHealthCheck(b.ctx, &elb.ConfigureHealthCheckInput{
		LoadBalancerName: &name, HealthCheck: &elbtypes.HealthCheck{
			Target: aws.String("TCP:22"), Interval: &interval, Timeout: aws.Int32(3),
			HealthyThreshold: aws.Int32(2), UnhealthyThreshold: &unhealthy,
		},
	})
	b.ok(err)
}

func (b *bench) drain(name string, on bool, timeout int32) {
	b.t.Helper()
	_, err := b.elb.ModifyLoadBalancerAttributes(b.ctx, &elb.ModifyLoadBalancerAttributesInput{
		LoadBalancerName: &name, LoadBalancerAttributes: &elbtypes.LoadBalancerAttributes{
			ConnectionDraining: &elbtypes.ConnectionDraining{Enabled: on, Timeout: &timeout},
		},
	})
	b.ok(err)
}

func (b *bench) deregister(name string) {
	b.t.Helper()
	_, err := b.elb.DeregisterInstancesFromLoadBalancer(b.ctx, &elb.DeregisterInstancesFromLoadBalancerInput{
		LoadBalancerName: &name, Instances: []elbtypes.Instance{{InstanceId: &b.note.Web}},
	})
	b.ok(err)
}

func (b *bench) stands(s *fakeaws.Session, want bool) {
	b.t.Helper()
	if s.Alive() != want {
		at, why := s.Ended()
		b.t.Fatalf("stands: %t, want %t (ended %v: %s)", !want, want, at, why)
	}
}

func TestAnUnhealthyInstanceLosesItsSessions(t *testing.T) {
	for _, tt := range []struct {
		name                string
		interval, unhealthy int32
		draining            bool
		cutAfter            time.Duration // zero: never
	}{
		{"quick checks", 5, 2, false, 10 * time.Second},
		{"patient threshold", 5, 10, false, 50 * time.Second},
		{"patient threshold, slow checks", 30, 10, false, 5 * time.Minute},
		{"draining spares them", 5, 2, true, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, fakeaws.Options{HealthTiming: true}, func(b *bench) {
				name, s := b.connected()
				b.check(name, tt.interval, tt.unhealthy)
				b.drain(name, tt.draining, 300)
				if h := b.health(name); *h.State != "InService" {
					t.Fatalf("configuring the health check took it out of service: %s", *h.Description)
				}
				b.stands(s, true)
				down := time.Now()
				b.home.SetPorts(b.note.Web) // sshd is restarted, and does not come back
				if tt.cutAfter == 0 {
					time.Sleep(time.Hour)
					b.stands(s, true)
					return
				}
				time.Sleep(tt.cutAfter - time.Second)
				b.stands(s, true)
				time.Sleep(time.Minute)
				if at, why := s.Ended(); at.Sub(down) != tt.cutAfter || why != "instance out of service" {
					t.Errorf("cut after %v (%s), want %v", at.Sub(down), why, tt.cutAfter)
				}
				b.home.SetPorts(b.note.Web, 22)
				b.stands(s, false)
			})
		})
	}
}

func TestAShortFlapIsSurvived(t *testing.T) {
	inBubble(t, fakeaws.Options{HealthTiming: true}, func(b *bench) {
		name, s := b.connected()
		b.check(name, 5, 10)
		b.home.SetPorts(b.note.Web)
		time.Sleep(20 * time.Second)
		b.home.SetPorts(b.note.Web, 22)
		time.Sleep(time.Hour)
		b.stands(s, true)
	})
}

func TestQuickToOpenAndPatientAfterwards(t *testing.T) {
	inBubble(t, fakeaws.Options{UnhealthyTiming: true}, func(b *bench) {
		start := time.Now()
		_, s := b.connected() // 5 s, 2 failures
		if waited := time.Since(start); waited != 0 {
			t.Errorf("in service after %v", waited)
		}
		b.home.SetPorts(b.note.Web)
		time.Sleep(9 * time.Second)
		b.stands(s, true)
		time.Sleep(time.Second)
		b.stands(s, false)
	})
}

func TestDeregisteringCutsSessions(t *testing.T) {
	for _, tt := range []struct {
		name     string
		o        fakeaws.Options
		draining bool
		cutAfter time.Duration
	}{
		{"at once", fakeaws.Instant(), false, 0},
		{"as usual", fakeaws.Options{}, false, 500 * time.Millisecond},
		{"in its own time", fakeaws.Options{DeregisterDelay: 3 * time.Second}, false, 3 * time.Second},
		{"when drained", fakeaws.Options{DeregisterDelay: 3 * time.Second}, true, 13 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, tt.o, func(b *bench) {
				name, s := b.connected()
				b.drain(name, tt.draining, 10)
				b.deregister(name)
				states := func() int {
					out, err := b.elb.DescribeInstanceHealth(b.ctx, &elb.DescribeInstanceHealthInput{LoadBalancerName: &name})
					b.ok(err)
					return len(out.InstanceStates)
				}
				if tt.cutAfter > 0 {
					left := min(tt.cutAfter, time.Second) / 2
					time.Sleep(tt.cutAfter - left)
					b.stands(s, true)
					if h := b.health(name); *h.Description != "Instance deregistration currently in progress." {
						t.Errorf("meanwhile: %s", *h.Description)
					}
					if _, err := b.home.Dial(name, client, 22); (err == nil) == tt.draining {
						t.Errorf("a new session meanwhile: %v", err)
					}
					time.Sleep(left)
				}
				b.stands(s, false)
				if n := states(); n != 0 {
					t.Errorf("%d instances still listed", n)
				}
				_, err := b.home.Dial(name, client, 22)
				if !errors.Is(err, fakeaws.ErrRefused) {
					t.Errorf("a new session: %v", err)
				}
			})
		})
	}
}

func TestRegisteringAgainWhileDeregistering(t *testing.T) {
	inBubble(t, fakeaws.Options{DeregisterDelay: 3 * time.Second}, func(b *bench) {
		name, s := b.connected()
		b.deregister(name)
		_, err := b.elb.RegisterInstancesWithLoadBalancer(b.ctx, &elb.RegisterInstancesWithLoadBalancerInput{
			LoadBalancerName: &name, Instances: []elbtypes.Instance{{InstanceId: &b.note.Web}},
		})
		b.ok(err)
		time.Sleep(3 * time.Second)
		b.stands(s, false)
		if h := b.health(name); *h.State != "InService" {
			t.Errorf("registered anew: %s, %s", *h.State, *h.Description)
		}
	})
}

func TestWhatIsDeletedDeliversForAWhile(t *testing.T) {
	inBubble(t, fakeaws.Options{DeleteDelay: 5 * time.Second}, func(b *bench) {
		name, s := b.connected()
		_, err := b.elb.DeleteLoadBalancer(b.ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: &name})
		b.ok(err)
		time.Sleep(4 * time.Second)
		b.stands(s, true)
		if _, err := b.home.Route(name, client, 22); err != nil {
			t.Errorf("a new connection to its nodes: %v", err)
		}
		time.Sleep(time.Second)
		b.stands(s, false)
		if _, err := b.home.Route(name, client, 22); !errors.Is(err, fakeaws.ErrRefused) {
			t.Errorf("afterwards: %v", err)
		}
	})
}

func TestWhatElseEndsASession(t *testing.T) {
	for _, tt := range []struct {
		name   string
		happen func(b *bench, name string, s *fakeaws.Session)
		ends   bool
	}{
		{"deleting the load balancer", func(b *bench, name string, _ *fakeaws.Session) { b.home.RemoveLoadBalancer(name) }, true},
		{"stopping the instance", func(b *bench, _ string, _ *fakeaws.Session) { b.home.Stop(b.note.Web) }, true},
		{"terminating the instance", func(b *bench, _ string, _ *fakeaws.Session) { b.home.Terminate(b.note.Web) }, true},
		{"the client", func(_ *bench, _ string, s *fakeaws.Session) { s.Close() }, true},
		{"a rule less", func(b *bench, name string, _ *fakeaws.Session) {
			lb, _ := b.home.LoadBalancer(name)
			for _, u := range b.home.Rules() {
				if u.Group == lb.Groups[0] && !u.Egress {
					b.home.RemoveRule(u.ID)
				}
			}
		}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, fakeaws.Instant(), func(b *bench) {
				name, s := b.connected()
				tt.happen(b, name, s)
				b.stands(s, !tt.ends)
			})
		})
	}
}
