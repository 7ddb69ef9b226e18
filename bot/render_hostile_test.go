package bot

import (
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
)

// hostile is text that tries to ping, to link and to break out, as long as
// anybody lets it be.
var hostile = strings.Repeat("<!channel> <!here> @here @channel <@U2> <#C1> <!subteam^S1> & `x` ``` *b* "+
	"<https://evil.example|bank> \n\u202e日本語🎉 ", 60)

func worst(s sshforward.State) *sshforward.Lease {
	return with(s, func(l *sshforward.Lease) {
		l.Instance.Name, l.Instance.Account, l.Instance.Zone = hostile, hostile, hostile
		l.Because, l.Rule, l.SSHUser = hostile, hostile, hostile
		says := sshforward.Textf("%s", hostile)
		l.LastError, l.Why, l.Hint, l.Detail = says, says, says, says
		l.Resources.DNSName, l.Resources.HostKeys = hostile, strings.Repeat(hostile+"\n", 20)
		l.Alleged = []sshforward.TagWord{{Key: hostile, Value: hostile}, {Key: "sshforward:owner", Value: "<@U2>"}, {Key: hostile}}
		l.Urgent, l.DeniedFor, l.ExtendApprovals = true, hostile, 30
		l.Asked = sshforward.ExtensionRequest{User: "U1", By: 1<<63 - 1, DeniedFor: hostile}
		l.Attempts = 1000
		l.Notes, l.Approvers, l.Approved = nil, nil, nil
		for i := range 30 {
			l.Notes = append(l.Notes, sshforward.Textf("%d %s", i, hostile))
			l.Approvers = append(l.Approvers, fmt.Sprintf("S%010d", i))
			l.Approved = append(l.Approved, sshforward.Approval{User: fmt.Sprintf("U%010d", i)})
			l.Sources = append(l.Sources, netip.MustParsePrefix(fmt.Sprintf("198.51.100.%d/32", i)))
		}
		for i := range 30 {
			l.Needs = append(l.Needs, sshforward.Need{From: fmt.Sprintf("S%010d", i), N: 1})
		}
		l.ExtendNeeds = l.Needs
		l.Approvals, l.Claim = 30, sshforward.Claim{User: "U0000000001", At: noon}
	})
}

// worsts is every message at its longest.
func worsts(v render) map[string]message {
	out := map[string]message{}
	var all []*sshforward.Lease
	for range 60 {
		l := worst(sshforward.Open)
		l.ID = fmt.Sprintf("%07d", len(all))
		all = append(all, l)
	}
	for _, s := range testenv.Thinned(sshforward.States, 3) {
		l := worst(s)
		out["card "+string(s)] = v.card(l)
		out["show "+string(s)] = v.lease(ann, l)
		out["confirmed "+string(s)] = v.replyConfirm(l)
		out["closing "+string(s)] = v.replyClose(l)
		out["overtaken "+string(s)] = v.reminderOver(l)
		denied := l.Clone()
		denied.Asked.Decided, denied.Asked.DeniedBy, denied.Asked.DeniedAt = true, "U1", noon
		out["card asked denied "+string(s)] = v.card(denied)
		granted := l.Clone()
		granted.Asked.Decided, granted.Asked.Approved = true, l.Approved
		out["card asked granted "+string(s)] = v.card(granted)
		out["decided granted "+string(s)] = v.decided(granted, true)
		out["refused "+string(s)] = v.notice(denied, sshforward.Notice{Kind: sshforward.NoticeRefused}, noon)
		out["decided "+string(s)] = v.decided(denied, true)
		for _, k := range testenv.Thinned(noticeKinds, 3) {
			out["notice "+string(k)+" "+string(s)] = v.notice(l, sshforward.Notice{Kind: k}, noon)
			out["ask "+string(k)+" "+string(s)] = v.askApprover(l, sshforward.Notice{Kind: k}, noon)
		}
	}
	for _, r := range []sshforward.Reason{sshforward.Failed, sshforward.InstanceGone, sshforward.Denied} {
		l := worst(sshforward.Closed)
		l.Reason = r
		out["card "+string(r)] = v.card(l)
	}
	var instances []sshforward.Instance
	for range 100 {
		instances = append(instances, all[0].Instance)
	}
	open := sshforward.OpenLease{Instance: hostile, Because: hostile, Sources: all[0].Sources, Duration: time.Hour}
	_, parseErr := parse("open " + hostile)
	_, reasonErr := parse("open x because " + hostile)
	out["list"] = v.list(ann, false, all)
	out["list all"] = v.list(ann, true, all)
	out["choose close"] = v.chooseLease(sshforward.CloseLease{}, all)
	out["choose extend"] = v.chooseLease(sshforward.ExtendLease{Duration: 1<<63 - 1}, all)
	out["closed all"] = v.replyCloseAll(all)
	out["choose instance"] = v.chooseInstance(open, instances)
	out["extended"] = v.replyExtend(all[0])
	out["reminded"] = v.reminderPressed(ann, sshforward.ExtendLease{}, all[0])
	out["error"] = v.failure(&sshforward.Error{Message: sshforward.Textf("%s", hostile)})
	out["parse error"] = v.failure(parseErr)
	out["reason error"] = v.failure(reasonErr)
	out["ip"] = v.reply(ann, showSource{}, outcome{reply: sshforward.Reply{Sources: all[0].Sources}})
	out["confirm urgent"] = v.confirmUrgent(worst(sshforward.Requested))
	var past []sshforward.Event
	for range 100 {
		past = append(past, sshforward.Event{Instance: hostile, Name: hostile, Lease: hostile, Because: hostile,
			Reason: sshforward.Reason(hostile),
			Urgent: true, Cost: 1e9, Opened: noon, Ended: noon.Add(1000 * time.Hour)})
	}
	out["history"] = v.history(past, sshforward.Bill{Leases: 1 << 40, Cost: 1e12})
	maps.DeleteFunc(out, func(_ string, m message) bool { return m.Text == "" && len(m.Blocks) == 0 })
	return out
}

