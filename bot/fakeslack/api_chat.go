package fakeslack

import (
	"strings"
	"unicode/utf8"
)

// destination finds where a post goes. A user id stands for the bot's DM with
// that user, as in Slack. Needs mu.
func (w *Workspace) destination(id string) (*Channel, *apiError) {
	if id == "" {
		return nil, refused("channel_not_found")
	}
	if u := w.users.get(id); u != nil {
		if u.ID == w.opt.BotUserID {
			return nil, refused("channel_not_found")
		}
		return w.dm(u.ID), nil
	}
	c := w.channels.get(strings.TrimPrefix(id, "#"))
	for _, x := range w.channels.list {
		if c == nil && strings.HasPrefix(id, "#") && x.Name == id[1:] {
			c = x
		}
	}
	// A private channel that the bot is not in does not exist for it.
	if c == nil || !c.visibleToBot() && c.PostError == "" {
		return nil, refused("channel_not_found")
	}
	if c.PostError != "" {
		return nil, refused(c.PostError)
	}
	if c.Archived {
		return nil, refused("is_archived")
	}
	if !c.BotMember && !w.may("chat:write.public") {
		return nil, refused("not_in_channel")
	}
	return c, nil
}

// content reads and checks text and blocks. has says which were given at all.
func content(a args, limit int) (text string, blocks []Block, hasBlocks bool, err *apiError) {
	text = a.str("text")
	if v, ok := a["blocks"]; ok && v != nil && v != "" {
		if errs := checkBlocks(v, onMessage, "/blocks"); len(errs) > 0 {
			if _, ok := blocksOf(v); !ok {
				return "", nil, false, refused("invalid_blocks_format", errs...)
			}
			return "", nil, false, refused("invalid_blocks", errs...)
		}
		blocks, hasBlocks = blocksOf(v)
	}
	if utf8.RuneCountInString(text) > limit {
		return "", nil, false, refused("msg_too_long")
	}
	return text, blocks, hasBlocks, nil
}

func chatPostMessage(w *Workspace, a args) (map[string]any, *apiError) {
	c, err := w.destination(a.str("channel"))
	if err != nil {
		return nil, err
	}
	text, blocks, _, err := content(a, maxMessageText)
	if err == nil {
		err = checkLength(blocks)
	}
	if err != nil {
		return nil, err
	}
	if text == "" && len(blocks) == 0 && len(list(a["attachments"])) == 0 {
		return nil, refused("no_text")
	}
	thread, err := w.threadOf(c, a.str("thread_ts"))
	if err != nil {
		return nil, err
	}
	if err := w.checkPost(c.ID); err != nil {
		return nil, err
	}
	m := w.post(Message{Channel: c.ID, ThreadTS: thread, Text: text, Blocks: blocks,
		Attachments: a["attachments"], Metadata: a["metadata"], Via: "api"})
	return map[string]any{"channel": c.ID, "ts": m.TS, "message": m.wire(w.opt.TeamID, w.opt.AppID)}, nil
}

// threadOf is where a reply goes. Under a message that was deleted in the
// meantime Slack posts it to the channel without a word: only the answer, which
// has no message.thread_ts, tells (https://github.com/slack-go/slack/issues/1571).
// That a message never was there is an error: the stricter reading. Needs mu.
func (w *Workspace) threadOf(c *Channel, ts string) (string, *apiError) {
	if ts == "" {
		return "", nil
	}
	i, ok := w.byTS[ts]
	if !ok || w.messages[i].Channel != c.ID || w.messages[i].Ephemeral {
		return "", refused("thread_not_found")
	}
	if w.messages[i].Deleted {
		return "", nil
	}
	return ts, nil
}

func chatPostEphemeral(w *Workspace, a args) (map[string]any, *apiError) {
	c, err := w.destination(a.str("channel"))
	if err != nil {
		return nil, err
	}
	// chat:write.public is documented for messages only; the stricter reading.
	if !c.BotMember {
		return nil, refused("not_in_channel")
	}
	user := a.str("user")
	switch u := w.users.get(user); {
	case u == nil:
		return nil, refused("user_not_found")
	case !has(c.Members, user):
		return nil, refused("user_not_in_channel")
	}
	text, blocks, _, err := content(a, maxMessageText)
	if err != nil {
		return nil, err
	}
	if text == "" && len(blocks) == 0 && len(list(a["attachments"])) == 0 {
		return nil, refused("no_text")
	}
	thread := a.str("thread_ts")
	// "Ephemeral messages in threads are only shown if there is already an
	// active thread": ok, and nobody sees anything
	// (https://docs.slack.dev/reference/methods/chat.postEphemeral).
	if root := w.find(thread); thread != "" && (root == nil || root.Channel != c.ID || w.replies(root) == 0) {
		return map[string]any{"message_ts": w.newTS()}, nil
	}
	m := w.post(Message{Channel: c.ID, ThreadTS: thread, Text: text, Blocks: blocks,
		Attachments: a["attachments"], Ephemeral: true, To: user, Via: "api"})
	return map[string]any{"message_ts": m.TS}, nil
}

func chatGetPermalink(w *Workspace, a args) (map[string]any, *apiError) {
	c, ts := w.channels.get(a.str("channel")), a.str("message_ts")
	if c == nil || !c.visibleToBot() {
		return nil, refused("channel_not_found")
	}
	if m := w.find(ts); m == nil || m.Channel != c.ID || m.Ephemeral {
		return nil, refused("message_not_found")
	}
	return map[string]any{"channel": c.ID, "permalink": w.baseURL + "/archives/" + c.ID + "/p" + strings.Replace(ts, ".", "", 1)}, nil
}
