package provisioner_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// A rule of others lets in a group that is gone, as when the peering is over
// through which it was reached. Without a description it does not become a lease's
// by being tagged so; what is described, or recorded, stays the lease's.
func TestForgottenRuleOfOthers(t *testing.T) {
	inFake(t, withDeadMan(), func(w *world) {
		l := w.lease("web-1")
		w.open(l)
		other := w.addTheirs()
		forgotten := w.cloud.Home().AddRule(fakeaws.Rule{
			Group: other.db, Protocol: "tcp", From: 5433, To: 5433, Source: "sg-0123456789abcdef0", Tags: provisioner.Tags(deployment, l),
		})
		before := w.rulesIn(other.db)
		for _, lost := range []bool{false, true} { // also when the store has forgotten what it had
			if lost {
				l.Resources = sshforward.Resources{}
			}
			found, s, _ := w.survey(w.p, l)
			if got := flags(found[l.ID]); !lost && got != whole {
				w.Errorf("found %s", got)
			}
			w.wantUnproven(s, l.ID, forgotten)
			w.close(l)
			if diff := cmp.Diff(before, w.rulesIn(other.db)); diff != "" {
				w.Errorf("what is not ours has changed, lost %v:\n%s", lost, diff)
			}
		}
		// A lease's rule that has outlived its group is still the lease's, which moto
		// cannot show: it has no descriptions of such rules.
		described := w.cloud.Home().AddRule(fakeaws.Rule{
			Group: other.db, Protocol: "tcp", From: 5434, To: 5434, Source: "sg-0123456789abcdef0", Tags: provisioner.Tags(deployment, l),
			Description: "sshforward " + l.ID,
		})
		found, _, _ := w.survey(w.p)
		if f, ok := found[l.ID]; !ok || f.Group || f.Lease.Resources.InstanceRuleID != described {
			w.Errorf("found %+v", found)
		}
		l.Resources = sshforward.Resources{}
		w.close(l)
		if left := w.rulesIn(other.db); !slices.Equal(left, before) {
			w.Errorf("%s is left: %q", described, left)
		}
	})
}
