package bot

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/internal/testenv"
)

// quiet is a bot that does not listen.
func quiet(w *fakeslack.Workspace, change ...func(*Options)) *life {
	log := new(testenv.Buffer)
	o := options(w, log)
	for _, f := range change {
		f(&o)
	}
	return &life{Bot: New(o), w: w, log: log}
}

func TestCardIsPostedOnceAndThenUpdatedInPlace(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Requested)
	ts := x.posted(t, l)
	for _, s := range sshforward.States[1:] {
		next := lease(s)
		next.Card = l.Card
		channel, again, err := x.Card(t.Context(), next)
		if err != nil || channel != "C1" || again != ts {
			t.Fatalf("%s: %s %s %v", s, channel, again, err)
		}
	}
	all := w.Messages("C1")
	if len(all) != 1 || !strings.Contains(all[0].Visible(), "Closed") || len(all[0].Buttons()) != 1 ||
		all[0].Buttons()[0].ActionID != actionAgain {
		t.Errorf("%d messages, %s", len(all), all[0].Visible())
	}
	for _, c := range w.Calls("chat.postMessage") {
		if c.Args["unfurl_links"] == true || c.Args["unfurl_media"] == true {
			t.Error("unfurling is on")
		}
		if c.Args["text"] == "" || c.Args["link_names"] != nil {
			t.Errorf("text %q, link_names %v", c.Args["text"], c.Args["link_names"])
		}
	}
}

func TestCardGoesWhereItMay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		channel string // where it was asked for
		direct  bool
		opt     string // slack.channel
		want    string
	}{
		"channel":                             {"C1", false, "C2", "C1"},
		"private channel without the bot":     {"G1", false, "C2", "C2"},
		"archived channel":                    {"C3", false, "C2", "C2"},
		"direct message":                      {"D", true, "C2", "C2"},
		"direct message, nothing configured":  {"D", true, "", "D"},
		"private channel, nothing configured": {"G1", false, "", "D"},
		"the configured one is archived":      {"G1", false, "C3", "D"},
	} {
		t.Run(name, func(t *testing.T) {
			w := office(t, fakeslack.Options{})
			dm := w.DM("U1")
			x := quiet(w, func(o *Options) { o.Channel = c.opt })
			l := lease(sshforward.Opening)
			l.Channel, l.Direct = strings.Replace(c.channel, "D", dm, 1), c.direct
			want := strings.Replace(c.want, "D", dm, 1)
			x.posted(t, l)
			if l.Card.Channel != want || len(w.Messages(want)) != 1 {
				t.Errorf("posted to %s, want %s", l.Card.Channel, want)
			}
			// The next one updates it where it is.
			ts := l.Card.TS
			if x.posted(t, l); l.Card.Channel != want || l.Card.TS != ts {
				t.Errorf("then at %s %s", l.Card.Channel, l.Card.TS)
			}
			if _, err := x.Notice(t.Context(), lease(sshforward.Closed), sshforward.Notice{Kind: sshforward.NoticeEnded}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestNowhereToPostIsSaid(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w, func(o *Options) { o.Channel = "" })
	l := lease(sshforward.Opening)
	l.Channel = "G1"
	w.FailNext("conversations.open", fakeslack.Outcome{Error: "user_disabled"})
	if _, _, err := x.Card(t.Context(), l); sshforward.ErrorCode(err) != sshforward.EFORBIDDEN {
		t.Error(err)
	}
}

func TestDeletedCardIsPostedAnew(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"message_not_found", "cant_update_message", "channel_not_found", "is_archived"} {
		w := office(t, fakeslack.Options{})
		x := quiet(w)
		l := lease(sshforward.Opening)
		old := x.posted(t, l)
		w.FailNext("chat.update", fakeslack.Outcome{Error: code})
		now := x.posted(t, l)
		if now == old {
			t.Errorf("%s: not posted anew", code)
		}
		want := map[string]string{"message_not_found": "C1", "cant_update_message": "C1"}[code]
		if want == "" {
			want = "C2"
		}
		if l.Card.Channel != want {
			t.Errorf("%s: now in %s, want %s", code, l.Card.Channel, want)
		}
	}
}

func TestTroubleWithSlackIsUnavailableAndMovesNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		out   fakeslack.Outcome
		after time.Duration
	}{
		"429":                     {fakeslack.Outcome{Status: 429, RetryAfter: 7 * time.Second}, 7 * time.Second},
		"429 without Retry-After": {fakeslack.Outcome{Status: 429}, 0},
		"503":                     {fakeslack.Outcome{Status: 503}, 0},
		"internal_error":          {fakeslack.Outcome{Error: "internal_error"}, 0},
		"broken connection":       {fakeslack.Outcome{LoseAnswer: true}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			w := office(t, fakeslack.Options{})
			x := quiet(w)
			l := lease(sshforward.Open)
			check := func(err error) {
				t.Helper()
				e, ok := errors.AsType[*sshforward.Error](err)
				if !ok || e.Code != sshforward.EUNAVAILABLE || e.RetryAfter != c.after {
					t.Errorf("%+v", err)
				}
				clear(x.client.rates.quiet) // as after that time
				if strings.Contains(err.Error(), w.BotToken()) {
					t.Error("the token is in the error")
				}
			}
			w.FailNext("chat.postMessage", c.out)
			_, _, err := x.Card(t.Context(), l)
			check(err)
			x.posted(t, l)
			w.FailNext("chat.update", c.out)
			_, _, err = x.Card(t.Context(), l)
			check(err)
			w.FailNext("chat.postMessage", c.out)
			_, err = x.Notice(t.Context(), l, sshforward.Notice{Kind: sshforward.NoticeReady})
			check(err)
			if n := len(w.Messages("C2")); n > 0 {
				t.Errorf("%d messages elsewhere", n)
			}
		})
	}
}

