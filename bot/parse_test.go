package bot

import (
	"errors"
	"net/netip"
	"os"
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
		"history":                   showHistory{},
		"from K7m2q3x 203.0.113.20": sshforward.ChangeSource{Ref: "K7m2q3x", To: netip.MustParsePrefix("203.0.113.20/32")},
		"from my box to <http://203.0.113.20|203.0.113.20>": sshforward.ChangeSource{Ref: "my box",
			To: netip.MustParsePrefix("203.0.113.20/32")},
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
		"extend 1h 4kmqxpd":               sshforward.ExtendLease{Ref: "4kmqxpd", Duration: time.Hour},
		"extend 1 hour 5g":                sshforward.ExtendLease{Ref: "5g", Duration: time.Hour},
		"extend 1h":                       sshforward.ExtendLease{Duration: time.Hour},
		"extend web-1 1h 30m":             sshforward.ExtendLease{Ref: "web-1", Duration: 90 * time.Minute},
		"extend 1 hour web-1":             sshforward.ExtendLease{Ref: "web-1", Duration: time.Hour},
		"extend ウェブ by 30分":               sshforward.ExtendLease{Ref: "ウェブ", Duration: 30 * time.Minute},
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
		"open from home":                                    "open from 203.0.113.7",
		"open urgent 1h 2h because x":                       "open 2h urgent because x",
		"open for":                                          "open",
		"open web-1 from urgent":                            "open web-1 from 203.0.113.7 urgent",
		`open "" 2h`:                                        "open 2h",
		"open web-1 2":                                      "open web-1 2h",
		"open web-1 90":                                     "open web-1 1h30m",
		"open web-1 2 houses because x":                     "open web-1 2h because x",
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
		"extend":                                            "extend 1h",
		"extend web-1":                                      "extend web-1 1h",
		"extend web-1 30":                                   "extend web-1 30m",
		"show":                                              "list",
		"I-0ABC1234 2x":                                     "open i-0abc1234 2h",
		"opne web-1 2x because y":                           "open web-1 2h because y",
		"extned web-1 30":                                   "extend web-1 30m",
		"open web-1 from 203.0.113.7、home":                  "open web-1 from 203.0.113.7",
		"ip 203.0.113.9/28、":                                "ip 203.0.113.0/28",
		"show web-1":                                        "list all",
		"show k7m2q3x k7m2q3y":                              "show k7m2q3x",
		"from":                                              "from 203.0.113.7",
		"from web-1":                                        "from web-1 203.0.113.7",
		"from web-1 198.51.100.0/28":                        "from web-1 198.51.100.0",
		"from web-1 home":                                   "from \"web-1 home\" 203.0.113.7",
		"from web-1 198.51.100.9,198.51.100.10":             "from web-1 198.51.100.9",
		"from web-1 2001:db8::1":                            "from web-1 203.0.113.7",
		"abandon":                                           "list all",
		"abandon web-1 because x":                           "list all",
		"abandon k7m2q3x":                                   "abandon k7m2q3x because the account is closed",
		"abandon k7m2q3x because ":                          "abandon k7m2q3x because the account is closed",
		"abandon k7m2q3x it is gone":                        "abandon k7m2q3x because it is gone",
		"abandon k7m2q3x、it is gone":                        "abandon k7m2q3x because it is gone",
		"abandon k7m2q3x because " + strings.Repeat("x", 501): "abandon k7m2q3x because " + strings.Repeat("x", 499) + "…",
		"ip home":            "ip 203.0.113.7",
		"ip 198.51.100.9/28": "ip 198.51.100.0/28",
	} {
		_, err := parse(text)
		if sshforward.ErrorCode(err) != sshforward.EINVALID {
			t.Errorf("%q: %v", text, err)
			continue
		}
		example := exampleOf(err)
		if example != want {
			t.Errorf("%q: %v: %s\n want %s", text, err, example, want)
		}
		if _, err := parse(example); err != nil {
			t.Errorf("%q: the example %q: %v", text, example, err)
		}
	}
}

// exampleOf is the command that is suggested, as it is typed.
func exampleOf(err error) string {
	says := show.says(err)
	for _, begin := range []string{"Try `/sshforward ", "Try: /sshforward "} {
		if at := strings.LastIndex(says, begin); at >= 0 {
			return strings.TrimSuffix(says[at+len(begin):], "`.")
		}
	}
	return ""
}

