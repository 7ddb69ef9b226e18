package fakeslack_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

func TestPostGoesWhereSlackLetsIt(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	w.AddChannel(fakeslack.Channel{ID: "C4", Name: "readonly", PostError: "restricted_action"})
	api := client(t, w)
	for _, c := range []struct{ channel, code string }{
		{"C1", ""}, {"C2", ""}, {"G2", ""}, {"U1", ""}, {"#ops", ""},
		{"G1", "channel_not_found"}, {"C0NONE", "channel_not_found"}, {"C3", "is_archived"},
		{"C4", "restricted_action"}, {"", "channel_not_found"},
	} {
		_, _, err := api.PostMessage(c.channel, slack.MsgOptionText("hello", false))
		if wantErr(t, err, c.code); t.Failed() {
			t.Fatal("channel", c.channel)
		}
	}
	if got := w.Messages(w.DM("U1")); len(got) != 1 || got[0].Text != "hello" || got[0].User != w.BotUserID() {
		t.Errorf("DM has %+v, want the post to the user's id", got)
	}
}

func TestTimeStampsAreUniqueAndGrow(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	last := ""
	for range 50 {
		_, ts, err := api.PostMessage("C1", slack.MsgOptionText("x", false))
		if err != nil || ts <= last {
			t.Fatalf("ts %q after %q, err %v", ts, last, err)
		}
		last = ts
	}
}

func TestUpdateKeepsHistoryAndUnmentionedBlocks(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	_, ts, err := api.PostMessage("C1", slack.MsgOptionText("one", false), prompt("l1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := api.UpdateMessage("C1", ts, slack.MsgOptionText("two", false)); err != nil {
		t.Fatal(err)
	}
	m, _ := w.Message(ts)
	if m.Text != "two" || !m.HasButton("lease.confirm") || len(m.Edits) != 1 || m.Edits[0].Text != "one" {
		t.Errorf("after an update of the text: %+v", m)
	}
	if _, _, _, err := api.UpdateMessage("C1", ts, slack.MsgOptionText("three", false),
		slack.MsgOptionBlocks([]slack.Block{}...)); err != nil {
		t.Fatal(err)
	}
	if m, _ = w.Message(ts); m.HasButton("lease.confirm") || len(m.Edits) != 2 {
		t.Errorf("an empty list did not remove the blocks: %+v", m)
	}
}

func TestUpdateAndDeleteRefusals(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	theirs, _ := w.Say("U1", "C1", "mine")
	eph, err := api.PostEphemeral("C1", "U1", slack.MsgOptionText("psst", false))
	if err != nil {
		t.Fatal(err)
	}
	_, gone, _ := api.PostMessage("C1", slack.MsgOptionText("x", false))
	if _, _, err := api.DeleteMessage("C1", gone); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ channel, ts, code string }{
		{"C1", theirs.TS, "cant_update_message"}, {"C1", eph, "message_not_found"},
		{"C1", "1.2", "message_not_found"}, {"C1", gone, "message_not_found"},
		{"C2", theirs.TS, "message_not_found"}, {"G1", theirs.TS, "channel_not_found"},
	} {
		_, _, _, err := api.UpdateMessage(c.channel, c.ts, slack.MsgOptionText("y", false))
		wantErr(t, err, c.code)
	}
	_, _, err = api.DeleteMessage("C1", theirs.TS)
	wantErr(t, err, "cant_delete_message")
	_, _, _, err = api.UpdateMessage("C1", "", slack.MsgOptionText(strings.Repeat("y", 4001), false))
	wantErr(t, err, "message_not_found")
}

func TestThreadsAndPermalinks(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	_, root, _ := api.PostMessage("C1", slack.MsgOptionText("card", false))
	_, reply, err := api.PostMessage("C1", slack.MsgOptionText("soon", false), slack.MsgOptionTS(root))
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := w.Message(reply); m.ThreadTS != root {
		t.Errorf("reply is in thread %q, want %q", m.ThreadTS, root)
	}
	_, _, err = api.PostMessage("C2", slack.MsgOptionText("x", false), slack.MsgOptionTS(root))
	wantErr(t, err, "thread_not_found")
	link, err := api.GetPermalink(&slack.PermalinkParameters{Channel: "C1", Ts: root})
	if err != nil || !strings.Contains(link, "/archives/C1/p") {
		t.Errorf("permalink %q, %v", link, err)
	}
}

