package bot

import (
	"errors"
	"strings"
	"testing"

	"github.com/sshforward/sshforward"
)

// What is meant to be a duration and is none is answered with what to type, in
// which everything else is as it was typed.
func TestWhatIsNearlyADuration(t *testing.T) {
	for typed, want := range map[string]string{
		"2:30": "2h30m", "2:30h": "2h30m", "00:45": "45m", "2h30": "2h30m", "1h 30": "1h30m", "2時間30": "2h30m", "1,5h": "1h30m",
		"1½h": "1h30m", "½h": "30m", "~2h": "2h", "約2時間": "2h", "2-3h": "2h", "90": "1h30m", "3": "3h", "2h.": "2h",
		"1w": "7d", "1 week": "7d", "２ weeks": "14d", "1週間": "7d", "半日": "12h", "half a day": "12h", "half day": "12h",
		"一時間": "1h", "二時間": "2h", "五分": "5m", "２：３０": "2h30m",
		"until 18:00": "1h", "until 6 pm": "1h", "UNTIL 6pm": "1h", "till tomorrow": "1h", "6pm": "1h", "18:00まで": "1h", "１８時まで": "1h",
		"eod": "1h", "all day": "1h",
	} {
		for _, c := range [][2]string{
			{"open web-1 # from 203.0.113.7 port 2222 because release 4, \"now\"",
				"open web-1 @ from 203.0.113.7 port 2222 because release 4, \"now\""},
			{"open \"db 2\" from 203.0.113.7 # urgent because it burns", "open \"db 2\" @ from 203.0.113.7 urgent because it burns"},
			{"open web-1 for # because of it", "open web-1 @ because of it"},
			{"extend web-1 #", "extend web-1 @"}, {"extend web-1 by #", "extend web-1 @"}, {"extend \"db 2\" #", "extend \"db 2\" @"},
			{"extend #", "extend @"},
		} {
			line := strings.Replace(c[0], "#", typed, 1)
			_, err := parse(line)
			e, ok := errors.AsType[*sshforward.Error](err)
			if !ok || e.Code != sshforward.EINVALID || e.Message.IsZero() {
				t.Errorf("%s: %v", line, err)
				continue
			}
			got, err := parse(formatCommand(e.Try.Command))
			right, _ := parse(strings.Replace(c[1], "@", want, 1))
			if err != nil || formatCommand(got.command) != formatCommand(right.command) {
				t.Errorf("%s: answered with %q, want %q", line, formatCommand(e.Try.Command), formatCommand(right.command))
			}
		}
	}
}

// Names are not taken for durations.
func TestNamesThatLookLikeADuration(t *testing.T) {
	for line, ref := range map[string]string{
		"open 3-web 2h": "3-web", "open a 2h": "a", "open half-1 30m": "half-1", "open tomorrow 1h": "tomorrow", "extend eod 1h": "eod",
		"extend 5g 1h": "5g", "extend 18 1h": "18",
	} {
		got, err := parse(line)
		switch c := got.command.(type) {
		case sshforward.OpenLease:
			if c.Instance != ref || c.Duration == 0 {
				t.Errorf("%s: %+v", line, c)
			}
		case sshforward.ExtendLease:
			if c.Ref != ref || c.Duration == 0 {
				t.Errorf("%s: %+v", line, c)
			}
		default:
			t.Errorf("%s: %+v, %v", line, got, err)
		}
	}
}
