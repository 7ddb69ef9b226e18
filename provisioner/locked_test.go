package provisioner_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// Who came in by a rule that somebody else made goes with the rule, though AWS keeps
// connections that it tracks; and whoever waits for the last yes need not ask again.
func TestIntrudersAreCut(t *testing.T) {
	intrusions := map[string]time.Duration{"at once": -1, "as usual": 500 * time.Millisecond, "late": 10 * time.Second}
	for name, deregister := range testenv.ThinnedRows(intrusions, 2) {
		inFakeNamed(t, name, worldOptions{fake: fakeaws.Options{DeregisterDelay: deregister}}, func(w *world) {
			for _, n := range []int{len(openStages) - 2, len(openStages) - 1} {
				l := w.built("web-1", n)
				w.authorize(l.Resources.GroupID, false, cidr("tcp", 22, "198.51.100.9/32"))
				l.Drift.Widened = true
				s, err := w.cloud.Home().Dial(sshforward.Name(deployment, l.ID), netip.MustParseAddr("198.51.100.9"), 22)
				if err != nil {
					w.Fatal(err)
				}
				for begun := time.Now(); ; w.sleep(time.Second) {
					step, err := w.p.Mend(w.ctx, l)
					if l.Resources = step.Resources; err == nil && step.Wait == 0 {
						break
					}
					if time.Since(begun) > time.Minute {
						w.Fatalf("after %d stages: %+v, %v", n, step, err)
					}
				}
				if s.Alive() {
					w.Errorf("after %d stages a session that nobody said yes to goes on", n)
				}
				w.sleep(10 * time.Second)
				if f := w.found(l); f.Unlocked || !f.Registered {
					w.Errorf("after %d stages: %+v", n, f)
				}
				l.Drift = sshforward.Drift{}
				w.close(l)
			}
		})
	}
}

// Whatever somebody lets in at the group of a lease of which a yes is missing is
// seen and taken out, however far it is built and whatever the store knows of it.
func TestLockedGroupIsKeptLocked(t *testing.T) {
	rules := map[string]types.IpPermission{
		"everybody":          cidr("-1", 0, "0.0.0.0/0"),
		"the requester":      cidr("tcp", 22, "203.0.113.7/32"),
		"another port":       cidr("tcp", 443, "198.51.100.0/24"),
		"IPv6":               {IpProtocol: new("-1"), Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: new("::/0")}}},
		"the instance's own": {IpProtocol: new("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{}}},
	}
	both(t, withDeadMan(), func(w *world) {
		before := w.foreign()
		for name, rule := range testenv.ThinnedRows(rules, 3) {
			for _, n := range []int{1, 3, len(openStages) - 1} {
				l := w.built("web-1", n)
				if len(rule.UserIdGroupPairs) > 0 {
					rule.UserIdGroupPairs[0].GroupId = &w.group
				}
				w.authorize(l.Resources.GroupID, false, rule)
				w.sleep(10 * time.Second)
				if f := w.found(l); !f.Unlocked {
					w.Errorf("%s after %d stages: not seen: %+v", name, n, f)
				}
				stored := l.Clone()
				stored.Drift.Widened = true
				if n < 3 { // an old backup may not know that there is anything
					stored.Resources, stored.Prepared = sshforward.Resources{}, sshforward.Preparation{}
				}
				if step, err := w.p.Mend(w.ctx, stored); err != nil || step.Wait != 0 {
					w.Fatalf("%s after %d stages: %+v, %v", name, n, step, err)
				}
				w.sleep(10 * time.Second)
				if f := w.found(l); f.Unlocked || n == len(openStages)-1 && (f.Widened || !f.Rule || !f.Registered) {
					w.Errorf("%s after %d stages: %+v", name, n, f)
				}
				w.close(l)
			}
		}
		w.clean(before)
	})
}

// built is a lease that waits for an approval, after so many stages of its opening.
func (w *world) built(instance string, stages int) *sshforward.Lease {
	w.Helper()
	l := w.lease(instance)
	l.ID = sshforward.NewID()
	l.State, l.OpenBy, l.Approvals = sshforward.Pending, time.Time{}, 1
	l.ApproveBy = time.Now().Add(8 * time.Hour)
	l.Prepared = sshforward.Preparation{Since: time.Now(), By: time.Now().Add(10 * time.Minute), Until: l.ApproveBy.Add(time.Hour)}
	for _, s := range openStages[:stages] {
		enter(l, s)
		if err := w.do(l); err != nil {
			w.Fatalf("%s: %v", s, err)
		}
	}
	if stages == len(openStages)-1 {
		l.Stage, l.Prepared.ReadyAt = "", time.Now()
	}
	return l
}