func TestEphemeralRules(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	for _, c := range []struct{ channel, user, code string }{
		{"C1", "U1", ""}, {"G2", "U1", ""}, {"C2", "U1", "not_in_channel"}, {"G1", "U1", "channel_not_found"},
		{"G2", "U2", "user_not_in_channel"}, {"C1", "U0NONE", "user_not_found"},
	} {
		_, err := api.PostEphemeral(c.channel, c.user, slack.MsgOptionText("x", false))
		wantErr(t, err, c.code)
	}
	if len(w.Ephemerals("U1", "")) != 2 || len(w.Messages("C1")) != 0 {
		t.Error("an ephemeral message shows in the channel, or not to its reader")
	}
	w.Reload("U1")
	if len(w.Ephemerals("U1", "")) != 0 {
		t.Error("ephemeral messages survived a reload")
	}
}

func TestPeople(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	u, err := api.GetUserInfo("U1")
	if err != nil || u.Locale != "ja-JP" || u.TZ != "Asia/Tokyo" || u.TZOffset != 32400 || u.TeamID != w.TeamID() {
		t.Errorf("users.info: %+v, %v", u, err)
	}
	if u, _ := api.GetUserInfo("U9"); u.TeamID != "T9OTHER" {
		t.Errorf("the stranger's team is %q", u.TeamID)
	}
	_, err = api.GetUserInfo("U0NONE")
	wantErr(t, err, "user_not_found")
	all, err := api.GetUsers(slack.GetUsersOptionLimit(2))
	if err != nil || len(all) != 5 {
		t.Errorf("users.list by pages of 2: %d users, %v", len(all), err)
	}
	g, err := api.GetUserGroups(slack.GetUserGroupsOptionIncludeUsers(true))
	if err != nil || len(g) != 1 || len(g[0].Users) != 2 {
		t.Errorf("usergroups.list: %+v, %v", g, err)
	}
	members, err := api.GetUserGroupMembers("S1")
	if err != nil || len(members) != 2 {
		t.Errorf("usergroups.users.list: %v, %v", members, err)
	}
	_, err = api.GetUserGroupMembers("S9")
	wantErr(t, err, "no_such_subteam")
	ch, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{"U2"}})
	if err != nil || ch.ID != w.DM("U2") {
		t.Errorf("conversations.open: %+v, %v", ch, err)
	}
	for user, code := range map[string]string{"U8": "user_disabled", w.BotUserID(): "cannot_dm_bot", "U0": "user_not_found"} {
		_, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{user}})
		wantErr(t, err, code)
	}
	info, err := api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: "G2"})
	if err != nil || !info.IsPrivate || info.Name != "team" {
		t.Errorf("conversations.info: %+v, %v", info, err)
	}
	in, _, err := api.GetUsersInConversation(&slack.GetUsersInConversationParameters{ChannelID: "C1", Limit: 1})
	if err != nil || len(in) != 1 {
		t.Errorf("conversations.members: %v, %v", in, err)
	}
	bot, err := api.GetBotInfo(slack.GetBotInfoParameters{Bot: "B0BOT"})
	if err != nil || bot.UserID != w.BotUserID() {
		t.Errorf("bots.info: %+v, %v", bot, err)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	test := func(token string) error {
		_, err := slack.New(token, slack.OptionAPIURL(w.APIURL())).AuthTest()
		return err
	}
	open := func(token string) error {
		_, _, err := slack.New("", slack.OptionAppLevelToken(token), slack.OptionAPIURL(w.APIURL())).StartSocketModeContext(t.Context())
		return err
	}
	wantErr(t, test(w.BotToken()), "")
	wantErr(t, test(""), "not_authed")
	wantErr(t, test("xoxb-wrong"), "invalid_auth")
	wantErr(t, test(w.AppToken()), "not_allowed_token_type")
	wantErr(t, open(w.AppToken()), "")
	wantErr(t, open("xapp-wrong"), "invalid_auth")
	wantErr(t, open(w.BotToken()), "not_allowed_token_type")
	w.SetTokenError(w.BotToken(), "token_revoked")
	wantErr(t, test(w.BotToken()), "token_revoked")
	w.SetTokenError(w.BotToken(), "")
	wantErr(t, test(w.BotToken()), "")
	for _, c := range w.Calls() {
		if b, _ := json.Marshal(c); strings.Contains(string(b), "xoxb") || strings.Contains(string(b), "xapp") {
			t.Errorf("a recorded call carries a token: %s", b)
		}
	}
}

