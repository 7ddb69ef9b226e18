package fakeaws_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancing"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// granted counts how many calls of Classic ELB are answered at this moment.
func (b *bench) granted() int {
	b.t.Helper()
	for n := range 1000 {
		_, err := b.elb.DescribeLoadBalancers(b.ctx, &elb.DescribeLoadBalancersInput{})
		if code(err) == "ThrottlingException" {
			return n
		}
		b.ok(err)
	}
	return 1000
}

func TestClassicELBHasABudgetOfItsOwn(t *testing.T) {
	inBubble(t, fakeaws.Options{}, func(b *bench) {
		if n := b.home.ELBTokens(); n != 40 {
			t.Errorf("%v tokens at first", n)
		}
		if n := b.granted(); n != 40 {
			t.Errorf("%d calls at once", n)
		}
		_, err := b.ec2.DescribeVpcs(b.ctx, &ec2.DescribeVpcsInput{})
		b.ok(err) // which is not in it
		if n := b.cloud.Region(fakeaws.DefaultAccount, "eu-west-1").ELBTokens(); n != 40 {
			t.Errorf("another region has %v left", n)
		}
		time.Sleep(1500 * time.Millisecond)
		if n := b.granted(); n != 15 {
			t.Errorf("%d calls a second and a half later", n)
		}
		time.Sleep(time.Hour)
		if n := b.home.ELBTokens(); n != 40 {
			t.Errorf("%v tokens after an hour", n)
		}
	})
}

func TestSomebodyElseUsesTheBudget(t *testing.T) {
	inBubble(t, fakeaws.Options{}, func(b *bench) {
		b.home.UseELB(35)
		if n := b.granted(); n != 5 {
			t.Errorf("%d calls left", n)
		}
		b.home.LoadELB(8)
		time.Sleep(time.Second)
		if n := b.granted(); n != 2 {
			t.Errorf("%d calls a second beside them", n)
		}
		b.home.LoadELB(12)
		time.Sleep(time.Minute)
		if n := b.granted(); n != 0 {
			t.Errorf("%d calls where they take it all", n)
		}
	})
}

func TestABudgetOfOnesOwnChoice(t *testing.T) {
	inBubble(t, fakeaws.Options{ELBBurst: 3, ELBRate: 1}, func(b *bench) {
		if n := b.granted(); n != 3 {
			t.Errorf("%d calls at once", n)
		}
		time.Sleep(2 * time.Second)
		if n := b.granted(); n != 2 {
			t.Errorf("%d calls two seconds later", n)
		}
	})
	inBubble(t, fakeaws.Options{ELBBurst: -1}, func(b *bench) {
		if n := b.granted(); n != 1000 {
			t.Errorf("%d calls without a budget", n)
		}
	})
}

func TestSlowAWS(t *testing.T) {
	inBubble(t, fakeaws.SlowAWS(), func(b *bench) {
		took := func(f func()) time.Duration {
			start := time.Now()
			f()
			return time.Since(start)
		}
		group := b.home.AddGroup(b.note.VPC, "mine", nil)
		b.letIn(group)
		if got := took(func() { _, err := b.elb.CreateLoadBalancer(b.ctx, b.createInput(group)); b.ok(err) }); got != 900*time.Millisecond {
			t.Errorf("the create took %v", got)
		}
		name := "sshforward-" + lease
		if got := took(func() { b.check(name, 5, 2) }); got != 60*time.Millisecond {
			t.Errorf("a call took %v", got)
		}
		b.home.RegisterOther(name, b.note.Web)
		start := time.Now()
		for {
			if lb, _ := b.home.LoadBalancer(name); lb.Instances[0].State == "InService" {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		if got := time.Since(start); got != 12*time.Second {
			t.Errorf("in service after %v", got)
		}
	})
}
