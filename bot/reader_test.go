package bot

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/sshforward/sshforward"
)

// everything is all that people are shown, in a language.
func everything(v render) map[string]any {
	out := map[string]any{}
	for name, m := range every(v) {
		out["message "+name] = m
	}
	for name, view := range everyView(v) {
		out["view "+name] = view
	}
	return out
}

// Slack does not see a code span directly after some punctuation, nor one that a
// letter follows at once.
func TestCodeSpansStandApart(t *testing.T) {
	t.Parallel()
	span := regexp.MustCompile("`[^`\n]+`.?")
	runsOn := func(s string) bool {
		return slices.ContainsFunc(span.FindAllString(strings.ReplaceAll(s, "```", ""), -1), func(m string) bool {
			next, _ := utf8.DecodeLastRuneInString(m)
			return unicode.IsLetter(next) || unicode.IsDigit(next)
		})
	}
	for name, m := range everything(languages["ja"]) {
		for _, s := range visible(m) {
			if apart(s) != s || runsOn(s) {
				t.Errorf("%s: %s", name, s)
			}
		}
	}
	if got := apart("はい。`a`、`b`と `c、`です。"); got != "はい。 `a`、 `b`と `c、`です。" {
		t.Error(got)
	}
}

// Of many buttons that say Close, a screen reader says which one.
func TestEveryButtonSaysWhatItActsOn(t *testing.T) {
	t.Parallel()
	for tag, v := range languages {
		for name, m := range everything(v) {
			var walk func(any)
			walk = func(x any) {
				switch x := x.(type) {
				case map[string]any:
					if label, _ := x["accessibility_label"].(string); x["type"] == "button" {
						text := x["text"].(map[string]any)["text"].(string)
						if about, ok := strings.CutPrefix(label, text+": "); !ok || strings.TrimSpace(about) == "" {
							t.Errorf("%s %s: %q says %q", name, tag, text, label)
						}
					}
					for _, y := range x {
						walk(y)
					}
				case []any:
					for _, y := range x {
						walk(y)
					}
				}
			}
			walk(generic(m))
		}
	}
}

// What a phone shows of a message, and a screen reader reads, is sentences.
func TestNotificationTextsHaveSeparators(t *testing.T) {
	t.Parallel()
	mentionThenCode := regexp.MustCompile("^(:\\w+: )?<@U1> `")
	for name, m := range every(show) {
		if strings.HasPrefix(name, "notice") && mentionThenCode.MatchString(m.Text) {
			t.Errorf("%s: %s", name, m.Text)
		}
	}
	for name, m := range every(languages["ja"]) {
		if regexp.MustCompile(`[^。」)>\x60: (]リース k7m2q3x`).MatchString(m.Text) && !strings.Contains(m.Text, "、リース") {
			t.Errorf("%s: %s", name, m.Text)
		}
	}
}

// A phone copies whole messages: one of them is the command and nothing else.
func TestCommandStandsAlone(t *testing.T) {
	t.Parallel()
	l := lease(sshforward.Open)
	for _, v := range languages {
		m := v.notice(l, sshforward.Notice{Kind: sshforward.NoticeCommand}, noon)
		if len(m.Blocks) != 1 || !slices.Contains(visible(m), "```"+l.SSHCommand()+"```") || m.Text != l.SSHCommand() {
			t.Errorf("%q %q", visible(m), m.Text)
		}
		for _, k := range []sshforward.NoticeKind{sshforward.NoticeReady, sshforward.NoticeReminder} {
			m := v.notice(l, sshforward.Notice{Kind: k}, noon)
			if strings.Contains(fmt.Sprint(visible(m), m.Text), "ssh -p") {
				t.Errorf("%s has the command too", k)
			}
		}
	}
}

// Messages that were posted stay true: of what is over they say so, and neither
// command nor button is left.
func TestEditedMessagesSayWhatIsSo(t *testing.T) {
	t.Parallel()
	closed := ended(sshforward.ClosedByUser)
	longer := with(sshforward.Open, func(l *sshforward.Lease) { l.ExpiresAt = l.ExpiresAt.Add(3600e9) })
	for tag, v := range languages {
		for _, k := range []sshforward.NoticeKind{sshforward.NoticeReady, sshforward.NoticeCommand, sshforward.NoticeReminder,
			sshforward.NoticeRefused, sshforward.NoticeOutage, sshforward.NoticeUnjudged, sshforward.NoticeShortened,
			sshforward.NoticeRebuilt, sshforward.NoticeApproval, sshforward.NoticeAsked, sshforward.NoticeNudge} {
			p := sshforward.Posted{Kind: k, At: noon, Since: noon}
			over := v.edited(closed, p, noon)
			said := strings.Join(visible(over), "\n") + over.Text
			end := date(closed.ExpiresAt)
			if over.hasButtons() || over.Text == "" || strings.Contains(said, "ssh -p") || strings.Contains(said, v.say("Access ends %s.", end)) {
				t.Errorf("%s %s: %s", k, tag, said)
			}
			if k != sshforward.NoticeReady && k != sshforward.NoticeReminder {
				continue
			}
			now := strings.Join(visible(v.edited(longer, p, noon)), "\n")
			if !strings.Contains(now, date(longer.ExpiresAt)) {
				t.Errorf("%s %s: %s", k, tag, now)
			}
		}
	}
}
