package fakeslack_test

import (
	"testing"

	"github.com/slack-go/slack"

	"github.com/sshforward/sshforward/bot/fakeslack"
)

// TestAMessageIsFoundAgain is what a bot with the scopes may do after an answer
// that was lost: look for the message by its metadata.
func TestAMessageIsFoundAgain(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{})
	api := client(t, w)
	mark := slack.SlackMetadata{EventType: "lease_card", EventPayload: map[string]any{"lease": "abc123"}}
	w.FailNext("chat.postMessage", fakeslack.Outcome{LoseAnswer: true})
	if _, _, err := api.PostMessage("C1", slack.MsgOptionText("card", false), slack.MsgOptionMetadata(mark)); err == nil {
		t.Fatal("the answer was not lost")
	}
	look := func(all bool) ([]slack.Message, error) {
		h, err := api.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: "C1", IncludeAllMetadata: all})
		if err != nil {
			return nil, err
		}
		return h.Messages, nil
	}
	_, err := look(true)
	wantErr(t, err, "missing_scope")
	w.SetScopes("chat:write", "channels:history")
	found, err := look(true)
	if err != nil || len(found) != 1 || found[0].Metadata.EventType != "lease_card" || found[0].Metadata.EventPayload["lease"] != "abc123" {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err = look(false); err != nil || found[0].Metadata.EventType != "" {
		t.Errorf("metadata that nobody asked for: %+v, %v", found, err)
	}
}

func TestHistoryAndReplies(t *testing.T) {
	t.Parallel()
	w := office(t, fakeslack.Options{Scopes: []string{"chat:write", "chat:write.public", "channels:history"}})
	api := client(t, w)
	post := func(text string, more ...slack.MsgOption) string {
		t.Helper()
		_, ts, err := api.PostMessage("C1", append(more, slack.MsgOptionText(text, false))...)
		if err != nil {
			t.Fatal(err)
		}
		return ts
	}
	first := post("first")
	card := post("card")
	soon := post("soon", slack.MsgOptionTS(card))
	if _, err := api.PostEphemeral("C1", "U1", slack.MsgOptionText("psst", false)); err != nil {
		t.Fatal(err)
	}
	gone := post("gone")
	if _, _, err := api.DeleteMessage("C1", gone); err != nil {
		t.Fatal(err)
	}
	h, err := api.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: "C1"})
	if err != nil || len(h.Messages) != 2 || h.Messages[0].Timestamp != card || h.Messages[1].Timestamp != first ||
		h.Messages[0].ReplyCount != 1 || h.Messages[0].ThreadTimestamp != card {
		t.Errorf("history %+v, %v", h, err)
	}
	h, err = api.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: "C1", Oldest: first, Limit: 1})
	if err != nil || len(h.Messages) != 1 || h.Messages[0].Timestamp != card || h.HasMore {
		t.Errorf("history after the first: %+v, %v", h, err)
	}
	r, _, _, err := api.GetConversationReplies(&slack.GetConversationRepliesParameters{ChannelID: "C1", Timestamp: card})
	if err != nil || len(r) != 2 || r[0].Timestamp != card || r[1].Timestamp != soon {
		t.Errorf("replies %+v, %v", r, err)
	}
	_, _, _, err = api.GetConversationReplies(&slack.GetConversationRepliesParameters{ChannelID: "C1", Timestamp: gone})
	wantErr(t, err, "thread_not_found")
	// A public channel that the bot may post to is not one that it may read.
	_, err = api.GetConversationHistory(&slack.GetConversationHistoryParameters{ChannelID: "C2"})
	wantErr(t, err, "not_in_channel")
}
