package sshforward

import (
	"testing"
	"time"
)

func TestAgain(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.timing.Keep = 24 * time.Hour
		w.crash()
		w.start()
		if _, err := w.k.LastRequest(t.Context(), Caller{User: alice}, 1); ErrorCode(err) != ENOTFOUND {
			t.Errorf("nothing to repeat: %v", err)
		}
		first := w.opened(alice, "i-0dev", 30*time.Minute)
		w.to(time.Hour)
		second := w.opened(alice, "two", time.Hour)
		w.to(5 * time.Hour)
		for n, want := range map[int]string{1: "i-0two", 2: "i-0dev"} {
			r, err := w.k.LastRequest(t.Context(), Caller{User: alice}, n)
			if err != nil || r.Open.Instance != want || len(r.Open.Sources) == 0 || r.Instance.ID != want {
				t.Errorf("%d: %+v, %v", n, r, err)
			}
		}
		for _, n := range []int{0, 3} {
			if _, err := w.k.LastRequest(t.Context(), Caller{User: alice}, n); ErrorCode(err) != ENOTFOUND {
				t.Errorf("%d: %v", n, err)
			}
		}
		mine, err := w.k.Again(t.Context(), Caller{User: alice}, second)
		if err != nil || mine.Open.Duration != time.Hour || len(mine.Open.Sources) != 1 {
			t.Errorf("%+v, %v", mine, err)
		}
		// Somebody else's is asked for from one's own address, for one's own reason.
		theirs, err := w.k.Again(t.Context(), Caller{User: bob}, second)
		if err != nil || theirs.Open.Instance != "i-0two" || theirs.Open.Sources != nil || theirs.Open.Because != "" {
			t.Errorf("%+v, %v", theirs, err)
		}
		w.to(48 * time.Hour) // it is forgotten, and the record has it
		if _, err := w.k.Show(t.Context(), Caller{User: alice}, first); ErrorCode(err) != ENOTFOUND {
			t.Fatalf("not forgotten: %v", err)
		}
		r, err := w.k.Again(t.Context(), Caller{User: alice}, first)
		if err != nil || r.Open.Instance != "i-0dev" || r.Open.Duration != 30*time.Minute || len(r.Open.Sources) != 1 || r.Open.Port != 0 {
			t.Errorf("%+v, %v", r, err)
		}
		if _, err := w.k.Again(t.Context(), Caller{User: bob}, first); ErrorCode(err) != ENOTFOUND {
			t.Errorf("of another: %v", err)
		}
	})
}
