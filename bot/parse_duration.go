package bot

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/sshforward/sshforward"
)

// What people type for how long, and what is no duration: of some of it one can
// tell what is meant (2:30, 1,5h, 2h30, 1 week), of a time of day one cannot, since
// whose clock it goes by is not known.
var (
	moment = regexp.MustCompile(`^(?:(?:until|till|til)(?: (?:\d{1,2}(?::\d\d)?(?: ?[ap]m)?|[a-z]+))?|` +
		`\d{1,2}(?::\d\d)? ?[ap]m|\d{1,2}(?::\d\d|時)\S*まで|eod|tomorrow|tonight|all day|一日中)$`)
	nearly = regexp.MustCompile(`^(?:[~〜+≈約]?(?:\d+(?:[.,]\d+|½)?|½|[一二三四五六七八九]) ?(?:[a-z]+|日|時間|分|週)[間半]?|` +
		`\d{1,2}:\d\d(?: ?h| ?hours?)?|\d+ ?(?:h|hours?|時間) ?\d{1,2}|半日|half(?: an?)? [a-z]+|an? [a-z]+)$`)

	clock     = regexp.MustCompile(`^(\d{1,2}):(\d\d)(?: ?h| ?hours?)?$`)
	noMinutes = regexp.MustCompile(`^(\d+ ?(?:h|hours?|時間) ?\d{1,2})$`)
	weeks     = regexp.MustCompile(`^(\d{1,2}) ?(?:w|wks?|weeks?|週間?)$`)
	comma     = regexp.MustCompile(`(\d),(\d)`)
	numerals  = strings.NewReplacer("一", "1", "二", "2", "三", "3", "四", "4", "五", "5", "六", "6", "七", "7", "八", "8", "九", "9")
)

// mostNearlyWords is how many words have what is meant to be a duration at most:
// half an hour, until 6 pm.
const mostNearlyWords = 3

// nearlyDuration returns how many words are meant to be a duration, and whether
// they say until when; 0 if they are not.
func nearlyDuration(args []word) (n int, until bool) {
	for n = min(len(args), mostNearlyWords); n > 0; n-- {
		switch typed := strings.ToLower(joinWords(args[:n])); {
		case args[0].quoted:
		case moment.MatchString(typed):
			return n, true
		case nearly.MatchString(typed) && (n == 1 || units.MatchString(typed)):
			return n, false
		}
	}
	return 0, false
}

// units are words that make one thing of several: 1 week, and not 2 web.
var units = regexp.MustCompile(`(?:\d|[ ~](?:[wdhms]|wks?|hrs?|mins?|secs?|(?:week|day|hour|minute|second)s?))$`)

// guessDuration makes a duration of what was meant to be one: 90 minutes
// rather than hours, 2 hours rather than minutes.
func guessDuration(typed string) string {
	typed = strings.ToLower(strings.TrimSpace(sshforward.Typed(typed)))
	typed = numerals.Replace(strings.TrimLeft(typed, "~〜+≈約"))
	typed = strings.ReplaceAll(strings.ReplaceAll(typed, "1/2", "½"), "½", ".5")
	typed = comma.ReplaceAllString(typed, "$1.$2")
	switch {
	case strings.HasPrefix(typed, "."):
		typed = "0" + typed
	case typed == "半日" || strings.HasPrefix(typed, "half") && strings.HasSuffix(typed, "day"):
		typed = "12h"
	case clock.MatchString(typed):
		typed = clock.ReplaceAllString(typed, "${1}h${2}m")
	case noMinutes.MatchString(typed):
		typed += "m"
	case weeks.MatchString(typed):
		n, _ := strconv.Atoi(weeks.FindStringSubmatch(typed)[1])
		typed = strconv.Itoa(7*n) + "d"
	}
	if d, ok := sane(typed); ok {
		return d
	}
	digits := 0
	for digits < len(typed) && startsWithDigit(typed[digits:]) {
		digits++
	}
	n, err := strconv.Atoi(typed[:digits])
	if err != nil || n == 0 || n > 9999 {
		return "1h"
	}
	unit := "h"
	if n >= 10 {
		unit = "m"
	}
	if rest := strings.TrimLeft(typed[digits:], " .,-"); rest != "" && strings.ContainsRune("smhd", rune(rest[0])) {
		unit = rest[:1]
	}
	if d, ok := sane(typed[:digits] + unit); ok {
		return d
	}
	return "1h"
}

// sane reads a duration of a year at most.
func sane(typed string) (string, bool) {
	d, err := sshforward.ParseDuration(typed)
	return sshforward.FormatDuration(d), err == nil && d <= 365*24*time.Hour
}
