package sshforward

import (
	"slices"
	"strings"
	"testing"
)

// What carries the deployment's tag and is nobody's is logged when it is first
// seen, and counted in each round; it is no orphan.
func TestUnprovenThingsAreSaidOnce(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		delete(w.keeper().accounts, "far")
		set := func(u ...Unproven) {
			w.cloud.mu.Lock()
			defer w.cloud.mu.Unlock()
			w.cloud.unproven = u
		}
		rule := Unproven{Kind: "security group rule", ID: "sgr-1", Lease: "zzzzzzz", Why: "it does not let one group in at one port"}
		group := Unproven{Kind: "security group", ID: "sg-1", Why: "its name is not one that I give"}
		set(rule)
		w.sweep()
		w.sweepFor(w.timing.Sweep*3, w.timing.Sweep)
		set(rule, group)
		w.sweep()
		set()
		w.sweep()
		set(rule)
		w.sweepFor(w.timing.Sweep, w.timing.Sweep)                  // an empty account is looked at no sooner
		if n := strings.Count(w.log.String(), "id=sgr-1"); n != 2 { // it was gone, and is there again
			t.Errorf("the rule is logged %d times, want twice", n)
		}
		if n := strings.Count(w.log.String(), "id=sg-1"); n != 1 {
			t.Errorf("the group is logged %d times, want once", n)
		}
		if want := []string{"main 1", "main 1", "main 1", "main 1", "main 2", "main 0", "main 1"}; !slices.Equal(w.unproven, want) {
			t.Errorf("counted %q, want %q", w.unproven, want)
		}
		if w.orphans > 0 || len(w.store.all()) != 0 {
			t.Errorf("%d orphans, %d leases", w.orphans, len(w.store.all()))
		}
	})
}
