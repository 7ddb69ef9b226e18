package fakeaws_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// only makes a fault of the calls of one operation.
func only(operation string, f fakeaws.Fault) func(fakeaws.Call) fakeaws.Fault {
	return func(c fakeaws.Call) fakeaws.Fault {
		if c.String() == operation {
			return f
		}
		return fakeaws.Fault{}
	}
}

func TestFaults(t *testing.T) {
	const op = "ec2:CreateSecurityGroup"
	for _, tt := range []struct {
		name    string
		fault   fakeaws.Fault
		code    string // of the call, "lost" for a broken connection
		effects int
		after   time.Duration
	}{
		{"none", fakeaws.Fault{}, "", 1, 0},
		{"code", fakeaws.Fault{Code: "RequestLimitExceeded"}, "RequestLimitExceeded", 0, 0},
		{"throttled", fakeaws.Throttled("ec2"), "RequestLimitExceeded", 0, 0},
		{"server error", fakeaws.Fault{Code: "InternalError", Status: 500}, "InternalError", 0, 0},
		{"unsent", fakeaws.Fault{Unsent: true}, "lost", 0, 0},
		{"lost", fakeaws.Fault{Lost: true}, "lost", 1, 0},
		{"slow", fakeaws.Fault{Delay: 3 * time.Second, SlowReply: 4 * time.Second}, "", 1, 7 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, fakeaws.Options{Fault: only(op, tt.fault)})
				start, before := time.Now(), len(b.home.Groups())
				_, err := b.ec2.CreateSecurityGroup(b.ctx, &ec2.CreateSecurityGroupInput{
					GroupName: aws.String("g"), Description: aws.String("g"), VpcId: &b.note.VPC,
				})
				var broken *net.OpError
				if lost := errors.As(err, &broken); lost != (tt.code == "lost") {
					t.Errorf("error %v", err)
				} else if !lost {
					b.want(err, tt.code)
				}
				if got := len(b.home.Groups()) - before; got != tt.effects {
					t.Errorf("%d groups made, want %d", got, tt.effects)
				}
				if got := time.Since(start); got != tt.after {
					t.Errorf("took %v, want %v", got, tt.after)
				}
				calls := b.cloud.Calls()
				if len(calls) != 1 || calls[0].String() != op || calls[0].Params.Get("GroupName") != "g" ||
					calls[0].Account != fakeaws.DefaultAccount || calls[0].Region != fakeaws.DefaultRegion {
					t.Fatalf("calls: %+v", calls)
				}
				if lost := calls[0].Lost; lost != (tt.code == "lost") {
					t.Errorf("recorded as lost: %t", lost)
				}
			})
		})
	}
}

func TestSDKTriesAgainAfterALostAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := 0
		cloud := fakeaws.New(fakeaws.Options{Fault: func(fakeaws.Call) fakeaws.Fault {
			n++
			return fakeaws.Fault{Lost: n == 1}
		}})
		note := cloud.Home().FieldNote()
		cfg := config(cloud)
		cfg.Retryer = func() aws.Retryer { return retry.NewStandard() }
		_, err := ec2.NewFromConfig(cfg).CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
			GroupName: aws.String("g"), Description: aws.String("g"), VpcId: &note.VPC,
		})
		if code(err) != "InvalidGroup.Duplicate" {
			t.Errorf("code %q, want the duplicate of its own first attempt", code(err))
		}
	})
}

func TestCrash(t *testing.T) {
	for name, f := range map[string]fakeaws.Fault{
		"before": {Before: func() { panic("crash") }},
		"after":  {After: func() { panic("crash") }},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, fakeaws.Options{})
			b.cloud.SetFault(only("ec2:CreateSecurityGroup", f))
			func() {
				defer func() {
					if recover() != "crash" {
						t.Error("no crash")
					}
				}()
				b.createGroup()
			}()
			want := 0
			if name == "after" {
				want = 1
			}
			if got := len(b.home.Leftovers(tagKey, lease)); got != want {
				t.Errorf("%d things made, want %d", got, want)
			}
		})
	}
}

func TestCancelledWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{Fault: only("ec2:CreateSecurityGroup", fakeaws.Fault{Delay: time.Hour})})
		ctx, cancel := context.WithTimeout(b.ctx, time.Second)
		defer cancel()
		_, err := b.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
			GroupName: aws.String("g"), Description: aws.String("g"), VpcId: &b.note.VPC,
		})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		for _, g := range b.home.Groups() {
			if g.Name == "g" {
				t.Error("the call took effect although it was given up before")
			}
		}
	})
}

func TestChaosIsRepeatable(t *testing.T) {
	run := func(c *fakeaws.Chaos) (out string) {
		for i := range 200 {
			f := c.Fault(fakeaws.Call{Service: "ec2", Operation: []string{"A", "B"}[i%2]})
			out += fmt.Sprint(f.Code, f.Unsent, f.Lost, " ")
		}
		return out
	}
	first := run(fakeaws.NewChaos(7, 0.3))
	if first != run(fakeaws.NewChaos(7, 0.3)) || first == run(fakeaws.NewChaos(8, 0.3)) {
		t.Error("the seed does not decide the faults")
	}
	if s := fakeaws.NewChaos(7, 0.3).String(); s != "fakeaws.NewChaos(7, 0.3)" {
		t.Errorf("printed as %s", s)
	}
	if one, other := fakeaws.NewChaos(0, 0.3), fakeaws.NewChaos(0, 0.3); one.String() == other.String() {
		t.Error("seed 0 is not replaced")
	}
}

func TestLifeUnderChaos(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		synctest.Test(t, func(t *testing.T) {
			chaos := fakeaws.NewChaos(seed, 0.3)
			b := newBench(t, fakeaws.Options{Fault: chaos.Fault, MissingIsNotFound: true})
			in := b.createInput(b.home.AddGroup(b.note.VPC, "mine", nil))
			// Create and delete are both safe to repeat, so that trying until it
			// works has to arrive.
			until := func(call func() error) {
				t.Helper()
				for range 100 {
					if call() == nil {
						return
					}
				}
				t.Fatalf("%v: never got through", chaos)
			}
			until(func() error { _, err := b.elb.CreateLoadBalancer(b.ctx, in); return err })
			until(func() error {
				_, err := b.elb.DeleteLoadBalancer(b.ctx, &elb.DeleteLoadBalancerInput{LoadBalancerName: in.LoadBalancerName})
				return err
			})
			if n := len(b.home.LoadBalancers()); n != 1 { // the bystander's
				t.Errorf("%v: %d load balancers", chaos, n)
			}
		})
	}
}

func TestRateLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, fakeaws.Options{Rate: 1, Burst: 2})
		call := func() string {
			_, err := b.ec2.DescribeVpcs(b.ctx, &ec2.DescribeVpcsInput{})
			return code(err)
		}
		other := func() string {
			_, err := b.elb.DescribeLoadBalancers(b.ctx, &elb.DescribeLoadBalancersInput{})
			return code(err)
		}
		got := []string{call(), call(), call(), other(), other(), other()}
		want := []string{"", "", "RequestLimitExceeded", "", "", "Throttling"}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("codes %q, want %q", got, want)
		}
		time.Sleep(time.Second)
		if got := call(); got != "" {
			t.Errorf("a second later: %s", got)
		}
	})
}

func TestOverARealListener(t *testing.T) {
	cloud := fakeaws.New(fakeaws.Options{})
	note := cloud.Home().FieldNote()
	server := httptest.NewServer(cloud)
	defer server.Close()
	cfg := config(cloud)
	cfg.HTTPClient, cfg.BaseEndpoint = server.Client(), aws.String(server.URL)
	client := ec2.NewFromConfig(cfg)
	out, err := client.DescribeInstances(t.Context(), &ec2.DescribeInstancesInput{InstanceIds: []string{note.Web}})
	if err != nil || len(out.Reservations) != 1 {
		t.Fatalf("%+v, %v", out, err)
	}
	cloud.SetFault(func(fakeaws.Call) fakeaws.Fault { return fakeaws.Fault{Lost: true} })
	if _, err := client.DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{}); err == nil || code(err) == "InternalError" {
		t.Errorf("lost answer: %v, want a broken connection", err)
	}
}
