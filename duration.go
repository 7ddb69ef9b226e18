package sshforward

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// units are what a duration may be made of, the longest first.
var units = []struct {
	letter byte
	length time.Duration
}{{'d', 24 * time.Hour}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}}

// ParseDuration reads a duration as people type it: 45s, 90m, 2h, 1h30m, 1d.
// Units come in falling order and each at most once. EINVALID for anything
// else, zero included.
func ParseDuration(s string) (time.Duration, error) {
	bad := Errorf(EINVALID, "%q is not a duration.", s).instead("Write it like 45s, 90m, 2h, 1h30m or 1d.")
	rest, next, sum := strings.ToLower(strings.TrimSpace(s)), 0, time.Duration(0)
	for rest != "" {
		n := 0
		for n < len(rest) && rest[n] >= '0' && rest[n] <= '9' {
			n++
		}
		if n == 0 || n == len(rest) {
			return 0, bad
		}
		value, err := strconv.ParseInt(rest[:n], 10, 64)
		if err != nil {
			return 0, bad
		}
		u := next
		for u < len(units) && units[u].letter != rest[n] {
			u++
		}
		if u == len(units) || value > (math.MaxInt64-int64(sum))/int64(units[u].length) {
			return 0, bad
		}
		sum += time.Duration(value) * units[u].length
		rest, next = rest[n+1:], u+1
	}
	if sum <= 0 {
		return 0, bad
	}
	return sum, nil
}

// FormatDuration writes d the way ParseDuration reads it, rounded to whole
// seconds: 1h30m, 1d, 0s.
func FormatDuration(d time.Duration) string {
	d = d.Round(time.Second)
	if d <= 0 {
		return "0s"
	}
	var b strings.Builder
	for _, u := range units {
		if n := d / u.length; n > 0 {
			fmt.Fprintf(&b, "%d%c", n, u.letter)
			d -= n * u.length
		}
	}
	return b.String()
}