func allWorsts() map[string]message {
	out := map[string]message{}
	for tag, v := range languages {
		for name, m := range worsts(v) {
			out[name+" "+tag] = m
		}
	}
	return out
}

// allowed is markup that the bot itself writes.
var allowed = regexp.MustCompile(`<(@[UW][0-9A-Z]+|!subteam\^S[0-9]+|#C2|!date\^-?\d+\^\{date_short_pretty\} \{time\}\|[^<>|]*)>`)

func TestHostileTextPingsNobodyAndFitsInto(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	mentions := func(s string) map[string]bool {
		out := map[string]bool{}
		for _, m := range allowed.FindAllString(s, -1) {
			out[m] = true
		}
		return out
	}
	for name, m := range testenv.ThinnedRows(allWorsts(), 2) {
		if errs := fakeslack.CheckBlocks(m.Blocks); len(errs) > 0 {
			t.Errorf("%s: %v", name, errs)
		}
		if n := utf8.RuneCountInString(m.Text); n > 4000 || n == 0 {
			t.Errorf("%s: text of %d characters", name, n)
		}
		channel, ts, err := x.client.post(t.Context(), "C1", m)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		shown, _ := w.Message(ts)
		if len(shown.Blocks) != len(m.Blocks) {
			t.Errorf("%s: posted to %s without its blocks", name, channel)
		}
		all := shown.Visible() + shown.Text
		for _, bad := range []string{"<!channel", "<!here", "<!everyone", "@here", "@channel", "<https:", "<#C1", "<!subteam^S1>"} {
			if strings.Contains(all, bad) {
				t.Errorf("%s contains %s", name, bad)
			}
		}
		if strings.ContainsAny(allowed.ReplaceAllString(all, ""), "<>") {
			t.Errorf("%s contains markup of others", name)
		}
		if mentions(all)["<@U2>"] && !strings.Contains(name, "denied") {
			t.Errorf("%s mentions somebody who has nothing to do with it", name)
		}
	}
	for _, m := range w.Messages("C1") {
		for _, b := range m.Blocks {
			verbatim(t, b)
		}
	}
}

// verbatim checks that every mrkdwn text is: Slack finds no links or names in
// it by itself.
func verbatim(t *testing.T, v any) {
	switch v := v.(type) {
	case map[string]any:
		if v["type"] == "mrkdwn" && v["verbatim"] != true {
			t.Errorf("not verbatim: %v", v["text"])
		}
		for _, x := range v {
			verbatim(t, x)
		}
	case []any:
		for _, x := range v {
			verbatim(t, x)
		}
	}
}

func TestNoEntityIsCutInTwo(t *testing.T) {
	t.Parallel()
	for n := 1; n < 40; n++ {
		got := trim(escape("a & b < c > d & e < f"), n)
		if utf8.RuneCountInString(got) > n {
			t.Errorf("%d: %q", n, got)
		}
		if rest := strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(got); strings.Contains(rest, "&") {
			t.Errorf("%d: %q", n, got)
		}
	}
}
