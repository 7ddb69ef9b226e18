package sshforward

import (
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	for attempts, want := range map[int]time.Duration{
		-1: time.Second, 0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 8 * time.Second,
		5: time.Minute, 6: 2 * time.Minute, 7: 2 * time.Minute, 1000: 2 * time.Minute,
	} {
		different := map[time.Duration]bool{}
		for range 100 {
			got := Backoff(attempts, 0)
			if got < want*4/5 || got > want*6/5 {
				t.Fatalf("after %d failures: got %s, want %s give or take a fifth", attempts, got, want)
			}
			different[got] = true
		}
		if len(different) < 10 {
			t.Errorf("after %d failures: all return together", attempts)
		}
		// Access may have to end meanwhile, so more is not granted.
		if got := Backoff(attempts, time.Hour); got < 2*time.Minute || got > 2*time.Minute*6/5 {
			t.Errorf("asked to stay away for an hour: got %s", got)
		}
	}
}
