package fakeslack

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Block is one decoded Block Kit block.
type Block = map[string]any

// Message is a message as people see it, ephemeral ones included. Blocks and
// what hangs on them are shared and must not be changed.
type Message struct {
	Channel     string    `json:"channel"`
	TS          string    `json:"ts"`
	ThreadTS    string    `json:"thread_ts,omitempty"`
	User        string    `json:"user"` // author
	BotID       string    `json:"bot_id,omitempty"`
	Text        string    `json:"text"`
	Blocks      []Block   `json:"blocks,omitempty"`
	Attachments any       `json:"attachments,omitempty"`
	Metadata    any       `json:"metadata,omitempty"`
	Ephemeral   bool      `json:"ephemeral,omitempty"`
	To          string    `json:"to,omitempty"`  // the one reader of an ephemeral message
	Via         string    `json:"via,omitempty"` // api, ack, response_url or user
	Posted      time.Time `json:"posted"`
	Edited      time.Time `json:"edited,omitzero"`
	Edits       []Edit    `json:"edits,omitempty"` // former versions, oldest first
	Deleted     bool      `json:"deleted,omitempty"`
	// Reused are the ids of blocks that an update changed without giving them a
	// new id, over the life of the message.
	Reused []string `json:"reused_block_ids,omitempty"`
}

// Edit is a former version of a message.
type Edit struct {
	Until  time.Time `json:"until"` // when it was replaced
	Text   string    `json:"text"`
	Blocks []Block   `json:"blocks,omitempty"`
}

// Button is a button in a message or view.
type Button struct {
	BlockID  string `json:"block_id"`
	ActionID string `json:"action_id"`
	Value    string `json:"value,omitempty"`
	Text     string `json:"text"`
	Style    string `json:"style,omitempty"`
	URL      string `json:"url,omitempty"`
	Confirm  bool   `json:"confirm,omitempty"` // asks "are you sure?" first
}

// Buttons lists the buttons that can be pressed, in order.
func (m Message) Buttons() []Button { return buttonsOf(m.Blocks) }

// HasButton tells whether a button with this action id is there.
func (m Message) HasButton(actionID string) bool { return hasButton(m.Blocks, actionID) }

// Visible is all that is to be read in the message: the text of its blocks one
// piece a line, or Text if it has none, as Slack's clients show it.
func (m Message) Visible() string { return visible(m.Text, m.Blocks) }

func hasButton(blocks []Block, actionID string) bool {
	return slices.ContainsFunc(buttonsOf(blocks), func(b Button) bool { return b.ActionID == actionID })
}

func buttonsOf(blocks []Block) []Button {
	var out []Button
	for _, e := range elementsOf(blocks) {
		if e.typ() != "button" {
			continue
		}
		out = append(out, Button{
			BlockID: e.block, ActionID: str(e.el["action_id"]), Value: str(e.el["value"]),
			Text: textOf(e.el["text"]), Style: str(e.el["style"]), URL: str(e.el["url"]),
			Confirm: e.el["confirm"] != nil,
		})
	}
	return out
}

func visible(text string, blocks []Block) string {
	if len(blocks) == 0 {
		return text
	}
	var lines []string
	var walk func(v any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, x := range v {
				walk(x)
			}
		case map[string]any:
			if s, ok := v["text"].(string); ok {
				lines = append(lines, s)
			}
			// The order people read in, not the order of the map.
			for _, k := range []string{"title", "label", "text", "fields", "elements", "element", "accessory", "placeholder", "hint", "options"} {
				if _, ok := v[k].(string); !ok {
					walk(v[k])
				}
			}
		}
	}
	for _, b := range blocks {
		walk(b)
	}
	return strings.Join(lines, "\n")
}

// wire is the message as Slack's API and payloads carry it.
func (m *Message) wire(team, app string) map[string]any {
	out := map[string]any{"type": "message", "user": m.User, "ts": m.TS, "text": m.Text, "team": team}
	if m.BotID != "" {
		out["bot_id"], out["app_id"] = m.BotID, app
	}
	if m.ThreadTS != "" {
		out["thread_ts"] = m.ThreadTS
	}
	if len(m.Blocks) > 0 {
		out["blocks"] = m.Blocks
	}
	if m.Attachments != nil {
		out["attachments"] = m.Attachments
	}
	if m.Metadata != nil {
		out["metadata"] = m.Metadata
	}
	if !m.Edited.IsZero() {
		out["edited"] = map[string]any{"user": m.User, "ts": tsOf(m.Edited)}
	}
	return out
}

// Say posts a message as a person. A thread is the ts of a message in the
// channel that everybody there sees; what answers an answer goes into the same
// thread, as in Slack.
func (w *Workspace) Say(user, channel, text string, thread ...string) (Message, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	root, err := w.thread(channel, thread)
	if err != nil {
		return Message{}, err
	}
	return *w.post(Message{Channel: channel, ThreadTS: root, User: user, Text: text, Via: "user"}), nil
}

// thread is the ts of the message that a thread hangs on; empty for none. Needs mu.
func (w *Workspace) thread(channel string, ts []string) (string, error) {
	if len(ts) == 0 || ts[0] == "" {
		return "", nil
	}
	m := w.find(ts[0])
	if m == nil || m.Channel != channel || m.Ephemeral {
		return "", fmt.Errorf("fakeslack: there is no message %q in %s to answer", ts[0], channel)
	}
	return cmp.Or(m.ThreadTS, m.TS), nil
}

// Reload is what happens when a person reloads the client: the ephemeral
// messages they had are gone for good.
func (w *Workspace) Reload(user string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range slices.Clone(w.messages) {
		if m.Ephemeral && m.To == user && !m.Deleted {
			w.remove(m)
		}
	}
}

// post stores a new message and tells the watchers. Needs mu.
func (w *Workspace) post(m Message) *Message {
	m.TS, m.Posted = w.newTS(), time.Now()
	if m.Via != "user" {
		m.User, m.BotID = w.opt.BotUserID, w.opt.BotID
	}
	m.Blocks = w.fillIDs(m.Blocks)
	w.byTS[m.TS] = len(w.messages)
	w.messages = append(w.messages, &m)
	w.note(Change{Kind: ChangePosted, Message: &m, Channel: m.Channel, User: m.To, TS: m.TS})
	return &m
}

// edit replaces text and blocks and keeps the former version. Needs mu.
func (w *Workspace) edit(old *Message, change func(*Message)) *Message {
	m := *old
	m.Edited = time.Now()
	m.Edits = append(slices.Clip(m.Edits), Edit{Until: m.Edited, Text: old.Text, Blocks: old.Blocks})
	change(&m)
	m.Blocks = w.fillIDs(m.Blocks)
	w.messages[w.byTS[m.TS]] = &m
	w.note(Change{Kind: ChangeEdited, Message: &m, Channel: m.Channel, User: m.To, TS: m.TS})
	return &m
}

// remove marks a message as deleted. Needs mu.
func (w *Workspace) remove(old *Message) {
	m := *old
	m.Deleted = true
	w.messages[w.byTS[m.TS]] = &m
	w.note(Change{Kind: ChangeDeleted, Message: &m, Channel: m.Channel, User: m.To, TS: m.TS})
}

// find looks up a message that is still there. Needs mu.
func (w *Workspace) find(ts string) *Message {
	i, ok := w.byTS[ts]
	if !ok || w.messages[i].Deleted {
		return nil
	}
	return w.messages[i]
}
