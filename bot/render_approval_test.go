package bot

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/internal/testenv"
)

var noticeKinds = []sshforward.NoticeKind{
	sshforward.NoticeApproval, sshforward.NoticeReady, sshforward.NoticeReminder, sshforward.NoticeEnded, sshforward.NoticeFailed,
	sshforward.NoticeRebuilt, sshforward.NoticeMended, sshforward.NoticeNudge, sshforward.NoticeAsked, sshforward.NoticeRefused,
	sshforward.NoticeReview, sshforward.NoticeStuck, sshforward.NoticeFreed, sshforward.NoticeNarrowed, sshforward.NoticeReshaped,
	sshforward.NoticeUrgent,
	sshforward.NoticeShortened, sshforward.NoticeRejected, sshforward.NoticeUnjudged,
}

const hostKeys = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExampleExampleExampleExampleExampleExampleExam
ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBExample=`

func urgent(s sshforward.State) *sshforward.Lease {
	return with(s, func(l *sshforward.Lease) {
		l.Urgent, l.Approvers, l.Approvals, l.Because = true, []string{"S1", "U2"}, 1, "production is down"
	})
}

// wanted is an open lease for which an extension was asked for.
func wanted(change func(*sshforward.Lease)) *sshforward.Lease {
	return with(sshforward.Open, func(l *sshforward.Lease) {
		l.Approvers, l.Approvals, l.ExtendApprovals = []string{"S1", "U2"}, 1, 2
		l.Approved = []sshforward.Approval{{User: "U2", At: noon.Add(2 * time.Minute)}}
		l.Asked = sshforward.ExtensionRequest{User: "U1", By: time.Hour, At: noon.Add(100 * time.Minute)}
		if change != nil {
			change(l)
		}
	})
}

// everyApproval is one of each message about approval, urgency and history.
func everyApproval(v render) map[string]message {
	partly := wanted(func(l *sshforward.Lease) {
		l.Asked.Approved = []sshforward.Approval{{User: "U2", At: noon.Add(101 * time.Minute)}}
	})
	refused := wanted(func(l *sshforward.Lease) {
		l.Asked.Decided, l.Asked.DeniedBy, l.Asked.DeniedAt = true, "U2", noon.Add(104*time.Minute)
		l.Asked.DeniedFor = "the change window <is> over"
	})
	granted := wanted(func(l *sshforward.Lease) {
		l.Asked.Decided, l.Asked.Approved = true, []sshforward.Approval{{User: "U2", At: noon.Add(101 * time.Minute)},
			{User: "U3", At: noon.Add(102 * time.Minute)}}
		l.ExpiresAt = l.ExpiresAt.Add(time.Hour)
	})
	denied := ended(sshforward.Denied)
	denied.DeniedFor = "use the <replica>"
	over := urgent(sshforward.Closed)
	over.Reason, over.ClosedBy = sshforward.ClosedByUser, over.Owner
	approved := with(sshforward.Pending, func(l *sshforward.Lease) {
		l.Approved = append(l.Approved, sshforward.Approval{User: "U3", At: noon.Add(5 * time.Minute)})
		l.State = sshforward.Opening
	})
	keys := with(sshforward.Open, func(l *sshforward.Lease) { l.Resources.HostKeys = hostKeys })
	notice := func(l *sshforward.Lease, k sshforward.NoticeKind) message {
		return v.notice(l, sshforward.Notice{Kind: k}, noon.Add(46*time.Minute))
	}
	ask := func(l *sshforward.Lease, k sshforward.NoticeKind) message {
		if k == sshforward.NoticeNudge {
			l = l.Clone()
			l.Posted = []sshforward.Posted{{Kind: sshforward.NoticeApproval, To: "U3"}}
		}
		return v.askApprover(l, sshforward.Notice{Kind: k, To: "U3"}, noon.Add(46*time.Minute))
	}
	past := []sshforward.Event{
		{Lease: "k7m2q3x", Instance: "i-0abc1234def567890", Name: "web-1", Opened: noon, Ended: noon.Add(75*time.Minute + 4*time.Second),
			Reason: sshforward.Expired, Because: "disk is full", Cost: 0.06},
		{Lease: "k7m2q3y", Instance: "i-0second", Opened: noon.Add(-48 * time.Hour), Ended: noon.Add(-47 * time.Hour), Urgent: true,
			Reason: sshforward.ClosedByUser, Cost: 0.03},
	}
	looking := func(l *sshforward.Lease) { l.Claim = sshforward.Claim{User: "U2", At: noon.Add(3 * time.Minute)} }
	both := with(sshforward.Pending, func(l *sshforward.Lease) {
		looking(l)
		l.Approvers, l.Needs = []string{"S1", "S2"}, []sshforward.Need{{From: "S1", N: 1}, {From: "S2", N: 1}}
		l.Approved[0].From = []string{"S1"}
	})
	approvedByU3 := with(sshforward.Pending, func(l *sshforward.Lease) { l.Approved[0].User = "U3" })
	never := with(sshforward.Pending, func(l *sshforward.Lease) { l.Approved = nil })
	return map[string]message{
		"prompt-urgent":            v.prompt(urgent(sshforward.Requested)),
		"prompt-urgent-second":     v.reply(ann, sshforward.ConfirmLease{}, about(urgent(sshforward.Requested))),
		"confirmed-urgent":         v.replyConfirm(urgent(sshforward.Opening)),
		"card-urgent":              v.card(urgent(sshforward.Open)),
		"card-pending-nobody":      v.card(never),
		"card-pending-both":        v.card(both),
		"card-asked-claimed":       v.card(wanted(looking)),
		"ask-claimed":              ask(with(sshforward.Pending, looking), sshforward.NoticeApproval),
		"ask-approved":             ask(approvedByU3, sshforward.NoticeApproval),
		"card-approved":            v.card(approved),
		"card-asked":               v.card(wanted(nil)),
		"card-asked-partly":        v.card(partly),
		"card-asked-denied":        v.card(refused),
		"card-asked-granted":       v.card(granted),
		"card-denied-for":          v.card(denied),
		"asked":                    v.replyExtend(wanted(nil)),
		"reminded-asked":           v.reminderPressed(ann, sshforward.ExtendLease{Duration: time.Hour}, wanted(nil)),
		"reminded-approved":        v.reminderPressed(ann, sshforward.ApproveLease{}, approved),
		"reminded-denied":          v.reminderPressed(ann, sshforward.DenyLease{}, denied),
		"reminded-approved-more":   v.reminderPressed(ann, sshforward.ApproveLease{Extend: time.Hour}, partly),
		"reminded-denied-more":     v.reminderPressed(ann, sshforward.DenyLease{Extend: time.Hour}, refused),
		"notice-nudge":             notice(lease(sshforward.Pending), sshforward.NoticeNudge),
		"notice-asked":             notice(wanted(nil), sshforward.NoticeAsked),
		"notice-refused":           notice(refused, sshforward.NoticeRefused),
		"notice-urgent":            notice(urgent(sshforward.Opening), sshforward.NoticeUrgent),
		"notice-review":            notice(over, sshforward.NoticeReview),
		"notice-ended-denied":      notice(denied, sshforward.NoticeEnded),
		"notice-ready-host-keys":   notice(keys, sshforward.NoticeReady),
		"ask-approval":             ask(lease(sshforward.Pending), sshforward.NoticeApproval),
		"ask-nudge":                ask(lease(sshforward.Pending), sshforward.NoticeNudge),
		"ask-extension":            ask(wanted(nil), sshforward.NoticeAsked),
		"decided-approved":         v.decided(approved, false),
		"decided-denied":           v.decided(denied, false),
		"decided-extension":        v.decided(wanted(func(l *sshforward.Lease) { l.Asked.Decided = true }), true),
		"decided-extension-denied": v.decided(refused, true),
		"decided-extension-more":   v.decided(granted, true),
		"history-some": v.reply(ann, showHistory{},
			outcome{overview: sshforward.Overview{History: sshforward.History{Past: past, Month: sshforward.Bill{Leases: 2, Cost: 0.09}}}}),
		"history-none-this-month": v.history(past[1:], sshforward.Bill{}),
	}
}

// notProse is what is not Japanese in a Japanese message, and need not be:
// markup, commands, names, quotations and what people wrote.
var notProse = []*regexp.Regexp{
	regexp.MustCompile("(?s)```.*?```"), regexp.MustCompile("`[^`]*`"), regexp.MustCompile(`<[^<>]*>`), regexp.MustCompile(`「[^」]*」`),
	regexp.MustCompile(`/sshforward [a-z0-9 .-]*`), regexp.MustCompile(`ssh -p .*amazonaws\.com`), regexp.MustCompile(`:[a-z_]+:`),
	regexp.MustCompile(`disk is full|production is down|use the &lt;replica&gt;|the change window &lt;is&gt; over|the account is closed`),
}

