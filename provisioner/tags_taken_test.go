package provisioner_test

import (
	"strings"
	"testing"

	"github.com/sshforward/sshforward/internal/testenv"
)

// What the store has recorded is the lease's also when its tags were taken away:
// it is found, it is mended, and it closes.
func TestTagsTakenAway(t *testing.T) {
	for _, what := range testenv.Thinned([]string{"balancer", "group", "rule", "sources", "all"}, 2) {
		t.Run(what, func(t *testing.T) {
			both(t, withDeadMan(), func(w *world) {
				before := w.everything()
				l := w.lease("web-1")
				w.open(l)
				if what == "balancer" || what == "all" {
					w.strip(l)
				}
				for _, r := range w.rules() {
					inside := *r.GroupId == l.Resources.GroupID
					recorded := *r.SecurityGroupRuleId == l.Resources.InstanceRuleID
					if inside && (what == "sources" || what == "all") || recorded && (what == "rule" || what == "all") {
						w.untag(*r.SecurityGroupRuleId)
					}
				}
				if what == "group" || what == "all" {
					w.untag(l.Resources.GroupID)
				}
				w.restart()
				found, s, _ := w.survey(w.p, l)
				if got := strings.TrimSuffix(flags(found[l.ID]), " widened"); got != whole || len(s.Unproven) != 0 {
					w.Errorf("found %s, unproven %v", got, s.Unproven)
				}
				l.Resources = must(w.p.Mend(w.ctx, l)).Resources
				found, _, _ = w.survey(w.p, l)
				if got := flags(found[l.ID]); got != whole {
					w.Errorf("mended it is %s", got)
				}
				w.close(l)
				w.same(before)
				if left := w.leftovers(); len(left) > 0 {
					w.Errorf("left over: %q", left)
				}
			})
		})
	}
}

// A rule that nobody recorded and that has lost its tags lets nobody in but the
// lease's group: it goes, because it holds that.
func TestUntaggedRuleThatNobodyRecorded(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		before := w.everything()
		l := w.lease("web-1")
		w.open(l)
		w.untag(l.Resources.InstanceRuleID)
		l.Resources.InstanceRuleID, l.Resources.InstanceGroupID = "", ""
		w.close(l)
		w.same(before)
	})
}
