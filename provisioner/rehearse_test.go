package provisioner_test

import (
	"strings"
	"testing"
	"time"
)

// What an opening may not do is said before anybody tries, and nothing is made.
func TestRehearse(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		in := w.lease("web-1").Instance
		if err := w.p.Rehearse(w.ctx, in); err != nil {
			t.Errorf("everything is allowed, and it says %v", err)
		}
		for operation, want := range map[string]string{
			"ec2:CreateSecurityGroup":           "make a tagged security group in " + in.VPC,
			"ec2:AuthorizeSecurityGroupIngress": "add a rule to any group of " + in.ID,
			"ec2:RevokeSecurityGroupIngress":    "take a rule out of " + in.Groups[0],
		} {
			w.cloud.Deny(operation)
			if err := w.p.Rehearse(w.ctx, in); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("without %s it says %v", operation, err)
			}
			w.cloud.Allow(operation)
		}
		if left := w.leftovers(); len(left) > 0 {
			t.Errorf("it has made %v", left)
		}
	})
}

func TestClockOff(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		for _, skew := range []time.Duration{0, 40 * time.Second, -40 * time.Second} {
			w.cloud.SetClockSkew(skew)
			off, err := w.p.ClockOff(w.ctx, w.lease("web-1").Instance.Account)
			if d := off - skew; err != nil || d < -time.Second || d > time.Second {
				t.Errorf("AWS is ahead by %s, and it says %s, %v", skew, off, err)
			}
		}
	})
}

// ELB has no DryRun: it is asked for what cannot be done, and nothing is made.
func TestRehearseBalancer(t *testing.T) {
	o := withDeadMan()
	o.fake.MissingIsNotFound = true // as under deploy/iam-policy.json, which goes by names
	inFake(t, o, func(w *world) {
		l := w.lease("web-1")
		if err := w.p.RehearseBalancer(w.ctx, l.Instance, l.Placement.Subnet); err != nil {
			t.Errorf("everything is allowed, and it says %v", err)
		}
		for operation, want := range map[string]string{
			"elasticloadbalancing:CreateLoadBalancer":                  "make a tagged load balancer in " + l.Placement.Subnet,
			"elasticloadbalancing:ConfigureHealthCheck":                "set the health check",
			"elasticloadbalancing:ModifyLoadBalancerAttributes":        "set the attributes",
			"elasticloadbalancing:RegisterInstancesWithLoadBalancer":   "put an instance behind",
			"elasticloadbalancing:DescribeInstanceHealth":              "read the health",
			"elasticloadbalancing:DeregisterInstancesFromLoadBalancer": "take an instance away",
			"elasticloadbalancing:DeleteLoadBalancer":                  "delete a load balancer",
			"scheduler:DeleteSchedule":                                 "delete a dead-man switch",
		} {
			w.cloud.Deny(operation)
			err := w.p.RehearseBalancer(w.ctx, l.Instance, l.Placement.Subnet)
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "("+operation+")") ||
				strings.Count(err.Error(), "does not let me") != 1 {
				t.Errorf("without %s it says %v", operation, err)
			}
			w.cloud.Allow(operation)
		}
		if left := w.leftovers(); len(left) > 0 {
			t.Errorf("it has made %v", left)
		}
	})
}

// Under a policy that goes by tags everything about what is not there is denied,
// but for making it.
func TestRehearseMakingABalancer(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		if err := w.p.RehearseMakingBalancer(w.ctx, l.Instance, l.Placement.Subnet); err != nil {
			t.Errorf("it is allowed, and it says %v", err)
		}
		w.cloud.Deny("elasticloadbalancing:CreateLoadBalancer")
		err := w.p.RehearseMakingBalancer(w.ctx, l.Instance, l.Placement.Subnet)
		if err == nil || !strings.Contains(err.Error(), "make a tagged") {
			t.Errorf("it says %v", err)
		}
	})
}

// What each answer of AWS says of the time is enough to know how far the clock is off.
func TestClockSkewOfOrdinaryCalls(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		if off, known := w.p.ClockSkew(); known {
			t.Errorf("before any call it says %s", off)
		}
		for _, skew := range []time.Duration{0, 30 * time.Second, -30 * time.Second} {
			w.cloud.SetClockSkew(skew)
			for range 12 {
				if _, err := w.p.ClockOff(w.ctx, w.lease("web-1").Instance.Account); err != nil {
					t.Fatal(err)
				}
			}
			off, known := w.p.ClockSkew()
			if d := off - skew; !known || d.Abs() > time.Second {
				t.Errorf("AWS is ahead by %s, and it says %s, %t", skew, off, known)
			}
		}
	})
}
