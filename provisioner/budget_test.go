package provisioner

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// taken is when a call was let through, after the start of the test.
type taken struct {
	p  priority
	at time.Duration
}

// crowd has n callers of each priority ask at once, and returns in which order
// they were let through.
func crowd(t *testing.T, b *budget, n int, who ...priority) []taken {
	t.Helper()
	var (
		mu    sync.Mutex
		order []taken
		wg    sync.WaitGroup
	)
	start := time.Now()
	for _, p := range who {
		for range n {
			wg.Go(func() {
				if err := b.take(t.Context(), p); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				order = append(order, taken{p, time.Since(start)})
			})
		}
	}
	wg.Wait()
	return order
}

func (b *budget) empty() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens, b.at = 0, time.Now()
}

// Openings and looks stop while twenty calls are left, which closing may use.
func TestBudgetKeepsAReserveForClosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(nil)
		for _, c := range crowd(t, b, 10, forOpening, forLooking) {
			if c.at != 0 {
				t.Fatalf("of the first twenty calls one waited %s", c.at)
			}
		}
		if b.plenty() {
			t.Error("there is plenty, with half of the budget gone")
		}
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := b.take(ctx, forOpening); !errors.Is(err, errNoTurn) {
			t.Errorf("the call of an opening took from the reserve: %v", err)
		}
		for _, c := range crowd(t, b, 20, forClosing) {
			if c.at != 0 {
				t.Fatalf("a call that closes waited %s", c.at)
			}
		}
	})
}

// Of the refill closing comes first and looks last, and nobody is forgotten.
func TestBudgetRefillsClosingFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(nil)
		b.empty()
		order := crowd(t, b, 20, forLooking, forOpening, forClosing)
		for i, c := range order {
			if want := priority(i / 20); c.p != want {
				t.Fatalf("call %d has priority %d, want %d: %v", i, c.p, want, order)
			}
		}
		if last := order[19].at; last < 2*time.Second || last > 2200*time.Millisecond {
			t.Errorf("twenty calls that close took %s out of an empty budget, want 2s", last)
		}
		// The reserve is filled before anybody else gets anything.
		if last := order[59].at; last < 8*time.Second || last > 8300*time.Millisecond {
			t.Errorf("all sixty took %s, want 8s", last)
		}
	})
}

// A budget that somebody else has used up is not believed to be full.
func TestBudgetLearnsFromThrottling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(nil)
		b.exceeded()
		if b.plenty() {
			t.Error("there is plenty, right after AWS had said that there is nothing")
		}
		if at := crowd(t, b, 1, forLooking)[0].at; at < 2*time.Second {
			t.Errorf("a look was let through after %s, want 2.1s", at)
		}
	})
}

// Who gives up leaves the line.
func TestBudgetForgetsWhoGaveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(nil)
		b.empty()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := b.take(ctx, forLooking); !errors.Is(err, errNoTurn) {
			t.Fatalf("got %v", err)
		}
		time.Sleep(5 * time.Second)
		if got := crowd(t, b, 20, forOpening); got[19].at != 0 {
			t.Errorf("a token went to somebody who had given up: %v", got)
		}
	})
}

// Who stands in line for too long is sent away, so that a step can say what it
// waits for.
func TestBudgetSendsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBudget(nil)
		b.tokens = -1000
		began := time.Now()
		if err := b.take(t.Context(), forOpening); !errors.Is(err, errNoTurn) || time.Since(began) != inLineAtMost {
			t.Errorf("after %s: %v", time.Since(began), err)
		}
	})
}

// One AWS account in one region has one budget, however often it is configured.
func TestBudgetsAreByAccountAndRegion(t *testing.T) {
	all := budgets{all: make(map[string]*budget)}
	role := func(account, name, region string) Account {
		return Account{Region: region, RoleARN: "arn:aws:iam::" + account + ":role/" + name}
	}
	first := all.of(role("111111111111", "one", "eu-west-1"))
	if all.of(role("111111111111", "two", "eu-west-1")) != first {
		t.Error("a second role in the account has a budget of its own")
	}
	for _, other := range []Account{
		role("222222222222", "one", "eu-west-1"), role("111111111111", "one", "us-east-1"), {Region: "eu-west-1"},
	} {
		if all.of(other) == first {
			t.Errorf("%+v shares the budget of another account or region", other)
		}
	}
}

// Replicas share the budget of an account: together they take no more than one.
func TestBudgetAmongReplicas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, p := range []priority{forClosing, forLooking} {
			took := func(replicas int) (last time.Duration) {
				b := newBudget(func() int { return replicas })
				for _, c := range crowd(t, b, 60/replicas, p) {
					last = max(last, c.at)
				}
				return last
			}
			one, three := took(1), took(3)
			if d := (one - three).Abs(); d > 100*time.Millisecond {
				t.Errorf("60 calls take one replica %s, and three %s", one, three)
			}
		}
	})
}
