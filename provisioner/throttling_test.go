package provisioner_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// However many forwards are opened and looked at, the budget of Classic ELB's
// calls is not used up, and a close finds what it needs in it at once.
func TestManyLooksDoNotHoldUpAClose(t *testing.T) {
	inFake(t, worldOptions{fake: fakeaws.Options{RegisterDelay: time.Hour}}, func(w *world) {
		l := w.lease("web-1")
		for _, s := range openStages[:4] {
			enter(l, s)
			if err := w.do(l); err != nil {
				t.Fatalf("%s: %v", s, err)
			}
		}
		waiting := l.Clone()
		enter(waiting, sshforward.StageService)
		w.calls.take()
		over := time.Now().Add(10 * time.Second)
		var looks sync.WaitGroup
		for range 60 {
			looks.Go(func() {
				for time.Now().Before(over) {
					if _, err := w.p.Open(w.ctx, waiting); err != nil {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(5 * time.Second)
		l.State, l.Stage, l.ClosingAt = sshforward.Closing, "", time.Now()
		started := time.Now()
		if _, err := w.p.Close(w.ctx, l); err != nil {
			t.Error(err)
		}
		if took := time.Since(started); took > 0 {
			t.Errorf("closing waited %s for the calls of looks", took)
		}
		looks.Wait()
		for _, c := range w.calls.take() {
			if strings.Contains(c, "Throttling") {
				t.Fatalf("AWS said %s", c)
			}
		}
	})
}