func TestNoticesGoToTheCardsThreadWithAMention(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Open)
	ts := x.posted(t, l)
	for kind, want := range map[sshforward.NoticeKind]string{
		sshforward.NoticeReady:    "is open. Access ends",
		sshforward.NoticeReminder: "ends ",
		sshforward.NoticeEnded:    "has ended",
		sshforward.NoticeFailed:   "could not be opened",
	} {
		if _, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: kind, At: noon}); err != nil {
			t.Fatal(err)
		}
		all := w.Messages("C1")
		m := all[len(all)-1]
		if m.ThreadTS != ts || !strings.HasPrefix(m.Visible(), "<@U1>") || !strings.Contains(m.Visible(), want) ||
			!strings.Contains(m.Visible(), l.ID) {
			t.Errorf("%s: in thread %q: %s", kind, m.ThreadTS, m.Visible())
		}
		if got := m.HasButton(actionClose) && m.HasButton(actionExtend); got != (kind == sshforward.NoticeReminder) {
			t.Errorf("%s: buttons %v", kind, m.Buttons())
		}
	}
}

func TestNoticeOfWhatIsOverIsNotSent(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	for _, kind := range []sshforward.NoticeKind{sshforward.NoticeReady, sshforward.NoticeReminder} {
		if _, err := x.Notice(t.Context(), lease(sshforward.Closing), sshforward.Notice{Kind: kind}); err != nil {
			t.Error(err)
		}
	}
	if n := len(w.Calls()); n > 0 {
		t.Errorf("%d calls", n)
	}
}

func TestNoticeWithoutAThreadIsSentAllTheSame(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Open)
	l.Card.Channel, l.Card.TS = "C1", "1.000001" // deleted by somebody
	if _, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: sshforward.NoticeReady}); err != nil {
		t.Fatal(err)
	}
	if all := w.Messages("C1"); len(all) != 1 || all[0].ThreadTS != "" {
		t.Errorf("%+v", all)
	}
}

func TestCardThatSlackCannotShowIsShownAsText(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Open)
	w.FailNext("chat.postMessage", fakeslack.Outcome{Error: "invalid_blocks"})
	x.posted(t, l)
	if m := w.Messages("C1")[0]; len(m.Blocks) > 0 || !strings.Contains(m.Text, "k7m2q3x") {
		t.Errorf("%+v", m)
	}
}

func TestErrorsAndLogsCarryNoSecret(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	token, hook := w.BotToken(), w.URL()+"/response/commands/T0FAKE/hook-secret"
	var all []error
	w.SetFault(func(fakeslack.Call) fakeslack.Outcome { return fakeslack.Outcome{LoseRequest: true} })
	_, _, err := x.Card(t.Context(), lease(sshforward.Open))
	all = append(all, err)
	_, err = x.Member(t.Context(), "U1", "S1")
	all = append(all, err, x.client.respond(t.Context(), hook, messagePayload{}),
		x.client.respond(t.Context(), "http://\x7f/hook-secret", messagePayload{}))
	w.Close()
	_, _, err = x.Card(t.Context(), lease(sshforward.Open))
	all = append(all, err, x.client.respond(t.Context(), hook, messagePayload{}), x.client.clean(errors.New("what about "+token+"?")))
	for _, err := range all {
		if err == nil || strings.Contains(err.Error(), token) || strings.Contains(err.Error(), "hook-secret") {
			t.Errorf("%v", err)
		}
	}
	x.client.answer(recipient{caller: sshforward.Caller{User: "U1", Channel: "C1"}, responseURL: hook}, paragraph("private words"), false)
	for _, s := range []string{token, "hook-secret", "private words"} {
		if strings.Contains(x.log.String(), s) {
			t.Errorf("the log has %q", s)
		}
	}
}

