package fakeslack_test

import (
	"strings"
	"testing"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

const formType = "application/x-www-form-urlencoded"

func TestWhatTheScopesDoNotCover(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Scopes: []string{"channels:read", "commands"}})
	for _, c := range []struct{ method, body, code, needed string }{
		{"auth.test", "", "", ""},
		{"chat.postMessage", "channel=C1&text=x", "missing_scope", "chat:write"},
		{"chat.update", "channel=C1&ts=1.2&text=x", "missing_scope", "chat:write"},
		{"users.info", "user=U1", "missing_scope", "users:read"},
		{"usergroups.list", "", "missing_scope", "usergroups:read"},
		{"usergroups.users.list", "usergroup=S1", "missing_scope", "usergroups:read"},
		{"conversations.open", "users=U1", "missing_scope", "im:write"},
		{"conversations.info", "channel=C1", "", ""},
		{"conversations.info", "channel=G2", "missing_scope", "groups:read"},
		{"conversations.info", "channel=G1", "channel_not_found", ""}, // the bot is not in it
		{"conversations.info", "channel=" + w.DM("U1"), "missing_scope", "im:read"},
		{"conversations.history", "channel=C1", "missing_scope", "channels:history,groups:history,mpim:history,im:history"},
		{"conversations.replies", "channel=C1&ts=1.2", "missing_scope", "channels:history,groups:history,mpim:history,im:history"},
	} {
		out := raw(t, w, c.method, formType, c.body)
		code, _ := out["error"].(string)
		needed, _ := out["needed"].(string)
		if code != c.code || needed != c.needed || needed != "" && out["provided"] != "channels:read,commands" {
			t.Errorf("%s %s: %v", c.method, c.body, out)
		}
	}
	w.SetScopes("groups:read")
	if out := raw(t, w, "conversations.info", formType, "channel=G2"); out["ok"] != true {
		t.Errorf("after the app was installed anew: %v", out)
	}
}

func TestChatWritePublicIsForPublicChannelsOnly(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Scopes: []string{"chat:write"}})
	api := client(t, w)
	for _, c := range []struct{ channel, without, with string }{
		{"C1", "", ""}, {"C2", "not_in_channel", ""}, {"G1", "channel_not_found", "channel_not_found"}, {"G2", "", ""},
	} {
		w.SetScopes("chat:write")
		_, _, err := api.PostMessage(c.channel, slack.MsgOptionText("x", false))
		wantErr(t, err, c.without)
		w.SetScopes("chat:write", "chat:write.public")
		_, _, err = api.PostMessage(c.channel, slack.MsgOptionText("x", false))
		wantErr(t, err, c.with)
	}
}

func TestWhatConversationsInfoSays(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	w.AddChannel(fakeslack.Channel{ID: "C7", Name: "with-partner", Members: []string{"U1", "U9"}, BotMember: true, ExtShared: true})
	w.AddChannel(fakeslack.Channel{ID: "C8", Name: "invited", Members: []string{"U1"}, BotMember: true, PendingExtShared: true})
	api := client(t, w)
	for _, c := range []struct {
		id                                          string
		member, archived, private, shared, pendingX bool
	}{
		{"C1", true, false, false, false, false}, {"C2", false, false, false, false, false}, {"C3", true, true, false, false, false},
		{"G2", true, false, true, false, false}, {"C7", true, false, false, true, false}, {"C8", true, false, false, false, true},
	} {
		got, err := api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: c.id})
		if err != nil || got.IsMember != c.member || got.IsArchived != c.archived || got.IsPrivate != c.private ||
			got.IsExtShared != c.shared || got.IsPendingExtShared != c.pendingX {
			t.Errorf("%s: %+v, %v", c.id, got, err)
		}
	}
}

func TestDirectMessagesAreChannelsOfTwo(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Scopes: []string{"chat:write", "im:write", "im:read", "im:history"}})
	api := client(t, w)
	dm, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{"U2"}})
	if err != nil {
		t.Fatal(err)
	}
	again, _, _, err := api.OpenConversation(&slack.OpenConversationParameters{Users: []string{"U2"}})
	if err != nil || again.ID != dm.ID || !strings.HasPrefix(dm.ID, "D") {
		t.Errorf("opened %+v, then %+v, %v", dm, again, err)
	}
	got, err := api.GetConversationInfo(&slack.GetConversationInfoInput{ChannelID: dm.ID})
	if err != nil || !got.IsIM || got.User != "U2" {
		t.Errorf("%+v, %v", got, err)
	}
	in, _, err := api.GetUsersInConversation(&slack.GetUsersInConversationParameters{ChannelID: dm.ID})
	if err != nil || len(in) != 2 {
		t.Errorf("members %v, %v", in, err)
	}
	if _, _, err := api.PostMessage(dm.ID, slack.MsgOptionText("psst", false)); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Slash(t.Context(), "U1", dm.ID, "list"); err == nil {
		t.Error("somebody typed in another one's direct messages")
	}
	// Those between two people are none of the bot's business.
	w.AddChannel(fakeslack.Channel{ID: "D12", IM: true, Members: []string{"U1", "U2"}})
	_, _, err = api.PostMessage("D12", slack.MsgOptionText("x", false))
	wantErr(t, err, "channel_not_found")
}
