package fakeslack

import (
	"slices"
	"strconv"
)

// maxPage is how many messages one answer of conversations.history has at most;
// without a limit it is defaultPage.
const (
	maxPage     = 999
	defaultPage = 100
)

// conversationsHistory has what stands in a channel, the newest first, without
// the replies in threads and without what only one person sees.
func conversationsHistory(w *Workspace, a args) (map[string]any, *apiError) {
	c, err := w.readable(a)
	if err != nil {
		return nil, err
	}
	found := w.between(c.ID, a, func(m *Message) bool { return m.ThreadTS == "" })
	slices.Reverse(found)
	return w.page(found, a)
}

// conversationsReplies has a thread, its first message first and then the
// replies from the oldest on.
func conversationsReplies(w *Workspace, a args) (map[string]any, *apiError) {
	c, err := w.readable(a)
	if err != nil {
		return nil, err
	}
	root := w.find(a.str("ts"))
	if root == nil || root.Channel != c.ID || root.Ephemeral {
		return nil, refused("thread_not_found")
	}
	replies := w.between(c.ID, a, func(m *Message) bool { return m.ThreadTS == root.TS && m.TS != root.TS })
	return w.page(append([]*Message{root}, replies...), a)
}

// readable finds a channel whose messages the bot may read: it has to be in it,
// in a public one too. Needs mu.
func (w *Workspace) readable(a args) (*Channel, *apiError) {
	c := w.channels.get(a.str("channel"))
	switch {
	case c == nil || !c.visibleToBot():
		return nil, refused("channel_not_found")
	case !c.BotMember:
		return nil, refused("not_in_channel")
	}
	return c, nil
}

// between lists messages from oldest to latest, the limits themselves only
// with inclusive. Needs mu.
func (w *Workspace) between(channel string, a args, keep func(*Message) bool) []*Message {
	oldest, latest, inclusive := a.str("oldest"), a.str("latest"), a.flag("inclusive")
	var found []*Message
	for _, m := range w.messages {
		switch {
		case m.Channel != channel || m.Deleted || m.Ephemeral || !keep(m):
		case oldest != "" && (m.TS < oldest || m.TS == oldest && !inclusive):
		case latest != "" && (m.TS > latest || m.TS == latest && !inclusive):
		default:
			found = append(found, m)
		}
	}
	return found
}

func (w *Workspace) page(found []*Message, a args) (map[string]any, *apiError) {
	limit, _ := strconv.Atoi(a.str("limit"))
	switch {
	case limit < 0 || limit > maxPage:
		return nil, refused("invalid_limit")
	case limit == 0:
		limit = defaultPage
	}
	page, next, err := paged(found, args{"cursor": a["cursor"], "limit": strconv.Itoa(limit)})
	if err != nil {
		return nil, err
	}
	messages := []any{}
	for _, m := range page {
		wire := w.messageWire(m)
		if !a.flag("include_all_metadata") {
			delete(wire, "metadata") // Slack tells it only when asked
		}
		messages = append(messages, wire)
	}
	return map[string]any{"messages": messages, "has_more": next != "", "response_metadata": map[string]any{"next_cursor": next}}, nil
}

// messageWire is a message as history and payloads have it: one with replies
// knows its own thread. Needs mu.
func (w *Workspace) messageWire(m *Message) map[string]any {
	out := m.wire(w.opt.TeamID, w.opt.AppID)
	if n := w.replies(m); n > 0 {
		out["thread_ts"], out["reply_count"] = m.TS, n
	}
	return out
}

// replies counts what is in a message's thread, as everybody there sees it. Needs mu.
func (w *Workspace) replies(m *Message) int {
	i, ok := w.byTS[m.TS]
	if !ok {
		return 0 // forged
	}
	n := 0
	for _, x := range w.messages[i+1:] {
		if x.ThreadTS == m.TS && x.Channel == m.Channel && !x.Deleted && !x.Ephemeral {
			n++
		}
	}
	return n
}
