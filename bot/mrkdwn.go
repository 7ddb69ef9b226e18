package bot

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/sshforward/sshforward"
)

// escape makes text from people or tags harmless in mrkdwn: Slack reads only
// & < > as markup that can ping or link. "@here" in plain letters pings nobody
// unless link_names is set, which it never is; the joiner after the @ holds
// even then.
func escape(s string) string {
	return pings.Replace(s)
}

var pings = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;",
	"@here", "@\u2060here", "@channel", "@\u2060channel", "@everyone", "@\u2060everyone")

// line is escape for text that has to stay on one line, at most n runes of it.
func line(s string, n int) string { return trim(escape(strings.Join(strings.Fields(s), " ")), n) }

// trim is cut for text that is escaped already: it leaves no half of an
// entity behind.
func trim(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	s = string([]rune(s)[:n-1])
	if i := strings.LastIndexByte(s, '&'); i >= 0 && !strings.Contains(s[i:], ";") {
		s = s[:i]
	}
	return s + "…"
}

// cut shortens s to n runes, the last of them an ellipsis.
func cut(s string, n int) string {
	if utf8.RuneCountInString(s) <= n {
		return s
	}
	r := []rune(s)
	return string(r[:n-1]) + "…"
}

// inCode puts text between backticks as they are typed; the result still has to
// be escaped. mrkdwn knows no way to write a backtick inside.
func inCode(s string) string { return "`" + strings.ReplaceAll(s, "`", "'") + "`" }

// code is text from people or tags in a code span, where nothing is markup.
func code(s string, n int) string {
	if s = line(strings.ReplaceAll(s, "`", "'"), n); s == "" {
		return "`-`"
	}
	return "`" + s + "`"
}

// mention mentions a user. What was found in AWS without a proof is nobody's.
func mention(id string) string {
	if id == "" {
		return "`?`"
	}
	return "<@" + escape(id) + ">"
}

// mentionAny mentions a user or, by an id that starts with S, a user group.
func mentionAny(id string) string {
	if sshforward.IsGroup(id) {
		return "<!subteam^" + escape(id) + ">"
	}
	return mention(id)
}

// date shows a time in the zone of whoever looks at it; the fallback is for
// clients that cannot.
func date(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04 UTC"))
}