func TestPlaceThatIsRefusedForWhateverReasonLeadsToTheNext(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"no_permission", "channel_is_limited_access", "method_not_supported_for_channel_type",
		"not_allowed", "not_allowed_by_admin", "restricted_action_whatever_comes", "is_inactive", "not_in_channel", "access_denied"} {
		w := office(t, fakeslack.Options{})
		x := quiet(w)
		l := lease(sshforward.Open)
		w.FailNext("chat.postMessage", fakeslack.Outcome{Error: code})
		if x.posted(t, l); l.Card.Channel != "C2" {
			t.Errorf("%s: posted to %s", code, l.Card.Channel)
		}
		w.FailNext("chat.update", fakeslack.Outcome{Error: code})
		if x.posted(t, l); l.Card.Channel != "C1" {
			t.Errorf("%s: updated to %s", code, l.Card.Channel)
		}
		w.FailNext("chat.postMessage", fakeslack.Outcome{Error: code})
		if _, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: sshforward.NoticeReady}); err != nil {
			t.Errorf("%s: %v", code, err)
		}
	}
}

func TestRefusalThatIsNotAboutThePlaceMovesNothing(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"invalid_auth", "token_revoked", "missing_scope", "ratelimited", "internal_error", "fatal_error",
		"service_unavailable", "request_timeout", "msg_too_long", "no_text", "invalid_arguments"} {
		w := office(t, fakeslack.Options{})
		x := quiet(w)
		l := lease(sshforward.Open)
		w.FailNext("chat.postMessage", fakeslack.Outcome{Error: code})
		if _, _, err := x.Card(t.Context(), l); err == nil || slackCode(err) != code {
			t.Errorf("%s: %v", code, err)
		}
		x.posted(t, l)
		w.FailNext("chat.update", fakeslack.Outcome{Error: code})
		if _, _, err := x.Card(t.Context(), l); err == nil || len(w.Messages("C1"))+len(w.Messages("C2")) != 1 {
			t.Errorf("%s: %v, %d messages", code, err, len(w.Messages("C2")))
		}
	}
}

func TestNoticeThatSlackCannotShowIsShownAsText(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Open)
	ts := x.posted(t, l)
	w.FailNext("chat.postMessage", fakeslack.Outcome{Error: "invalid_blocks"})
	if _, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: sshforward.NoticeReminder}); err != nil {
		t.Fatal(err)
	}
	if m := w.Messages("C1")[1]; m.ThreadTS != ts || len(m.Blocks) > 0 || !strings.Contains(m.Text, "k7m2q3x") {
		t.Errorf("%+v", m)
	}
}

// An alarm that the operators' channel does not take is not told anywhere else:
// it would count as heard.
func TestAlarmsGoToTheOperatorsAlone(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Open)
	x.posted(t, l)
	w.ChangeChannel("C2", func(c *fakeslack.Channel) { c.Archived = true })
	for _, kind := range []sshforward.NoticeKind{sshforward.NoticeStuck, sshforward.NoticeUrgent, sshforward.NoticeRejected} {
		_, err := x.Notice(t.Context(), l, sshforward.Notice{Kind: kind})
		if sshforward.ErrorCode(err) != sshforward.EFORBIDDEN {
			t.Errorf("%s: %v", kind, err)
		}
	}
	if n := len(w.Messages("C1")) + len(w.Messages(w.DM("U1"))); n != 1 {
		t.Errorf("%d messages elsewhere, want the card alone", n)
	}
	nowhere := quiet(w, func(o *Options) { o.Channel = "" })
	if _, err := nowhere.Notice(t.Context(), l, sshforward.Notice{Kind: sshforward.NoticeUrgent}); err == nil {
		t.Error("where there is no operators' channel, somebody has heard it")
	}
}
