package web

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/gorilla/websocket"
)

// Size is that of a terminal, in characters.
type Size struct {
	Cols int `json:"cols"`
	Rows int `json:"rows"`
}

// Shell is a log-in on an instance. Read gives what it shows, and io.EOF when
// whoever typed has left; any other error means that the session was cut.
type Shell interface {
	io.ReadWriteCloser
	Resize(Size) error
}

const (
	maxKeys      = 64 << 10 // in one message: a long paste
	writeWithin  = 5 * time.Second
	defaultWidth = 80
	defaultRows  = 24
)

// terminal answers GET /terminal: what is typed and shown goes over a WebSocket,
// as binary messages. Text messages are about it: the page's say how large it
// is, the last one of ours how it ended.
type terminal struct{ Options }

// ending is the last message.
type ending struct {
	End  string `json:"end"` // "left", "cut" or "refused"
	Says string `json:"says,omitempty"`
}

func (t terminal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	up := websocket.Upgrader{
		HandshakeTimeout: writeWithin,
		// A browser always says where a page is from, and whatever is no page
		// has ssh. guard has seen to it that the host is this machine's.
		CheckOrigin: func(r *http.Request) bool { return r.Header.Get("Origin") == "http://"+r.Host },
	}
	conn, err := up.Upgrade(w, r, nil)
	if err != nil {
		return // it has been answered
	}
	defer conn.Close()
	conn.SetReadLimit(maxKeys)
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()

	shell, err := t.Tour.Shell(ctx, r.URL.Query().Get("lease"), sizeOf(r))
	if err != nil {
		t.Logger.Info("the terminal is not let in", "err", err)
		say(conn, ending{"refused", err.Error()})
		return
	}
	go func() {
		defer shell.Close() // who reads the shell is told
		typed(conn, shell)
	}()
	say(conn, show(conn, shell))
}

func sizeOf(r *http.Request) Size {
	number := func(name string, usual int) int {
		n, err := strconv.Atoi(r.URL.Query().Get(name))
		if err != nil || n < 1 || n > 1000 {
			return usual
		}
		return n
	}
	return Size{number("cols", defaultWidth), number("rows", defaultRows)}
}

// typed passes on what somebody types, until the page is gone.
func typed(conn *websocket.Conn, shell Shell) {
	for {
		kind, b, err := conn.ReadMessage()
		if err != nil {
			return
		}
		if kind == websocket.BinaryMessage {
			_, err = shell.Write(b)
		} else {
			var size Size
			if err = json.Unmarshal(b, &size); err == nil && size.Cols > 0 && size.Rows > 0 {
				err = shell.Resize(size)
			}
		}
		if err != nil {
			return
		}
	}
}

// show passes on what the shell shows, and says how it ended.
func show(conn *websocket.Conn, shell Shell) ending {
	buf := make([]byte, 16<<10)
	for {
		n, err := shell.Read(buf)
		if n > 0 {
			_ = conn.SetWriteDeadline(time.Now().Add(writeWithin))
			if werr := conn.WriteMessage(websocket.BinaryMessage, buf[:n]); werr != nil {
				return ending{End: "left"} // nobody looks any more
			}
		}
		switch {
		case err == io.EOF:
			return ending{End: "left"}
		case err != nil:
			return ending{End: "cut", Says: err.Error()}
		}
	}
}

// say is the last message; if it cannot be sent, nobody is there to read it.
func say(conn *websocket.Conn, e ending) {
	_ = conn.SetWriteDeadline(time.Now().Add(writeWithin))
	if err := conn.WriteJSON(e); err != nil {
		return
	}
	_ = conn.WriteMessage(websocket.CloseMessage, websocket.FormatCloseMessage(websocket.CloseNormalClosure, ""))
}
