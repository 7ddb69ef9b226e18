package provisioner_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

// A VPC that gets IPv6 between the look at it and the lease's group: the group lets
// all of that out, which opening does not take away. The next survey sees it, and
// mending takes it away.
func TestIPv6ThatComesLate(t *testing.T) {
	both(t, withDeadMan(), func(w *world) {
		l := w.lease("web-1")
		if !l.Placement.NoIPv6 {
			t.Fatal("the VPC has IPv6 from the start")
		}
		w.withIPv6()
		before := w.foreign()
		w.open(l)
		out := func() []types.SecurityGroupRule {
			return w.rulesWhere(func(r types.SecurityGroupRule) bool {
				return *r.GroupId == l.Resources.GroupID && aws.ToString(r.CidrIpv6) != ""
			})
		}
		if rules := out(); len(rules) != 1 {
			t.Errorf("the group lets out %v over IPv6, want the one rule that a new group has", rules)
		}
		if got := flags(w.found(l)); got != whole+" widened" {
			t.Errorf("it is seen as %s", got)
		}
		step, err := w.p.Mend(w.ctx, l)
		if err != nil || step.Wait != 0 {
			t.Fatalf("%+v, %v", step, err)
		}
		l.Resources = step.Resources
		if rules := out(); len(rules) > 0 {
			t.Errorf("mended it lets out %v", rules)
		}
		if got := flags(w.found(l)); got != whole {
			t.Errorf("mended it is seen as %s", got)
		}
		w.checkOpen(l)
		w.close(l)
		w.clean(before)
	})
}
