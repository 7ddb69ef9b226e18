package bot

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sshforward/sshforward"
)

func prefixes(list ...string) (out []netip.Prefix) {
	for _, s := range list {
		out = append(out, netip.MustParsePrefix(s))
	}
	return out
}

var compare = cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })

func TestParse(t *testing.T) {
	t.Parallel()
	open := func(name string, d time.Duration) sshforward.OpenLease {
		return sshforward.OpenLease{Instance: name, Duration: d}
	}
	full := sshforward.OpenLease{Instance: "i-0abc", Duration: 2 * time.Hour, Sources: prefixes("203.0.113.7/32", "198.51.100.0/28"),
		Port: 2222, Because: "disk is  full"}
	for text, want := range map[string]operation{
		"open i-0abc":             open("i-0abc", 0),
		"OPEN i-0abc 2H":          open("i-0abc", 2*time.Hour),
		"open web-1 1h30m":        open("web-1", 90*time.Minute),
		"open web-1 for 45s":      open("web-1", 45*time.Second),
		`open "my box" 1d`:        open("my box", 24*time.Hour),
		"open “my box” 1d":        open("my box", 24*time.Hour),
		"open „my box“":           open("my box", 0),
		`open “my "other" box”`:   nil, // the inner quote closes it
		`open "my \"other\" box"`: open(`my "other" box`, 0),
		`open "from"`:             open("from", 0),
		`open "urgent" 2h`:        open("urgent", 2*time.Hour),
		`open "2h" 2h`:            open("2h", 2*time.Hour),
		"open web-1 Urgent 30m because urgent": sshforward.OpenLease{
			Instance: "web-1", Duration: 30 * time.Minute, Urgent: true, Because: "urgent"},
		"history": showHistory{},
		"abandon K7M2Q3X because the account  is closed": sshforward.AbandonLease{ID: "k7m2q3x", Because: "the account is closed"},
		"open `i-0abc` 2h":          open("i-0abc", 2*time.Hour),
		"`open i-0abc 2h`":          open("i-0abc", 2*time.Hour),
		"`/sshforward open i-0abc`": open("i-0abc", 0),
		"/sshforward open i-0abc":   open("i-0abc", 0),
		"open i-0abc 2h from 203.0.113.7,198.51.100.0/28 port 2222 because disk is  full":                  full,
		"open i-0abc FROM 203.0.113.7, 198.51.100.0/28 2h Port 2222 Because disk is  full ":                full,
		"open i-0abc 2h from 203.0.113.7 , 198.51.100.0/28 port 2222 because disk is  full":                full,
		"open i-0abc 2h from 203.0.113.7 from 198.51.100.0/28 port 2222 because disk is  full":             full,
		"open i-0abc port 2222 2h from 203.0.113.7/32, 198.51.100.0/28, 203.0.113.7 because disk is  full": full,
		"open <http://web-1.example.com|web-1.example.com> from <http://203.0.113.7|203.0.113.7>": sshforward.OpenLease{
			Instance: "web-1.example.com", Sources: prefixes("203.0.113.7/32")},
		"open web-1 from <https://203.0.113.7>": sshforward.OpenLease{Instance: "web-1", Sources: prefixes("203.0.113.7/32")},
		"open R&amp;D":                          open("R&D", 0),
		"open web-1 because from 10.0.0.1 port x “quoted” &lt;b&gt; &amp;amp;": sshforward.OpenLease{Instance: "web-1",
			Because: "from 10.0.0.1 port x “quoted” <b> &amp;"},
		"open web-1 because see <https://jira.example.com/1|the ticket>": sshforward.OpenLease{Instance: "web-1",
			Because: "see the ticket"},
		"open web-1 because line one\nline two": sshforward.OpenLease{Instance: "web-1",
			Because: "line one\nline two"},
		"open 本番サーバー 2h because ディスクがいっぱい": sshforward.OpenLease{Instance: "本番サーバー",
			Duration: 2 * time.Hour, Because: "ディスクがいっぱい"},
		"list":                            listLeases{},
		"list ALL":                        listLeases{All: true},
		"close":                           sshforward.CloseLease{},
		"close all":                       sshforward.CloseLease{All: true},
		`close "all"`:                     sshforward.CloseLease{Ref: "all"},
		"close K7M2Q3X":                   sshforward.CloseLease{Ref: "K7M2Q3X"},
		"close my box":                    sshforward.CloseLease{Ref: "my box"},
		"extend k7m2q3x 1h":               sshforward.ExtendLease{Ref: "k7m2q3x", Duration: time.Hour},
		"extend 1h k7m2q3x":               sshforward.ExtendLease{Ref: "k7m2q3x", Duration: time.Hour},
		"extend “my box” by 30m":          sshforward.ExtendLease{Ref: "my box", Duration: 30 * time.Minute},
		"show K7M2Q3X":                    showLease{ID: "k7m2q3x"},
		"show k7m2o3l":                    showLease{ID: "k7m2031"},
		"ip":                              showSource{},
		"ip clear":                        sshforward.SetSource{Clear: true},
		"ip 203.0.113.7":                  sshforward.SetSource{Sources: prefixes("203.0.113.7/32")},
		"ip 203.0.113.7, 198.51.100.0/28": sshforward.SetSource{Sources: prefixes("203.0.113.7/32", "198.51.100.0/28")},
	} {
		got, err := parse(text)
		if want == nil {
			if err == nil {
				t.Errorf("%q: %+v, want an error", text, got.command)
			}
			continue
		}
		if d := cmp.Diff(want, got.command, compare); d != "" || err != nil {
			t.Errorf("%q: %v\n%s", text, err, d)
		}
	}
	for text, want := range map[string]sshforward.OpenLease{
		"": {}, "  ": {}, "/sshforward": {}, "open": {}, "open 2h": {Duration: 2 * time.Hour},
		"open for 2h from 203.0.113.7 port 2222 urgent because x y": {Duration: 2 * time.Hour, Sources: prefixes("203.0.113.7/32"),
			Port: 2222, Urgent: true, Because: "x y"},
		"open because":       {},
		"open urgent":        {Urgent: true},
		"open because of it": {Because: "of it"},
	} {
		got, err := parse(text)
		if text == "open because" {
			if err == nil {
				t.Error("a reason that is missing is not asked for")
			}
			continue
		}
		if d := cmp.Diff(operation(want), got.command, compare); d != "" || err != nil || got.topic != topicForm {
			t.Errorf("%q: %+v, %v\n%s", text, got, err, d)
		}
	}
	for _, text := range []string{"help", "HELP", "/sshforward help"} {
		if got, err := parse(text); err != nil || got.topic != topicHelp {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// Whatever is wrong with a command, the answer has one that works and keeps
// what was right.
func TestMistakeIsAnsweredWithTheCorrectedCommand(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"open from home":                                    "open i-0123456789abcdef0 from 203.0.113.7",
		"open urgent 1h 2h because x":                       "open i-0123456789abcdef0 2h urgent because x",
		"open for":                                          "open i-0123456789abcdef0",
		"open web-1 from urgent":                            "open web-1 from 203.0.113.7 urgent",
		`open "" 2h`:                                        "open i-0123456789abcdef0 2h",
		"open web-1 2":                                      "open web-1 2h",
		"open web-1 90":                                     "open web-1 1h30m",
		"open web-1 2 hours because x":                      "open web-1 2h because x",
		"open web-1 2.5h":                                   "open web-1 2h",
		"open web-1 0h":                                     "open web-1 1h",
		"open web-1 1h 2h":                                  "open web-1 2h",
		"open my box 2h":                                    `open "my box" 2h`,
		"open web-1 203.0.113.7 2h because x":               "open web-1 2h from 203.0.113.7 because x",
		"open web-1 from":                                   "open web-1 from 203.0.113.7",
		"open web-1 from because x":                         "open web-1 from 203.0.113.7 because x",
		"open web-1 from home 2h because x":                 "open web-1 2h from 203.0.113.7 because x",
		"open web-1 from 198.51.100.9/28":                   "open web-1 from 198.51.100.0/28",
		"open web-1 from 2001:db8::1 2h":                    "open web-1 2h from 203.0.113.7",
		"open web-1 from 198.51.100.9, home":                "open web-1 from 198.51.100.9",
		"open web-1 from ::ffff:203.0.113.7/128":            "open web-1 from 203.0.113.7",
		"open web-1 port":                                   "open web-1 port 22",
		"open web-1 port ssh because x":                     "open web-1 port 22 because x",
		"open web-1 port 70000":                             "open web-1 port 22",
		"open web-1 because":                                "open web-1 because of a deployment",
		"open web-1 2h because " + strings.Repeat("あ", 501): "open web-1 2h because " + strings.Repeat("あ", 499) + "…",
		"i-0abc 2h":                                         "open i-0abc 2h",
		"opne web-1 2h because “x”":                         "open web-1 2h because “x”",
		"extned k7m2q3x 1h":                                 "extend k7m2q3x 1h",
		"list mine":                                         "list all",
		"extend":                                            "extend k7m2q3x 1h",
		"extend 1h":                                         "extend k7m2q3x 1h",
		"extend web-1":                                      "extend web-1 1h",
		"extend web-1 30":                                   "extend web-1 30m",
		"show":                                              "show k7m2q3x",
		"show web-1":                                        "list all",
		"show k7m2q3x k7m2q3y":                              "show k7m2q3x",
		"abandon":                                           "abandon k7m2q3x because the account is closed",
		"abandon web-1 because x":                           "list all",
		"abandon k7m2q3x":                                   "abandon k7m2q3x because the account is closed",
		"abandon k7m2q3x because ":                          "abandon k7m2q3x because the account is closed",
		"abandon k7m2q3x it is gone":                        "abandon k7m2q3x because it is gone",
		"abandon k7m2q3x because " + strings.Repeat("x", 501): "abandon k7m2q3x because " + strings.Repeat("x", 499) + "…",
		"ip home":            "ip 203.0.113.7",
		"ip 198.51.100.9/28": "ip 198.51.100.0/28",
	} {
		_, err := parse(text)
		if sshforward.ErrorCode(err) != sshforward.EINVALID {
			t.Errorf("%q: %v", text, err)
			continue
		}
		message := sshforward.ErrorMessage(err).String()
		_, example, _ := strings.Cut(message, "Try `/sshforward ")
		example = strings.TrimSuffix(example, "`.")
		if example != want {
			t.Errorf("%q: %s\n want %s", text, message, want)
		}
		if _, err := parse(example); err != nil {
			t.Errorf("%q: the example %q: %v", text, example, err)
		}
	}
}

// What is parsed can be written so that it is parsed the same, also after
// Slack has escaped it; and every corrected example is right.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"open i-0abc 2h from 203.0.113.7, 198.51.100.0/28 port 22 because x", "open “my box” 1d",
		"open `a` 2", "`open a b`", `open "\"\\" because "`, "extend 1h a by", "close a b", "show x", "ip 1.2.3.4/8",
		"open <http://a|b> because <b>&lt;&amp;lt;", "list all", "opne a", "open a 9223372036854775807s",
		"open \xff because \xfe", "i-1 `", "open a because ```",
		"open a 2h urgent because b", `open "2h" "urgent"`, "open 45m30s urgent", "abandon k7m2q3x because x", "abandon k7m2q3x `x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parse(text)
		if err != nil {
			if sshforward.ErrorCode(err) != sshforward.EINVALID || !strings.Contains(err.Error(), "Try `/sshforward ") {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if got.topic != topicCommand {
			return
		}
		written := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(formatCommand(got.command))
		again, err := parse(written)
		if d := cmp.Diff(got.command, again.command, compare); d != "" || err != nil {
			t.Errorf("%q was read, written as %q, and read again: %v\n%s", text, written, err, d)
		}
	})
}
