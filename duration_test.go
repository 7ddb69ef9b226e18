package sshforward

import (
	"math"
	"strings"
	"testing"
	"time"
)

func TestParseDuration(t *testing.T) {
	for s, want := range map[string]time.Duration{
		"45s": 45 * time.Second, "90m": 90 * time.Minute, "2h": 2 * time.Hour, "1h30m": 90 * time.Minute,
		"1d": 24 * time.Hour, "1d2h3m4s": 26*time.Hour + 3*time.Minute + 4*time.Second, " 2H ": 2 * time.Hour,
		"007m": 7 * time.Minute, "1h0m": time.Hour, "106751d": 106751 * 24 * time.Hour,
		"1.5h": 90 * time.Minute, "0.5d": 12 * time.Hour, "1 h": time.Hour, "2ｈ": 2 * time.Hour, "２時間": 2 * time.Hour,
		"1時間30分": 90 * time.Minute, "1時間 30分": 90 * time.Minute, "1時間半": 90 * time.Minute, "30分": 30 * time.Minute,
		"90秒": 90 * time.Second, "90秒間": 90 * time.Second, "1日": 24 * time.Hour, "1日半": 36 * time.Hour,
		"1h 30m": 90 * time.Minute, "2 hours": 2 * time.Hour, "2Hours30Minutes": 150 * time.Minute,
		"1 hour and 30 minutes": 90 * time.Minute, "1 hr 5 mins": 65 * time.Minute, "\u200b2h\ufeff": 2 * time.Hour,
		"half an hour": 30 * time.Minute, "Half hour": 30 * time.Minute, "an hour": time.Hour, "an hour and 30 minutes": 90 * time.Minute,
		"半時間": 30 * time.Minute, "1日 半時間": 24*time.Hour + 30*time.Minute, "an hours": time.Hour,
		"1．5ｈ": 90 * time.Minute, "0.0003h": time.Second,
	} {
		if got, err := ParseDuration(s); got != want || err != nil {
			t.Errorf("%q: got %s and %v, want %s", s, got, err, want)
		}
	}
	for _, s := range []string{
		"", " ", "0s", "0h0m", "5", "h", "2h30", "1m1h", "1h1h", "-1h", "+1h", "1w", "٣h", "1ms",
		"1.h", ".5h", "1.5.5h", "1 2h", "2 houses", "1hm", "半", "時間", "1時間半半", "0.0001s", "1h and", "and 1h",
		"半日", "half a day", "half", "an hourly", "half an", "an hour an hour",
		"106752d", "9223372037s", "106751d24h", "99999999999999999999s", "1h\x00",
	} {
		got, err := ParseDuration(s)
		wantCode(t, err, EINVALID)
		if got != 0 || !strings.Contains(ErrorMessage(err).String(), "1h30m") {
			t.Errorf("%q: got %s and %q", s, got, ErrorMessage(err).String())
		}
	}
}

func TestFormatDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0s", -time.Hour: "0s", time.Millisecond: "0s", 500 * time.Millisecond: "1s", 59 * time.Second: "59s",
		time.Minute: "1m", 59*time.Minute + 59600*time.Millisecond: "1h", 90 * time.Minute: "1h30m",
		24 * time.Hour: "1d", 25*time.Hour + time.Second: "1d1h1s", math.MaxInt64: "106751d23h47m16s",
	} {
		if got := FormatDuration(d); got != want {
			t.Errorf("%d: got %q, want %q", d, got, want)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, s := range []string{"1h30m", "1d", "45s", "106751d23h47m16s", "1m1h", "9223372036s", "1.5h", "2 hours", "1時間半", "１ｄ"} {
		f.Add(s, int64(time.Hour))
	}
	f.Fuzz(func(t *testing.T, s string, n int64) {
		if d, err := ParseDuration(s); err == nil {
			if again, err := ParseDuration(FormatDuration(d)); err != nil || again != d {
				t.Errorf("%q is %d, written as %q, which is %d and %v", s, d, FormatDuration(d), again, err)
			}
		} else if ErrorCode(err) != EINVALID {
			t.Errorf("%q: %v", s, err)
		}
		d := time.Duration(n).Truncate(time.Second)
		if d <= 0 {
			return
		}
		if again, err := ParseDuration(FormatDuration(d)); err != nil || again != d {
			t.Errorf("%d is written as %q, which is %d and %v", d, FormatDuration(d), again, err)
		}
	})
}
