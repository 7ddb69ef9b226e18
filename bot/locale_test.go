package bot

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slack-go/slack"
	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// mixed is an office with somebody who reads Japanese.
func mixed(t testing.TB) *fakeslack.Workspace {
	w := office(t, fakeslack.Options{})
	w.AddUser(fakeslack.User{ID: "U2", Name: "yuki", Locale: "ja-JP"})
	return w
}

func inJapanese(o *Options) { o.Language = "ja" }

func TestEverybodyIsAnsweredInTheirLanguage(t *testing.T) {
	t.Parallel()
	w := mixed(t)
	x := live(t, w, answers(sshforward.Reply{Lease: lease(sshforward.Requested)}, nil))
	for user, want := range map[string][]string{"U1": {"Try `/sshforward open web-1 2h`", "Cost"},
		"U2": {"例: `/sshforward open web-1 2h`", "ルール"}} {
		if m := x.types(t, user, "C1", "open web-1 2x").Message; m == nil || !strings.Contains(m.Visible(), want[0]) {
			t.Errorf("%s: the mistake is told as %+v", user, m)
		}
		x.types(t, user, "C1", "open web-1 2h")
		x.told(t, user, "C1", want[1])
	}
	if n := len(w.Calls("users.info")); n != 2 {
		t.Errorf("users.info was called %d times for two people", n)
	}
	for _, c := range w.Calls("users.info") {
		if c.Args["include_locale"] != "true" {
			t.Errorf("asked without the locale: %v", c.Args)
		}
	}
}

func TestRefusalsAndClicksAreAnsweredInTheirLanguage(t *testing.T) {
	t.Parallel()
	w := mixed(t)
	x := live(t, w, answers(sshforward.Reply{}, sshforward.Errorf(sshforward.EFORBIDDEN,
		"You asked for this yourself, so somebody else has to decide.")))
	ts := x.posted(t, lease(sshforward.Pending))
	x.presses(t, "U2", ts, actionApprove)
	x.told(t, "U2", "C1", "ご自身の申請のため")
}

func TestChannelsHaveTheConfiguredLanguage(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		language, want, reminder string
	}{
		"default": {"", "Needs approval", "asks for access"},
		"en":      {"en", "Needs approval", "asks for access"},
		"ja":      {"ja", "承認待ち", "承認または却下をお願いします"},
	} {
		t.Run(name, func(t *testing.T) {
			w := mixed(t)
			x := quiet(w, func(o *Options) { o.Language = c.language })
			l := lease(sshforward.Pending)
			l.Owner = "U2" // who reads Japanese, but a channel is not one person
			x.posted(t, l)
			if _, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: sshforward.NoticeApproval}); err != nil {
				t.Fatal(err)
			}
			m := w.Messages("C1")
			if len(m) != 2 || !strings.Contains(m[0].Visible(), c.want) || !strings.Contains(m[1].Visible(), c.reminder) {
				t.Errorf("%+v", m)
			}
			if n := len(w.Calls("users.info")); n != 0 {
				t.Errorf("asked for a locale %d times", n)
			}
		})
	}
}

func TestDirectMessagesAreInTheLanguageOfTheirReader(t *testing.T) {
	t.Parallel()
	w := mixed(t)
	x := quiet(w, func(o *Options) { o.Channel = "" })
	l := lease(sshforward.Open)
	l.Owner, l.Direct, l.Channel = "U2", true, "D0SOMEBODY"
	x.posted(t, l)
	place, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: sshforward.NoticeReminder})
	if err != nil {
		t.Fatal(err)
	}
	l.Extended, l.ExpiresAt = sshforward.Extension{User: "U2", By: time.Hour}, l.ExpiresAt.Add(time.Hour)
	x.posted(t, l)
	if err := x.Edit(t.Context(), l, sshforward.Posted{Place: place, Kind: sshforward.NoticeReminder}); err != nil {
		t.Fatal(err)
	}
	m := w.Messages(w.DM("U2"))
	if len(m) != 2 || !strings.Contains(m[0].Visible(), "接続可能") || !strings.Contains(m[1].Visible(), "延長しました") {
		t.Errorf("%+v", m)
	}
}

func TestPressedReminderInAChannelStaysInItsLanguage(t *testing.T) {
	t.Parallel()
	w := mixed(t)
	l := lease(sshforward.Open)
	x := live(t, w, answers(sshforward.Reply{Lease: l}, nil))
	for _, ts := range x.reminded(t, l, 1) {
		x.presses(t, "U2", ts, actionExtend)
		waitFor(t, w, func(s *fakeslack.Snapshot) bool {
			m, _ := s.Message(ts)
			return strings.Contains(m.Visible(), "extended access to")
		})
	}
}

func TestLocaleThatSlackDoesNotTellHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		out     fakeslack.Outcome
		atLeast time.Duration
	}{
		"slow":        {fakeslack.Outcome{Delay: 5 * time.Second}, localeWait},
		"no scope":    {fakeslack.Outcome{Error: "missing_scope"}, 0},
		"rate limit":  {fakeslack.Outcome{Status: 429, RetryAfter: time.Minute}, 0},
		"unavailable": {fakeslack.Outcome{Status: 503}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := mixed(t)
			x := live(t, w, &keeper{}, inJapanese)
			w.FailNext("users.info", c.out)
			began := time.Now()
			m := x.types(t, "U1", "C1", "help").Message
			if took := time.Since(began); took < c.atLeast || took > c.atLeast+time.Second {
				t.Errorf("acknowledged after %v", took)
			}
			if m == nil || !strings.Contains(m.Visible(), "今すぐ終了します") {
				t.Errorf("not in the language of channels: %+v", m)
			}
			if c.atLeast > 0 {
				return
			}
			x.types(t, "U1", "C1", "help")
			if n := len(w.Calls("users.info")); n != 1 {
				t.Errorf("asked %d times in a row", n)
			}
		})
	}
}

func TestLocaleIsAskedForOnceByAllAtOnce(t *testing.T) {
	t.Parallel()
	w := mixed(t)
	x := quiet(w)
	w.FailNext("users.info", fakeslack.Outcome{Delay: 100 * time.Millisecond})
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if v := x.localizer.renderFor(t.Context(), "U2"); v.language != japanese {
				t.Errorf("%s", v.tag)
			}
		})
	}
	all.Wait()
	if n := len(w.Calls("users.info")); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

func TestLocaleIsForgottenAfterAnHour(t *testing.T) {
	t.Parallel()
	w := mixed(t)
	x := quiet(w)
	if x.localizer.renderFor(t.Context(), "U2").language != japanese || x.localizer.renderCached("U1").language != english {
		t.Error("the locale is not read")
	}
	x.localizer.people.cache.Add("U2", person{user: &slack.User{Locale: "ja-JP"}, at: time.Now().Add(-languageAge)})
	w.AddUser(fakeslack.User{ID: "U2", Name: "yuki", Locale: "fr-FR"}) // not there, so English
	if x.localizer.renderFor(t.Context(), "U2").language != english {
		t.Error("the old one is kept")
	}
}

func TestAnnouncementIsInTheLanguageOfChannels(t *testing.T) {
	t.Parallel()
	w := mixed(t)
	x := quiet(w, inJapanese)
	if err := x.Announce(t.Context(), sshforward.Textf("AWS did not answer in time.")); err != nil {
		t.Fatal(err)
	}
	if m := w.Messages("C2"); len(m) != 1 || !strings.Contains(m[0].Visible(), "AWS から時間内に応答がありませんでした") {
		t.Errorf("%+v", m)
	}
}
