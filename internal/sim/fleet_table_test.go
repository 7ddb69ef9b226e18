package sim

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
	"github.com/sshforward/sshforward/store/dynamo/fakedynamo"
)

// TestTheTableIsLost has somebody delete the table under three replicas. What is due
// ends in time, from memory; those that start on an empty table take over from the
// tags what is open, and end it when it was promised to.
func TestTheTableIsLost(t *testing.T) {
	t.Parallel()
	testenv.SkipRaced(t, "TestFleets goes the same ways")
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 1, fakeaws.Options{CallTime: 20 * time.Millisecond}, fakedynamo.Options{CallTime: 5 * time.Millisecond})
		f.timing.Min = time.Second
		f.boot()
		f.pass(10 * time.Second)
		ends := make(map[string]time.Time)
		var ids []string
		for i, d := range []time.Duration{time.Minute, 5 * time.Minute} {
			id := f.ask([]string{"U0", "U1"}[i], d)
			f.confirm(id)
			f.until(time.Minute, "it is open", func() bool { return f.lease(id).State == sshforward.Open })
			ids, ends[id] = append(ids, id), f.lease(id).ExpiresAt
		}
		seen := func(id string) time.Time {
			f.mu.Lock()
			defer f.mu.Unlock()
			return f.last[sshforward.Name("sim", id)]
		}
		f.db.Drop("sshforward")
		f.pass(time.Until(ends[ids[0]]) + 10*time.Second)
		if late := seen(ids[0]).Sub(ends[ids[0]]); late > 2*time.Second {
			t.Errorf("access lasted %s beyond its end", late)
		}
		if time.Since(seen(ids[1])) > 2*time.Second {
			t.Errorf("what is not due yet was reachable until %s only", seen(ids[1]))
		}
		for _, r := range slices.Clone(f.replicas) {
			f.away(r, r.kill)
		}
		empty := f.open("whoever makes it", f.db.HTTPClient("whoever makes it").Transport, true)
		if err := empty.Close(); err != nil {
			t.Error(err)
		}
		f.boot()
		f.until(2*time.Minute, "it is known again", func() bool {
			l, err := f.eyes.Lease(t.Context(), ids[1])
			return err == nil && l.State == sshforward.Open
		})
		if end := f.lease(ids[1]).ExpiresAt; end.Sub(ends[ids[1]]).Abs() > time.Second {
			t.Errorf("it ends %s, and was promised to end %s", end, ends[ids[1]])
		}
		f.pass(time.Until(ends[ids[1]]) + 10*time.Second)
		if late := seen(ids[1]).Sub(ends[ids[1]]); late > 2*time.Second {
			t.Errorf("access lasted %s beyond its end", late)
		}
		f.pass(6 * time.Minute)
		if left := f.cloud.Leftovers("sshforward:deployment", "sim"); len(left) > 0 {
			t.Errorf("left: %v", left)
		}
	})
}
