package bolt

import (
	"bytes"
	"math"
	"slices"
	"testing"
	"time"
)

func TestKeysSortAsTimesDo(t *testing.T) {
	times := []time.Time{
		{}, // before anything that nanoseconds can express
		time.Unix(0, math.MinInt64).Add(1),
		time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC),
		time.Unix(0, 0),
		time.Unix(0, 1),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.FixedZone("JST", 9*3600)),
		time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Unix(0, math.MaxInt64-1),
		time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	if !slices.IsSortedFunc(times, time.Time.Compare) {
		t.Fatal("the test is wrong")
	}
	for i, a := range times {
		for _, b := range times[i+1:] {
			// The id must not matter unless the times are equal.
			if bytes.Compare(joinKey(a, "zzzzzzz"), joinKey(b, "0")) >= 0 {
				t.Errorf("%v does not sort before %v", a, b)
			}
		}
	}
}

func FuzzKeysSortAsTimesDo(f *testing.F) {
	f.Add(int64(0), int64(0), int64(-1), int64(999999999))
	f.Add(int64(-62135596800), int64(0), int64(253402300799), int64(0))
	f.Fuzz(func(t *testing.T, s1, n1, s2, n2 int64) {
		// Seconds of the years that JSON can hold.
		const first, last = -62135596800, 253402300799
		for _, s := range []int64{s1, s2} {
			if s < first || s > last {
				t.Skip()
			}
		}
		a, b := time.Unix(s1, n1&0x1fffffff), time.Unix(s2, n2&0x1fffffff)
		got := bytes.Compare(joinKey(a, ""), joinKey(b, ""))
		if want := a.Compare(b); got != want && got != 0 {
			t.Errorf("%v and %v compare as %d, want %d", a, b, got, want)
		}
		inside := a.After(firstInstant) && b.After(firstInstant) && a.Before(lastInstant) && b.Before(lastInstant)
		if inside && got != a.Compare(b) {
			t.Errorf("%v and %v collapse", a, b)
		}
	})
}
