package fakeslack

import (
	"strings"
	"time"
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
	if err != nil {
		return nil, err
	}
	if text == "" && len(blocks) == 0 && len(list(a["attachments"])) == 0 {
		return nil, refused("no_text")
	}
	thread := a.str("thread_ts")
	if thread != "" {
		if parent := w.find(thread); parent == nil || parent.Channel != c.ID || parent.Ephemeral {
			return nil, refused("thread_not_found")
		}
	}
	if err := w.checkRate(c.ID); err != nil {
		return nil, err
	}
	m := w.post(Message{Channel: c.ID, ThreadTS: thread, Text: text, Blocks: blocks,
		Attachments: a["attachments"], Metadata: a["metadata"], Via: "api"})
	return map[string]any{"channel": c.ID, "ts": m.TS, "message": m.wire(w.opt.TeamID, w.opt.AppID)}, nil
}

// checkRate enforces Options.PostInterval. Needs mu.
func (w *Workspace) checkRate(channel string) *apiError {
	if w.opt.PostInterval == 0 {
		return nil
	}
	now := time.Now()
	if next := w.lastPost[channel].Add(w.opt.PostInterval); now.Before(next) {
		return &apiError{code: "ratelimited", wait: next.Sub(now)}
	}
	w.lastPost[channel] = now
	return nil
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
	m := w.post(Message{Channel: c.ID, ThreadTS: a.str("thread_ts"), Text: text, Blocks: blocks,
		Attachments: a["attachments"], Ephemeral: true, To: user, Via: "api"})
	return map[string]any{"message_ts": m.TS}, nil
}

// own finds a message that the bot may change. Ephemeral ones are out of reach:
// only a response URL changes them. Needs mu.
func (w *Workspace) own(a args, code string) (*Message, *apiError) {
	id := a.str("channel")
	c := w.channels.get(id)
	if c == nil || !c.visibleToBot() {
		return nil, refused("channel_not_found")
	}
	m := w.find(a.str("ts"))
	if m == nil || m.Channel != id || m.Ephemeral {
		return nil, refused("message_not_found")
	}
	if m.User != w.opt.BotUserID {
		return nil, refused(code)
	}
	if c.Archived {
		return nil, refused("is_archived")
	}
	return m, nil
}

func chatUpdate(w *Workspace, a args) (map[string]any, *apiError) {
	m, err := w.own(a, "cant_update_message")
	if err != nil {
		return nil, err
	}
	text, blocks, hasBlocks, err := content(a, maxUpdateText)
	if err != nil {
		return nil, err
	}
	if text == "" && len(blocks) == 0 && a["attachments"] == nil {
		return nil, refused("no_text")
	}
	m = w.edit(m, func(m *Message) {
		m.Text = text
		// Blocks that are not mentioned stay; only an empty list removes them.
		if hasBlocks {
			m.Blocks = blocks
		}
		if v, ok := a["attachments"]; ok {
			m.Attachments = v
		}
		if v, ok := a["metadata"]; ok {
			m.Metadata = v
		}
	})
	return map[string]any{"channel": m.Channel, "ts": m.TS, "text": m.Text, "message": m.wire(w.opt.TeamID, w.opt.AppID)}, nil
}

func chatDelete(w *Workspace, a args) (map[string]any, *apiError) {
	m, err := w.own(a, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	w.remove(m)
	return map[string]any{"channel": m.Channel, "ts": m.TS}, nil
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
