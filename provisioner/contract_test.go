package provisioner_test

import (
	"net/netip"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/provisioner/provisionertest"
)

// The contract, with all at once, with an AWS that is late with everything, and
// on somebody else's stand-in.
func TestContract(t *testing.T) {
	t.Parallel()
	late := withDeadMan()
	late.fake = fakeaws.Realistic()
	for name, o := range map[string]worldOptions{"at once": withDeadMan(), "late": late, "without dead-man switch": {}} {
		t.Run("fakeaws "+name, func(t *testing.T) {
			if name != "late" {
				testenv.SkipRaced(t, "the world that is late has all of the waits")
			}
			clauses := 0
			provisionertest.Run(t, func(t *testing.T, clause func(testing.TB, provisionertest.World)) {
				if clauses++; clauses%6 != 0 {
					testenv.SkipRaced(t, "a sixth of the clauses is enough there")
				}
				t.Parallel()
				inFake(t, o, func(w *world) { clause(w.TB, w.contract()) })
			})
		})
	}
	t.Run("moto", func(t *testing.T) {
		testenv.SkipRaced(t, notOnMoto)
		provisionertest.Run(t, func(t *testing.T, clause func(testing.TB, provisionertest.World)) {
			t.Parallel()
			w := newMoto(t, withDeadMan())
			clause(t, w.contract())
		})
	})
}

// contract is the world as the contract sees it.
func (w *world) contract() provisionertest.World {
	c := provisionertest.World{
		Account: "main", Instance: w.web, InstanceName: "web-1", Port: 22, Instant: w.cloud == nil,
		Start: func() provisionertest.Provisioner { w.restart(); return w.p },
		Wait:  w.sleep, Check: w.checkOpen, Leftovers: w.leftovers, Foreign: w.foreign,
		Break: func(l *sshforward.Lease) {
			w.revoke(w.group, func(r types.SecurityGroupRule) bool { return *r.SecurityGroupRuleId == l.Resources.InstanceRuleID })
		},
		Remove: w.deleteBalancer,
	}
	if w.cloud != nil {
		c.Reaches = func(l *sshforward.Lease, from netip.Addr) bool {
			to, err := w.cloud.Home().Route(sshforward.Name(deployment, l.ID), from, l.ListenerPort)
			return err == nil && to.Address == "10.1.2.94"
		}
	}
	return c
}
