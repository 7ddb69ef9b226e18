package bot

import (
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
)

// commonDurations are what the form offers before anything is typed.
var commonDurations = []time.Duration{15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour,
	24 * time.Hour}

// durations are what the form's list of durations offers for what is typed into
// it: that itself, if it is one, or what it may become. Slack's lists take
// nothing that they do not offer, so this is also how any other duration is given.
func (v render) durations(typed string, usual time.Duration) []*slack.OptionBlockObject {
	typed = strings.TrimSpace(sshforward.Typed(typed))
	var all []time.Duration
	d, err := sshforward.ParseDuration(typed)
	switch number, rest := cutDigits(typed); {
	case typed == "":
		all = append(slices.Clone(commonDurations), usual)
		all = slices.DeleteFunc(all, func(d time.Duration) bool { return d <= 0 || !v.possible(d) })
		slices.Sort(all)
	case err == nil:
		all = append(all, d) // if it is too long for the rule, the form says so
	case number != "":
		for _, unit := range []string{"m", "h", "d"} {
			if d, err := sshforward.ParseDuration(number + unit); err == nil && rest == "" && v.possible(d) {
				all = append(all, d)
			}
		}
		if d, err := sshforward.ParseDuration(guessDuration(typed)); err == nil && rest != "" {
			all = append(all, d)
		}
	default:
		if n, until := nearlyDuration(words(typed)); n > 0 && !until {
			if d, err := sshforward.ParseDuration(guessDuration(typed)); err == nil {
				all = append(all, d)
			}
		}
	}
	out := []*slack.OptionBlockObject{}
	for _, d := range slices.Compact(all) {
		out = append(out, v.durationOption(sshforward.FormatDuration(d)))
	}
	return out
}

// possible reports whether a duration is within what any rule allows.
func (v render) possible(d time.Duration) bool {
	return v.correct == nil || v.correct(sshforward.OpenLease{Duration: d}).Duration == d
}

// durationOption is a duration in the list; nil for none. One that cannot be read
// stays as it is, and is refused with its reason.
func (v render) durationOption(s string) *slack.OptionBlockObject {
	d, err := sshforward.ParseDuration(s)
	switch {
	case strings.TrimSpace(s) == "":
		return nil
	case err != nil:
		return option(s, s)
	}
	return option(sshforward.FormatDuration(d), v.span(d))
}

func cutDigits(s string) (number, rest string) {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return s[:n], strings.TrimSpace(s[n:])
}
