package fakeslack

import (
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// RefuseEdits makes chat.update of one message fail with a code although the
// message is there: cant_update_message, edit_window_closed. An empty code ends it.
func (w *Workspace) RefuseEdits(ts, code string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.frozen[ts] = code
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
	return m, nil
}

func chatUpdate(w *Workspace, a args) (map[string]any, *apiError) {
	m, err := w.own(a, "cant_update_message")
	if err != nil {
		return nil, err
	}
	if w.channels.get(m.Channel).Archived {
		return nil, refused("is_inactive")
	}
	if code := w.frozen[m.TS]; code != "" {
		return nil, refused(code)
	}
	text, blocks, hasBlocks, err := content(a, maxUpdateText)
	if err == nil {
		err = checkLength(blocks)
	}
	if err != nil {
		return nil, err
	}
	if text == "" && len(blocks) == 0 && a["attachments"] == nil {
		return nil, refused("no_text")
	}
	m = w.edit(m, func(m *Message) {
		m.Text = text
		// The default is client here, unlike that of chat.postMessage.
		if a.str("parse") != "none" {
			m.Text = w.parseNames(text)
		}
		// Blocks that are not mentioned stay; only an empty list removes them.
		if hasBlocks {
			m.Reused = append(slices.Clip(m.Reused), reused(m.Blocks, blocks)...)
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

// reused lists the ids of blocks that came again with other content. Slack
// wants a new block_id for a changed block ("block_id should be unique for each
// message and each iteration of a message"): clients may go on showing the old one.
func reused(before, after []Block) []string {
	var out []string
	for _, b := range after {
		same := func(old Block) bool { return str(b["block_id"]) != "" && old["block_id"] == b["block_id"] }
		if i := slices.IndexFunc(before, same); i >= 0 && !reflect.DeepEqual(before[i], b) {
			out = append(out, str(b["block_id"]))
		}
	}
	return out
}

// name is what may be a person or a channel in a text. What is in angle
// brackets is markup already, what follows a letter is an address.
var name = regexp.MustCompile(`<[^>]*>|[\p{L}\p{N}._-]+@\S*|[@#][\p{L}\p{N}_][\p{L}\p{N}._-]*`)

// parseNames is what parse=client and parse=full do to a text: it is read as if
// a person had typed it, so that @name and #channel become a mention and a
// link, and @here rings for everybody. Blocks are not touched. Needs mu.
func (w *Workspace) parseNames(text string) string {
	return name.ReplaceAllStringFunc(text, func(s string) string {
		if s[0] != '@' && s[0] != '#' {
			return s
		}
		kind, word := s[0], strings.TrimRight(s[1:], ".")
		rest := s[1+len(word):]
		if kind == '#' {
			for _, c := range w.channels.list {
				if c.Name == word && !c.Private && !c.IM {
					return "<#" + c.ID + "|" + word + ">" + rest
				}
			}
			return s
		}
		if slices.Contains([]string{"here", "channel", "everyone"}, word) {
			return "<!" + word + ">" + rest
		}
		for _, u := range w.users.list {
			if u.Name == word {
				return "<@" + u.ID + ">" + rest
			}
		}
		return s
	})
}

func chatDelete(w *Workspace, a args) (map[string]any, *apiError) {
	m, err := w.own(a, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	if w.channels.get(m.Channel).Archived {
		return nil, refused("is_archived")
	}
	w.remove(m)
	return map[string]any{"channel": m.Channel, "ts": m.TS}, nil
}
