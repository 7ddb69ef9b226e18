package fakeslack

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"
)

// responseURL is where a command or a click may be answered to, a few times
// and for a while, whether or not the bot may post there.
type responseURL struct {
	user, channel string
	origin        string // ts of the clicked message; empty for a command
	uses          int
	end           time.Time
}

// newResponseURL needs mu.
func (w *Workspace) newResponseURL(kind string, u responseURL) string {
	now := time.Now()
	if len(w.urls)%1024 == 1023 { // long after its end a URL is as good as never given out
		for k, old := range w.urls {
			if now.Sub(old.end) > time.Hour {
				delete(w.urls, k)
			}
		}
	}
	u.end = now.Add(w.opt.ResponseURLLife)
	path := "/response/" + kind + "/" + w.opt.TeamID + "/" + w.newSecret()
	w.urls[path] = &u
	return w.baseURL + path
}

func (w *Workspace) serveResponseURL(rw http.ResponseWriter, r *http.Request) {
	raw, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	var a args
	valid := r.Method == http.MethodPost && json.Unmarshal(raw, &a) == nil && a != nil

	_ = unpack(a) // before it is recorded; what is wrong with it shows again below
	w.mu.Lock()
	u := w.urls[r.URL.Path]
	c := Call{Method: MethodResponseURL, Args: a, JSON: true}
	if u != nil {
		c.Channel, c.User = u.channel, u.user
	}
	w.mu.Unlock()
	call, out := w.begin(c)
	w.pause(w.ctx, w.opt.Latency+out.Delay)
	if w.faulted(rw, r, call, out) {
		return
	}
	status, err := http.StatusInternalServerError, refused("invalid_payload")
	w.mu.Lock()
	if valid || u == nil {
		status, err = w.respond(u, a)
	}
	w.mu.Unlock()
	if err != nil {
		w.end(call, out, status, err.code, err.messages)
		w.answer(rw, r, out, status, map[string]any{"ok": false, "error": err.code})
		return
	}
	w.end(call, out, http.StatusOK, "", nil)
	w.answer(rw, r, out, http.StatusOK, map[string]any{"ok": true})
}

// respond does what a POST to a response URL asks for. Needs mu. A refused
// request counts as a use: the stricter reading.
func (w *Workspace) respond(u *responseURL, a args) (int, *apiError) {
	switch {
	case u == nil:
		return http.StatusNotFound, refused("invalid_url")
	case time.Now().After(u.end):
		return http.StatusNotFound, refused("expired_url")
	case u.uses >= w.opt.ResponseURLUses:
		return http.StatusNotFound, refused("used_url")
	}
	u.uses++
	if a.flag("delete_original") {
		if m := w.find(u.origin); m != nil {
			w.remove(m)
		}
		if a.str("text") == "" && len(list(a["blocks"])) == 0 {
			return 0, nil
		}
	}
	m, err := w.reply(u, a, "response_url")
	switch {
	case err == nil && m == nil:
		return http.StatusInternalServerError, refused("no_text")
	case err != nil:
		return http.StatusBadRequest, err
	}
	return 0, nil
}

// reply shows a message in answer to a command or click; nil without error if
// there is nothing to show. Needs mu.
func (w *Workspace) reply(u *responseURL, a args, via string) (*Message, *apiError) {
	if err := unpack(a); err != nil {
		return nil, err
	}
	text, blocks, hasBlocks, err := content(a, maxMessageText)
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(text) == "" && len(blocks) == 0 && len(list(a["attachments"])) == 0 {
		return nil, nil
	}
	// Only a click has an original. For a command there is none to replace, so
	// it becomes a message of its own (slackapi/bolt-python#1268).
	if m := w.find(u.origin); m != nil && a.flag("replace_original") {
		return w.edit(m, func(m *Message) {
			m.Text, m.Attachments = text, a["attachments"]
			m.Blocks = blocks
			if !hasBlocks {
				m.Blocks = nil
			}
		}), nil
	}
	m := Message{Channel: u.channel, Text: text, Blocks: blocks, Attachments: a["attachments"],
		Metadata: a["metadata"], ThreadTS: a.str("thread_ts"), Via: via}
	if a.str("response_type") != "in_channel" {
		// What is documented is a thread for in_channel alone; without a promise
		// it stands in the channel (https://docs.slack.dev/interactivity/handling-user-interaction#publishing_in_thread).
		m.Ephemeral, m.To, m.ThreadTS = true, u.user, ""
	}
	return w.post(m), nil
}