var englishRun = regexp.MustCompile(`[A-Za-z][A-Za-z',.;:-]*(?:[ \n]+[A-Za-z][A-Za-z',.;:-]*){3,}`)

func TestJapaneseIsJapanese(t *testing.T) {
	testenv.SkipRaced(t, "it is about words")
	t.Parallel()
	english := every(show)
	for name, m := range every(languages["ja"]) {
		noEnglish(t, name, append(visible(m), m.Text))
		if m.Text == english[name].Text {
			t.Errorf("%s: its text is that of the English one: %q", name, m.Text)
		}
	}
	for name, view := range everyView(languages["ja"]) {
		noEnglish(t, name, visible(view))
	}
}

func noEnglish(t *testing.T, name string, texts []string) {
	t.Helper()
	for _, s := range texts {
		for _, r := range notProse {
			s = r.ReplaceAllString(s, "|")
		}
		if left := englishRun.FindString(s); left != "" {
			t.Errorf("%s: English is left: %q", name, left)
		}
	}
}

// visible are the texts of a message or a view.
func visible(m any) []string {
	var out []string
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key, x := range v {
				if s, ok := x.(string); ok && key == "text" {
					out = append(out, s)
				}
				walk(x)
			}
		case []any:
			for _, x := range v {
				walk(x)
			}
		}
	}
	walk(generic(m))
	return out
}

