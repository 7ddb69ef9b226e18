package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/sshforward/sshforward/bot/fakeslack"
	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

const (
	refresh   = time.Second           // the cloud only knows what is due when somebody looks
	settle    = 30 * time.Millisecond // one step of the bot changes several things at once
	keepAlive = 15 * time.Second      // so that both ends notice a dead connection
)

// stream answers GET /events.
type stream struct {
	Options
	hub *hub
}

func (s *stream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	out := &writer{w: w, rc: http.NewResponseController(w)}
	// The server may limit how long an answer takes; this one takes for ever.
	// A writer that cannot lift the limit reconnects when it runs out.
	_ = out.rc.SetWriteDeadline(time.Time{})
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, "retry: 1000\n\n")

	// Subscribe first and look second, so that nothing falls in between; what
	// is in the snapshot already is dropped by its number.
	changes := s.Workspace.Subscribe(ctx)
	events, cancel := s.Cloud.Subscribe(1024)
	defer cancel()
	woken, leave := s.hub.join()
	defer leave()

	snap := s.Workspace.Snapshot()
	out.send("workspace", sceneOf(s.Workspace, snap))
	out.once("cloud", pictureOf(s.Cloud.Home(), s.Note))
	out.once("status", s.Stage.Status())
	out.once("story", s.story())
	begin, told, heard := happened{Story: s.Stage.Happened(), Cloud: []cloudEvent{}}, 0, 0
	for _, e := range s.Cloud.Recent() {
		begin.Cloud, told = append(begin.Cloud, eventOf(e)), e.Seq
	}
	if n := len(begin.Story); n > 0 {
		heard = begin.Story[n-1].Seq
	}
	out.send("happened", begin)

	tick, alive := time.NewTicker(refresh), time.NewTicker(keepAlive)
	defer tick.Stop()
	defer alive.Stop()
	var redraw <-chan time.Time
	for out.flush() {
		select {
		case <-ctx.Done():
			return
		case c, ok := <-changes:
			if !ok {
				return // the workspace is closed
			}
			if c.Seq > snap.Seq {
				s.change(out, c)
			}
		case e := <-events:
			if e.Seq <= told {
				break // it is among those that had happened
			}
			if redraw == nil {
				redraw = time.After(settle)
			}
			out.send("event", eventOf(e))
		case <-redraw:
			redraw = nil
			out.once("cloud", pictureOf(s.Cloud.Home(), s.Note))
		case <-s.Stage.Changed():
			// One value for however many pages there are: pass it on.
			s.hub.wake()
		case <-woken:
			heard = s.tell(out, heard)
			out.once("status", s.Stage.Status())
			out.once("story", s.story())
		case <-tick.C:
			s.Cloud.Refresh()
			out.once("cloud", pictureOf(s.Cloud.Home(), s.Note))
			heard = s.tell(out, heard)
			out.once("status", s.Stage.Status())
		case <-alive.C:
			out.raw(": still here\n\n")
		}
	}
}

// change passes on what the page shows of a change.
func (s *stream) change(out *writer, c fakeslack.Change) {
	switch c.Kind {
	case fakeslack.ChangePeople:
		out.send("people", peopleOf(s.Workspace, s.Workspace.Snapshot()))
	case fakeslack.ChangePosted, fakeslack.ChangeEdited, fakeslack.ChangeDeleted:
		m := slim(*c.Message)
		m.Deleted = m.Deleted || c.Kind == fakeslack.ChangeDeleted
		out.send("message", m)
	case fakeslack.ChangeView:
		out.send("view", c.View)
	case fakeslack.ChangeHome:
		out.send("home", c.View)
	case fakeslack.ChangeFailure:
		out.send("failure", c.Failure)
	case fakeslack.ChangeConnected, fakeslack.ChangeDisconnected:
		out.send("online", len(s.Workspace.Connections()))
	}
}

// cloudEvent is a line of what happened in the cloud.
type cloudEvent struct {
	At     time.Time `json:"at"`
	Kind   string    `json:"kind"`
	ID     string    `json:"id"`
	Change string    `json:"change"`
	Detail string    `json:"detail,omitempty"`
	Cause  string    `json:"cause"`
}

func eventOf(e fakeaws.Event) cloudEvent {
	return cloudEvent{At: e.At, Kind: e.Kind, ID: e.ID, Change: e.Change, Detail: e.Detail, Cause: e.Cause}
}

// writer writes server-sent events and remembers that it failed.
type writer struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	sent map[string][]byte // by event, for once
	err  error
}

func (w *writer) send(event string, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		w.err = err
		return
	}
	w.raw(fmt.Sprintf("event: %s\ndata: %s\n\n", event, b))
}

// once sends a state unless the page has this very one.
func (w *writer) once(event string, v any) {
	b, err := json.Marshal(v)
	if err != nil || bytes.Equal(b, w.sent[event]) {
		return
	}
	if w.sent == nil {
		w.sent = map[string][]byte{}
	}
	w.sent[event] = b
	w.raw(fmt.Sprintf("event: %s\ndata: %s\n\n", event, b))
}

func (w *writer) raw(s string) {
	if _, err := w.w.Write([]byte(s)); err != nil {
		w.err = err
	}
}

func (w *writer) flush() bool {
	if w.err == nil {
		w.err = w.rc.Flush()
	}
	return w.err == nil
}

// hub tells every open page that the status has changed, since the stage tells
// only one of them.
type hub struct {
	mu    sync.Mutex
	pages map[chan struct{}]struct{}
}

func newHub() *hub { return &hub{pages: map[chan struct{}]struct{}{}} }

func (h *hub) join() (woken <-chan struct{}, leave func()) {
	ch := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.pages[ch] = struct{}{}
	return ch, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.pages, ch)
	}
}

func (h *hub) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch := range h.pages {
		select {
		case ch <- struct{}{}:
		default: // it has one to come
		}
	}
}