// raw posts without a client.
func raw(t *testing.T, w *fakeslack.Workspace, method, kind, body string) map[string]any {
	t.Helper()
	req, _ := http.NewRequestWithContext(t.Context(), "POST", w.APIURL()+method, strings.NewReader(body))
	req.Header.Set("Content-Type", kind)
	req.Header.Set("Authorization", "Bearer "+w.BotToken())
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if b, _ := io.ReadAll(res.Body); json.Unmarshal(b, &out) != nil {
		t.Fatalf("%s answered %s", method, b)
	}
	return out
}

func TestEncodings(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	const js = "application/json; charset=utf-8"
	for _, c := range []struct{ method, kind, body, code string }{
		{"chat.postMessage", formType, "channel=C1&text=hi", ""},
		{"chat.postMessage", js, `{"channel":"C1","text":"hi"}`, ""},
		{"chat.postMessage", js, `{"channel":"C1","blocks":"[{\"type\":\"divider\"}]"}`, ""},
		{"chat.postMessage", js, `{"channel":`, "invalid_json"},
		{"chat.postMessage", formType, "channel=C1&blocks=" + url.QueryEscape(`[{"type":`), "invalid_blocks_format"},
		{"chat.postMessage", formType, "channel=C1&blocks=" + url.QueryEscape(`{"type":"divider"}`), "invalid_blocks_format"},
		{"chat.postMessage", formType, "channel=C1", "no_text"},
		{"users.info", formType, "user=U1", ""},
		{"users.info", js, `{"user":"U1"}`, "user_not_found"}, // reading methods do not look at JSON
		{"chat.frobnicate", formType, "", "unknown_method"},
		{"api.test", formType, "foo=bar", ""},
	} {
		out := raw(t, w, c.method, c.kind, c.body)
		if code, _ := out["error"].(string); code != c.code {
			t.Errorf("%s %s: %q, want %q", c.method, c.body, code, c.code)
		}
	}
}

func TestInvalidBlocksAreExplained(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	_, _, err := client(t, w).PostMessage("C1", slack.MsgOptionText("x", false),
		slack.MsgOptionBlocks(slack.NewSectionBlock(mrkdwn(strings.Repeat("é", 3001)), nil, nil)))
	var e slack.SlackErrorResponse
	if !errors.As(err, &e) || e.Err != "invalid_blocks" || len(e.ResponseMetadata.Messages) != 1 ||
		e.ResponseMetadata.Messages[0] != "[ERROR] must be less than 3001 characters [json-pointer:/blocks/0/text/text]" {
		t.Errorf("got %#v", err)
	}
	if n := len(w.Messages("C1")); n != 0 {
		t.Errorf("%d messages were posted all the same", n)
	}
	_, _, err = client(t, w).PostMessage("C1", slack.MsgOptionText(strings.Repeat("é", 40001), false))
	wantErr(t, err, "msg_too_long")
}

func TestRateIsEnforcedWhenAsked(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{PostInterval: time.Hour})
	api := client(t, w)
	post := func(ch string) error {
		_, _, err := api.PostMessage(ch, slack.MsgOptionText("x", false))
		return err
	}
	wantErr(t, post("C1"), "")
	wantErr(t, post("C2"), "")
	var limited *slack.RateLimitedError
	if err := post("C1"); !errors.As(err, &limited) || limited.RetryAfter != time.Hour {
		t.Errorf("second post: %v", err)
	}
}
