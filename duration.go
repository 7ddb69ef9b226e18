package sshforward

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// units are what a duration may be made of, the longest first, and how people
// write them: of two that begin alike the longer one first.
var units = []struct {
	letter byte
	length time.Duration
	words  []string
}{
	{'d', 24 * time.Hour, []string{"days", "day", "d", "日間", "日"}},
	{'h', time.Hour, []string{"hours", "hour", "hrs", "hr", "h", "時間"}},
	{'m', time.Minute, []string{"minutes", "minute", "mins", "min", "m", "分間", "分"}},
	{'s', time.Second, []string{"seconds", "second", "secs", "sec", "s", "秒間", "秒"}},
}

// ParseDuration reads a duration as people type it: 45s, 90m, 2h, 1h30m, 1d, and
// also 1.5h, 2 hours, 1h 30m, half an hour, 2時間, 1時間半 or 半時間. Units come in falling order and
// each at most once; what is less than a second is dropped. EINVALID for anything
// else, zero included.
func ParseDuration(s string) (time.Duration, error) {
	bad := noDuration(s)
	rest, next, sum := strings.ToLower(strings.TrimSpace(Typed(s))), 0, time.Duration(0)
	for rest != "" {
		number, after := cutNumber(rest)
		u, after := cutUnit(strings.TrimLeft(after, " "))
		if number == "" || u < next {
			return 0, bad
		}
		part, ok := times(number, units[u].length)
		if half, found := strings.CutPrefix(after, "半"); ok && found {
			part, after = part+units[u].length/2, half // 1時間半
		}
		if !ok || part < 0 || part > math.MaxInt64-sum {
			return 0, bad
		}
		sum += part
		rest, next = strings.TrimPrefix(strings.TrimLeft(after, " "), "and "), u+1
		rest = strings.TrimLeft(rest, " ")
	}
	if sum = sum.Truncate(time.Second); sum <= 0 {
		return 0, bad
	}
	return sum, nil
}

func noDuration(s string) error {
	return Errorf(EINVALID, "%q is not a duration.", s).instead("Write it like 45s, 90m, 2h, 1h30m or 1d.")
}

// ParseExactDuration reads a duration as FormatDuration writes it, with any order
// of magnitude left out: for configurations, in which there is one way to say
// something. EINVALID for anything else.
func ParseExactDuration(s string) (time.Duration, error) {
	if !exactDuration.MatchString(strings.TrimSpace(s)) {
		return 0, noDuration(s)
	}
	return ParseDuration(s)
}

var exactDuration = regexp.MustCompile(`^(?i)([0-9]+[dhms])+$`)

// spoken are numbers of hours in words. Half a day is none: to some that is twelve
// hours, and to others half of those in which people work.
var spoken = []struct{ words, number string }{{"half an hour", "0.5"}, {"half hour", "0.5"}, {"an hour", "1"}, {"半時間", "0.5"}}

// cutNumber cuts off what may be a number.
func cutNumber(s string) (number, after string) {
	for _, w := range spoken {
		if after, ok := strings.CutPrefix(s, w.words); ok {
			return w.number, "hour" + after
		}
	}
	n := 0
	for n < len(s) && (s[n] >= '0' && s[n] <= '9' || s[n] == '.') {
		n++
	}
	return s[:n], s[n:]
}

// cutUnit cuts off a unit and returns its place among the units; -1 for none. A
// letter that follows belongs to another word.
func cutUnit(s string) (unit int, after string) {
	for i, u := range units {
		for _, word := range u.words {
			if after, ok := strings.CutPrefix(s, word); ok && (after == "" || after[0] < 'a' || after[0] > 'z') {
				return i, after
			}
		}
	}
	return -1, s
}

// times multiplies a unit by a number with a decimal fraction; false if it is
// none, or too large.
func times(number string, unit time.Duration) (time.Duration, bool) {
	whole, fraction, point := strings.Cut(number, ".")
	n, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || n > math.MaxInt64/int64(unit) || point && fraction == "" {
		return 0, false
	}
	sum := time.Duration(n) * unit
	if fraction == "" {
		return sum, true
	}
	f, err := strconv.ParseFloat("0."+fraction, 64)
	more := time.Duration(math.Round(f * float64(unit)))
	return sum + more, err == nil && more <= math.MaxInt64-sum
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
