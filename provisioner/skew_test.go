package provisioner

import (
	"testing"
	"time"
)

func TestMedianSkew(t *testing.T) {
	now := time.Date(2026, 3, 4, 5, 6, 7, 500_000_000, time.UTC)
	dated := func(off time.Duration) time.Time { return now.Add(off).Truncate(time.Second) }
	var s skew
	for range skewSamples - 1 {
		s.add(now, now, dated(0))
	}
	if _, ok := s.median(); ok {
		t.Error("it is known before there are enough answers")
	}
	s.add(now, now.Add(2*skewWithin), dated(time.Hour)) // on its way for too long
	if _, ok := s.median(); ok {
		t.Error("a slow answer counts")
	}
	for n, want := range []time.Duration{0, 0, 0, 0, 30 * time.Second} {
		s.add(now, now, dated(30*time.Second))
		if off, ok := s.median(); !ok || off != want {
			t.Errorf("after %d answers of another clock: %s, %t, want %s", n+1, off, ok, want)
		}
	}
	for range skewSamples {
		s.add(now.Add(-100*time.Millisecond), now.Add(100*time.Millisecond), dated(-7*time.Second))
	}
	if off, _ := s.median(); off != -7*time.Second {
		t.Errorf("off by %s", off)
	}
}