// What is parsed can be written so that it is parsed the same, also after
// Slack has escaped it; and every corrected example is right.
func FuzzParse(f *testing.F) {
	for _, s := range []string{"open i-0abc 2h from 203.0.113.7, 198.51.100.0/28 port 22 because x", "open “my box” 1d",
		"open `a` 2", "`open a b`", `open "\"\\" because "`, "extend 1h a by", "close a b", "show x", "ip 1.2.3.4/8",
		"open <http://a|b> because <b>&lt;&amp;lt;", "list all", "opne a", "open a 9223372036854775807s",
		"open \xff because \xfe", "i-1 `", "open a because ```",
		"open a 2h urgent because b", "ｏｐｅｎ　ｗｅｂ－１　２時間　ｆｒｏｍ　203。0．113。7、198.51.100.9", "open 'a b' 1h 30m",
		"open 「a b」 1.5h",
		"open a from \u200b1.2.3.4、 port 22", "extend 1 hour and 30 minutes a,", "close a、b",
		"open 30 30",
		"I-0ABC 2x", "“open a 2h”", "open ` ` 2",
		"open a\u2800 because \u200b", "open because because", "extend by 2", "extend 1 2h", `open "2h" "urgent"`, "open 45m30s urgent",
		"abandon k7m2q3x because x", "abandon k7m2q3x `x",
		"from web to 1.2.3.4", "from a 1.2.3.0/24", "from \"to\" 1.2.3.4", "from 1.2.3.4"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parse(text)
		if err != nil {
			if sshforward.ErrorCode(err) != sshforward.EINVALID || exampleOf(err) == "" {
				t.Errorf("%q: %v", text, err)
			}
			// A backtick has no way into a code span, and is shown as an apostrophe.
			if e, ok := errors.AsType[*sshforward.Error](err); ok && e.Try.Command != nil {
				if example := formatCommand(e.Try.Command); !parses(example) {
					t.Errorf("%q: the example %q is refused", text, example)
				}
			} else if !parses(exampleOf(err)) {
				t.Errorf("%q: the example %q is refused", text, exampleOf(err))
			}
			return
		}
		if got.command == nil {
			return
		}
		written := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(formatCommand(got.command))
		again, err := parse(written)
		if d := cmp.Diff(got.command, again.command, compare); d != "" || err != nil {
			t.Errorf("%q was read, written as %q, and read again: %v\n%s", text, written, err, d)
		}
	})
}

func parses(text string) bool {
	_, err := parse(strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text))
	return err == nil
}