func TestHostKeysAreSafeToPaste(t *testing.T) {
	t.Parallel()
	offered := func(keys string) string {
		l := with(sshforward.Open, func(l *sshforward.Lease) { l.Resources.HostKeys = keys })
		return strings.Join(visible(show.notice(l, sshforward.Notice{Kind: sshforward.NoticeReady}, noon)), "\n")
	}
	if got := offered(hostKeys); !strings.Contains(got, "i-0abc1234def567890 ssh-ed25519 AAAA") ||
		!strings.Contains(got, "HostKeyAlias in the command makes") {
		t.Errorf("not offered: %s", got)
	}
	for _, bad := range []string{"", "\n", "ssh-ed25519", "ssh-ed25519 AAAA```<!channel>",
		"* ssh-ed25519 " + strings.Repeat("A", 60), "$(rm -rf) " + strings.Repeat("A", 60)} {
		if got := offered(bad); strings.Contains(got, "known_hosts") {
			t.Errorf("offered for %q: %s", bad, got)
		}
	}
	if n := strings.Count(offered(strings.Repeat("ssh-ed25519 "+strings.Repeat("A", 60)+"\n", 9)), "ssh-ed25519"); n != maxHostKeys {
		t.Errorf("%d lines", n)
	}
	long := "ssh-rsa " + strings.Repeat("A", 700) + "\n"
	if n := strings.Count(offered(strings.Repeat(long, 4)), "ssh-rsa"); n != 2 {
		t.Errorf("%d long lines", n)
	}
}

func TestJapaneseDurations(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		2 * time.Hour: "2時間", 90 * time.Minute: "1時間30分", 45 * time.Second: "45秒", 24 * time.Hour: "1日", 0: "0秒",
	} {
		if got := japanese.span(d); got != want {
			t.Errorf("%v: %q, want %q", d, got, want)
		}
	}
	if got := japanese.anyOf([]string{"U1", "S1", "U3"}); got != "<@U1>、<!subteam^S1> または <@U3>" {
		t.Error(got)
	}
	if got := japanese.timeLeft(14 * time.Minute); got != "あと14分で" {
		t.Error(got)
	}
	if got := japanese.dollars(0.051); got != "約 $0.05" {
		t.Error(got)
	}
}

// Who has said yes is not asked for a decision any more.
func TestWhoHasDecidedIsNotAskedToDecide(t *testing.T) {
	t.Parallel()
	pending, asks := lease(sshforward.Pending), lease(sshforward.Open)
	pending.Approved = []sshforward.Approval{{User: "U2", At: noon}}
	asks.Asked = sshforward.ExtensionRequest{User: "U1", By: time.Hour, At: noon, Approved: pending.Approved}
	for kind, l := range map[sshforward.NoticeKind]*sshforward.Lease{
		sshforward.NoticeApproval: pending, sshforward.NoticeNudge: pending, sshforward.NoticeAsked: asks,
	} {
		m := show.askApprover(l, sshforward.Notice{Kind: kind, To: "U2"}, noon)
		if strings.Contains(m.Text, "your decision") || !strings.Contains(m.Text, "You have approved it") || m.hasButtons() {
			t.Errorf("%s: %s", kind, m.Text)
		}
	}
}
