package fakeslack

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

// Reasons of a disconnect message.
const (
	DisconnectWarning          = "warning"
	DisconnectRefreshRequested = "refresh_requested"
	DisconnectLinkDisabled     = "link_disabled"
)

// Connection is one open Socket Mode connection.
type Connection struct {
	ID        int       `json:"id"` // from 1, in the order they came
	Since     time.Time `json:"since"`
	Delivered int       `json:"delivered"` // envelopes
	Draining  bool      `json:"draining"`  // was told to go and gets nothing new
	// AppToken is what it was opened with.
	AppToken string `json:"-"`
	// Ends is when Slack will end it; zero without Options.ConnectionLife.
	Ends time.Time `json:"ends,omitzero"`
}

// ticket is a Socket Mode URL that was not used yet.
type ticket struct {
	ends     time.Time
	appToken string
}

type conn struct {
	Connection
	ws *websocket.Conn
	wr sync.Mutex // one writer at a time, as gorilla asks
}

func (c *conn) send(v any) error {
	c.wr.Lock()
	defer c.wr.Unlock()
	return c.write(v)
}

// write needs wr.
func (c *conn) write(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_ = c.ws.SetWriteDeadline(time.Now().Add(5 * time.Second))
	return c.ws.WriteMessage(websocket.TextMessage, b)
}

// abort resets the TCP connection, without a closing handshake.
func (c *conn) abort() {
	if tcp := tcpOf(c.ws.NetConn()); tcp != nil {
		_ = tcp.SetLinger(0)
	}
	_ = c.ws.Close()
}

func connectionsOpen(w *Workspace, a args) (map[string]any, *apiError) {
	now := time.Now()
	for k, t := range w.tickets {
		if now.After(t.ends) {
			delete(w.tickets, k)
		}
	}
	secret := w.newSecret()
	w.tickets[secret] = ticket{now.Add(w.opt.TicketLife), a.str("token")}
	return map[string]any{"url": "ws" + strings.TrimPrefix(w.baseURL, "http") + "/socket?ticket=" + secret + "&app_id=" + w.opt.AppID}, nil
}

var upgrader = websocket.Upgrader{CheckOrigin: func(*http.Request) bool { return true }}

func (w *Workspace) serveSocket(rw http.ResponseWriter, r *http.Request) {
	call, out := w.begin(Call{Method: MethodDial})
	w.pause(w.ctx, out.Delay)
	if w.faulted(rw, r, call, out) {
		return
	}
	secret := r.URL.Query().Get("ticket")
	w.mu.Lock()
	t, ok := w.tickets[secret]
	delete(w.tickets, secret) // each URL works once
	full := len(w.conns) >= w.opt.MaxConnections
	w.mu.Unlock()
	if !ok || time.Now().After(t.ends) {
		w.end(call, out, http.StatusForbidden, "invalid_ticket", nil)
		http.Error(rw, "invalid_ticket", http.StatusForbidden)
		return
	}
	ws, err := upgrader.Upgrade(rw, r, nil)
	if err != nil {
		w.end(call, out, http.StatusBadRequest, "bad_handshake", nil)
		return
	}
	c := &conn{ws: ws, Connection: Connection{AppToken: t.appToken}}
	defer ws.Close()
	if full {
		w.end(call, out, http.StatusSwitchingProtocols, "too_many_websockets", nil)
		_ = c.send(disconnectMessage("too_many_websockets"))
		return
	}
	w.end(call, out, http.StatusSwitchingProtocols, "", nil)
	w.serveConn(c)
}

func disconnectMessage(reason string) map[string]any {
	return map[string]any{"type": "disconnect", "reason": reason, "debug_info": map[string]any{"host": "fakeslack"}}
}

// serveConn says hello and reads acknowledgements until the connection ends.
func (w *Workspace) serveConn(c *conn) {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return
	}
	w.wg.Add(1) // the handler's goroutine is hijacked: the server no longer waits for it
	w.mu.Unlock()
	defer w.wg.Done()
	stop := make(chan struct{})
	defer close(stop)
	if !w.greet(c) {
		return
	}
	if !c.Ends.IsZero() {
		end := w.refresh(c)
		defer end()
	}
	defer func() {
		w.mu.Lock()
		w.conns = slices.DeleteFunc(w.conns, func(x *conn) bool { return x == c })
		w.note(Change{Kind: ChangeDisconnected})
		w.mu.Unlock()
	}()
	// slack-go reconnects when it has seen no ping for 30 s. The client's own
	// pings get their pong from gorilla's default handler while we read.
	go func() {
		t := time.NewTicker(w.opt.PingInterval)
		defer t.Stop()
		for {
			select {
			case <-t.C:
				_ = c.ws.WriteControl(websocket.PingMessage, []byte("Ping from fakeslack"), time.Now().Add(5*time.Second))
			case <-stop:
				return
			}
		}
	}()
	c.ws.SetReadLimit(1 << 20)
	for {
		_, b, err := c.ws.ReadMessage()
		if err != nil {
			return
		}
		w.acknowledge(c, b)
	}
}

// greet registers a connection and says hello. Whoever has read the hello can
// rely on being in the list, and nothing goes out before the hello.
func (w *Workspace) greet(c *conn) bool {
	c.wr.Lock()
	defer c.wr.Unlock()
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return false
	}
	w.connSeq++
	c.ID, c.Since = w.connSeq, time.Now()
	c.Ends = w.endOf(c)
	w.conns = append(w.conns, c)
	n := len(w.conns)
	w.note(Change{Kind: ChangeConnected})
	w.mu.Unlock()
	_ = c.write(map[string]any{"type": "hello", "num_connections": n,
		"debug_info":      map[string]any{"host": "fakeslack", "build_number": 1, "approximate_connection_time": w.lifetime()},
		"connection_info": map[string]any{"app_id": w.opt.AppID}})
	return true // if the write failed, reading fails next
}