// What an input method, a phone or a copy from a message makes of a command is
// the same command; a reason stays as it is.
func TestAsItIsTyped(t *testing.T) {
	t.Parallel()
	from := prefixes("203.0.113.7/32", "198.51.100.0/28")
	open := func(d time.Duration, because string) sshforward.OpenLease {
		return sshforward.OpenLease{Instance: "web-1", Duration: d, Sources: from, Port: 2222, Because: because}
	}
	const h = time.Hour
	for text, want := range map[string]operation{
		"ｏｐｅｎ　ｗｅｂ－１　２ｈ　ｆｒｏｍ　２０３．０．１１３．７、１９８．５１．１００．０／２８　ｐｏｒｔ　２２２２":                              open(2*h, ""),
		"open web-1 2時間 from 203。0。113。7，198.51.100.0/28 port 2222":                             open(2*h, ""),
		"open web‐1 1時間30分 from 203.0.113.7､198.51.100.0・28 port ２２２２":                          open(h+h/2, ""),
		"open web–1 1h 30m from 203.0.113.7 、 198.51.100.0/28 port 2222":                        open(h+h/2, ""),
		"open webー1 1.5h from 203.0.113.7、198.51.100.0/28、port 2222":                            open(h+h/2, ""),
		"open `web-1` `2h` from `203.0.113.7`, `198.51.100.0/28` port `2222`":                   open(2*h, ""),
		"open 'web-1' '2h' from '203.0.113.7','198.51.100.0/28' port 2222":                      open(2*h, ""),
		"open ‘web-1’ “2 hours” from “203.0.113.7, 198.51.100.0/28” port ‘2222’":                open(2*h, ""),
		"open\u200b web\u200b-1 \ufeff2h from 203.0.113.7\u2060,198.51.100.0/28 port\u00a02222": open(2*h, ""),
		"open web-1、2時間、from 203.0.113.7、198.51.100.0/28、port 2222、because、ｄｉｓｋ　“full”":         open(2*h, "、ｄｉｓｋ　“full”"),
		"open web-1 1日 from 203.0.113.7,198.51.100.0/28 port 2222 ｂｅｃａｕｓｅ　ディスク、２時間":             open(24*h, "ディスク、２時間"),
		"「open web-1 90秒 from 203.0.113.7,198.51.100.0/28 port 2222」":                           open(90*time.Second, ""),
		"“open web-1 30分 from 203.0.113.7,198.51.100.0/28 port 2222”":                           open(h/2, ""),
		"／ｓｓｈｆｏｒｗａｒｄ open web-1 2 hours from 203.0.113.7,198.51.100.0/28, port 2222":            open(2*h, ""),
		"open “web-1”、 2h from 203.0.113.7,198.51.100.0/28 port 2222":                           open(2*h, ""),
		"open I-0ABC1234DEF567890":         sshforward.OpenLease{Instance: "i-0abc1234def567890"},
		"open Ｉ－０ＡＢＣ１２３４ＤＥＦ５６７８９０":         sshforward.OpenLease{Instance: "i-0abc1234def567890"},
		"open “本番ＤＢ”":                      sshforward.OpenLease{Instance: "本番ＤＢ"}, // in quotes as it is
		"open 本番ＤＢ 2時間":                    sshforward.OpenLease{Instance: "本番DB", Duration: 2 * h},
		"open サーバー 2時間半":                   sshforward.OpenLease{Instance: "サーバー", Duration: 2*h + h/2},
		"open bob's-box 2h":                sshforward.OpenLease{Instance: "bob's-box", Duration: 2 * h},
		"ｌｉｓｔ　ａｌｌ":                         listLeases{All: true},
		"close I-0ABC1234DEF567890":        sshforward.CloseLease{Ref: "i-0abc1234def567890"},
		"close Tokyo, Japan":               sshforward.CloseLease{Ref: "Tokyo, Japan"},
		"close ｗｅｂ－１、":                     sshforward.CloseLease{Ref: "web-1"},
		"extend ｋ７ｍ２ｑ３ｘ １時間":               sshforward.ExtendLease{Ref: "k7m2q3x", Duration: h},
		"show Ｋ７Ｍ２Ｑ３Ｘ":                     showLease{ID: "k7m2q3x"},
		"ip ２０３。０。１１３。７":                   sshforward.SetSource{Sources: prefixes("203.0.113.7/32")},
		"ip 203.0.113.7、 198.51.100.0/28。": sshforward.SetSource{Sources: from},
		"from 203.0.113.7、":                sshforward.ChangeSource{To: from[0]},
		"from web-1、to、203.0.113.7。":       sshforward.ChangeSource{Ref: "web-1", To: from[0]},
		"extend web-1、by、1時間半。":            sshforward.ExtendLease{Ref: "web-1", Duration: h + h/2},
		"extend 30分、web-1、":                sshforward.ExtendLease{Ref: "web-1", Duration: h / 2},
		"abandon k7m2q3x、because 閉鎖、済み。":   sshforward.AbandonLease{ID: "k7m2q3x", Because: "閉鎖、済み。"},
		"again、２、":                         askAgain{Nth: 2},
		"again 2 。":                        askAgain{Nth: 2},
		"why web-1。":                       showWhy{Ref: "web-1"},
		"why “Foo Inc.”。":                  showWhy{Ref: "Foo Inc."},
		"show k7m2q3x。":                    showLease{ID: "k7m2q3x"},
		"list、all。":                        listLeases{All: true},
		"list。":                            listLeases{},
		"open、web-1。":                      sshforward.OpenLease{Instance: "web-1"},
	} {
		got, err := parse(text)
		if d := cmp.Diff(want, got.command, compare); d != "" || err != nil {
			t.Errorf("%q: %v\n%s", text, err, d)
		}
	}
	if _, err := parse("open web-1 because \u200b　"); err == nil {
		t.Error("a reason that nobody can read is taken")
	}
}

// Whoever looks for a command finds it in the help and in both READMEs.
func TestEveryCommandIsDocumented(t *testing.T) {
	t.Parallel()
	places := make(map[string]string)
	for _, name := range []string{"../README.md", "../README.ja.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		places[name] = string(text)
	}
	for tag, v := range languages {
		places["help "+tag] = strings.Join(visible(v.help()), "\n")
	}
	for name, text := range places {
		for _, verb := range verbs {
			if own := strings.HasPrefix(name, "help") && verb == "help"; !own && !strings.Contains(text, "`"+Slash+" "+verb) {
				t.Errorf("%s does not have %s", name, verb)
			}
		}
	}
}
