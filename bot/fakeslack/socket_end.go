package fakeslack

import (
	"slices"
	"time"
)

// connections needs mu.
func (w *Workspace) connections() []Connection {
	out := make([]Connection, len(w.conns))
	for i, c := range w.conns {
		out[i] = c.Connection
	}
	return out
}

// Disconnect sends a disconnect message with a reason to the connections with
// these ids, or to all. After a warning a connection goes on as before; after
// any other reason it gets nothing new, and Slack's side closes it a second
// later if the client has not.
func (w *Workspace) Disconnect(reason string, ids ...int) {
	for _, c := range w.choose(ids) {
		_ = c.send(disconnectMessage(reason))
		if reason == DisconnectWarning {
			continue
		}
		w.mu.Lock()
		c.Draining = true
		w.note(Change{Kind: ChangeDisconnected})
		w.mu.Unlock()
		time.AfterFunc(time.Second, func() { c.ws.Close() })
	}
}

// Drop resets the TCP connection of the connections with these ids, or of all.
func (w *Workspace) Drop(ids ...int) {
	for _, c := range w.choose(ids) {
		c.abort()
	}
}

func (w *Workspace) choose(ids []int) []*conn {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []*conn
	for _, c := range w.conns {
		if len(ids) == 0 || slices.Contains(ids, c.ID) {
			out = append(out, c)
		}
	}
	return out
}

// lifetime is what hello says about it, in seconds.
func (w *Workspace) lifetime() int {
	if w.opt.ConnectionLife > 0 {
		return int(w.opt.ConnectionLife.Seconds())
	}
	return 18060 // what Slack says
}

// endOf is when a new connection will be ended: together with the last one if
// they were opened together. Needs mu.
func (w *Workspace) endOf(c *conn) time.Time {
	life := w.opt.ConnectionLife
	if life == 0 {
		return time.Time{}
	}
	if n := len(w.conns); n > 0 && c.Since.Sub(w.conns[n-1].Since) < life/10 {
		return w.conns[n-1].Ends
	}
	return c.Since.Add(life)
}

// refresh warns a connection and ends it when its time has come; the function
// it returns calls that off.
func (w *Workspace) refresh(c *conn) (stop func()) {
	left := time.Until(c.Ends)
	warning := time.AfterFunc(left-min(10*time.Second, w.opt.ConnectionLife/10), func() { w.Disconnect(DisconnectWarning, c.ID) })
	end := time.AfterFunc(left, func() { w.Disconnect(DisconnectRefreshRequested, c.ID) })
	return func() { warning.Stop(); end.Stop() }
}
