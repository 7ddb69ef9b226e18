package provisioner_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// likely is when an instance may be in service at AWS.
const likely = 10 * time.Second

// However many forwards are opened and looked at, the budget of Classic ELB's
// calls is not used up, and a close finds what it needs in it at once.
func TestManyLooksDoNotHoldUpAClose(t *testing.T) {
	o := worldOptions{fake: fakeaws.Instant()}
	o.fake.RegisterDelay = time.Hour
	inFake(t, o, func(w *world) {
		home := w.cloud.Home()
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
		waiting.Resources.RegisteredAt = time.Now().Add(-likely) // when looks are made
		over := time.Now().Add(10 * time.Second)
		var looks sync.WaitGroup
		for range 60 {
			looks.Go(func() {
				for time.Now().Before(over) {
					step, err := w.p.Open(w.ctx, waiting)
					if err != nil || step.Wait <= 0 {
						t.Errorf("%+v, %v", step, err)
						return
					}
				}
			})
		}
		time.Sleep(5 * time.Second)
		if left := home.ELBTokens(); left < 19.99 {
			t.Errorf("looks have left %.3f calls to closing, want 20", left)
		}
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

// Sixty are opened at once and looked at; AWS throttles none of it, twenty calls are
// always left, and closing may use those.
func TestOpeningsLeaveAReserve(t *testing.T) {
	inFake(t, worldOptions{fake: fakeaws.Options{LoadBalancerLimit: 100, RuleLimit: 100, RegisterDelay: 12 * time.Second}}, func(w *world) {
		home := w.cloud.Home()
		first := w.lease("web-1")
		var openings sync.WaitGroup
		for i := range testenv.UnlessRaced(60, 24) {
			l := first.Clone()
			l.ID = fmt.Sprintf("k7m2q%02d", i)
			openings.Go(func() { w.open(l) })
		}
		done := make(chan struct{})
		go func() { openings.Wait(); close(done) }()
		least := home.ELBTokens()
		for opening := true; opening; {
			select {
			case <-done:
				opening = false
			case <-time.After(20 * time.Millisecond):
				least = min(least, home.ELBTokens())
			}
		}
		if least < 19.99 || least > 21 {
			t.Errorf("openings left %.3f calls, want all but twenty used", least)
		}
		for _, c := range w.calls.take() {
			if strings.Contains(c, "Throttling") {
				t.Fatalf("AWS said %s", c)
			}
		}
	})
}

// Closings use all the calls up. That the step had no turn is no failure: it
// says what it waits for, and goes on.
func TestNoTurnIsNoFailure(t *testing.T) {
	inFake(t, worldOptions{}, func(w *world) {
		l := w.lease("web-1")
		w.upTo(l, sshforward.StageHealth)
		over, stop := context.WithCancel(w.ctx)
		var others sync.WaitGroup
		for range 30 { // they have the whole refill, and go first
			others.Go(func() {
				for over.Err() == nil {
					_ = w.p.UseBudget(over, "main")
				}
			})
		}
		began := time.Now()
		step, err := w.p.Open(w.ctx, l)
		if err != nil || !step.InLine || step.Wait != time.Second || !strings.Contains(step.Detail.String(), "waits for its turn") {
			t.Errorf("after %s: %+v, %v", time.Since(began), step, err)
		}
		stop()
		others.Wait()
		if err := w.do(l); err != nil {
			t.Errorf("when there is room again: %v", err)
		}
	})
}
