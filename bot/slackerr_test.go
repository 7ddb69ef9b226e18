package bot

import (
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward"
	"github.com/sshforward/sshforward/bot/fakeslack"
)

// Whatever Slack finds wrong with the blocks of a message, its text arrives.
func TestTextArrivesWhereSlackRefusesTheBlocks(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"} {
		w := office(t, fakeslack.Options{})
		x := quiet(w)
		l := lease(sshforward.Open)
		w.FailNext("chat.postMessage", fakeslack.Outcome{Error: code})
		ts := x.posted(t, l)
		w.FailNext("chat.update", fakeslack.Outcome{Error: code})
		l.ExpiresAt = l.ExpiresAt.Add(3600e9)
		x.posted(t, l)
		m, _ := w.Message(ts)
		if len(w.Messages("C1")) != 1 || !strings.Contains(m.Text, "ssh -p 22") {
			t.Errorf("%s: %+v", code, m)
		}
		if n := strings.Count(x.log.String(), "Slack refuses the blocks"); n != 2 {
			t.Errorf("%s: said %d times", code, n)
		}
	}
}

func TestBlocksThatAreTooLongTogetherArriveAsText(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	m := message{Text: "much"}
	for range 6 {
		m.Blocks = append(m.Blocks, section(strings.Repeat("あ", 2900)))
	}
	_, ts, err := x.client.post(t.Context(), "C1", m)
	if err == nil {
		err = x.client.update(t.Context(), "C1", ts, m, changeOfState)
	}
	if got, _ := w.Message(ts); err != nil || got.Text != "much" || len(got.Blocks) > 0 {
		t.Errorf("%+v, %v", got, err)
	}
}

// A name that looks like a mention stays what it is when a card is updated.
func TestUpdatesMentionNobody(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	ts := x.posted(t, lease(sshforward.Open))
	const text = "@here #ops @bob"
	if err := x.client.update(t.Context(), "C1", ts, message{Text: text}, changeOfState); err != nil {
		t.Fatal(err)
	}
	if m, _ := w.Message(ts); m.Text != text {
		t.Errorf("%q", m.Text)
	}
}

// In the whole life of a card no block comes again with other content under the
// same id: clients may go on showing the old one.
func TestChangedBlocksHaveNewIDs(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	l := lease(sshforward.Requested)
	ts := x.posted(t, l)
	for _, s := range []sshforward.State{sshforward.Pending, sshforward.Opening, sshforward.Open, sshforward.Closing, sshforward.Closed} {
		next := lease(s)
		next.Card = l.Card
		x.posted(t, next)
		if s == sshforward.Open {
			next.Asked = sshforward.ExtensionRequest{User: "U1", By: 3600e9, At: noon}
			x.posted(t, next)
			next.ExpiresAt = next.OpenedAt.Add(next.Max) // no Extend any more
			x.posted(t, next)
		}
	}
	if m, _ := w.Message(ts); len(m.Edits) < 6 || len(m.Reused) > 0 {
		t.Errorf("%d edits reused %v", len(m.Edits), m.Reused)
	}
}

func TestCodesAreSaidAsWhatTheyAre(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	x := quiet(w)
	for code, want := range map[string]string{
		"plan_upgrade_required": "has no user groups", "no_such_subteam": "(no_such_subteam)", "missing_scope": "(missing_scope)",
		"team_not_found": "(team_not_found)", "not_allowed_token_type": "(not_allowed_token_type)", "internal_error": "right now",
	} {
		w.Break("usergroups.*", fakeslack.Outcome{Error: code})
		_, err := x.Members(t.Context(), "S1")
		if sshforward.ErrorCode(err) != sshforward.EUNAVAILABLE || !strings.Contains(sshforward.ErrorMessage(err).String(), want) {
			t.Errorf("%s: %v", code, err)
		}
	}
	for code, want := range map[string]string{
		"plan_upgrade_required": "plan", "team_not_found": "workspace of my token", "not_allowed_token_type": "another kind",
		"token_revoked": "no longer takes my token",
	} {
		err := x.client.failed("call", slack.SlackErrorResponse{Err: code})
		if !strings.Contains(sshforward.ErrorMessage(err).String(), want) {
			t.Errorf("%s: %v", code, err)
		}
	}
}

// Tokens that can never work are said as what they are, and end Run, whose
// caller tries again in a minute.
func TestTokensOfAnotherKind(t *testing.T) {
	t.Parallel()
	for code, c := range map[string]struct{ app, bot string }{
		"not_allowed_token_type": {"SLACK_APP_TOKEN is a token of another kind", "SLACK_BOT_TOKEN is a token of another kind"},
		"team_not_found":         {"the workspace of SLACK_APP_TOKEN", "the workspace of SLACK_BOT_TOKEN"},
		"missing_scope":          {"SLACK_APP_TOKEN lacks connections:write", ""},
	} {
		for _, of := range []string{"app", "bot"} {
			w := office(t, fakeslack.Options{})
			token, want := w.AppToken(), c.app
			if of == "bot" {
				token, want = w.BotToken(), c.bot
			}
			if want == "" {
				continue
			}
			w.SetTokenError(token, code)
			x := begin(t, w, &keeper{})
			<-x.done
			if sshforward.ErrorCode(x.err) != sshforward.EFORBIDDEN || !strings.Contains(x.err.Error(), want) {
				t.Errorf("%s of the %s token: %v", code, of, x.err)
			}
		}
	}
}
