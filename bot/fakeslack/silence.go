package fakeslack

import (
	"net"
	"sync"
	"sync/atomic"
)

// listener remembers the connections that it accepted, so that they can fall
// silent. It works below HTTP, TLS and WebSocket alike.
type listener struct {
	net.Listener
	mu    sync.Mutex
	lines map[*line]struct{}
	mute  bool // those that come next
}

func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	x := &line{Conn: c, of: l}
	x.silent.Store(l.mute)
	l.lines[x] = struct{}{}
	return x, nil
}

// line is a TCP connection that may be forgotten on the way, as a NAT does it:
// what comes is swallowed and nothing goes out, and nobody is told.
type line struct {
	net.Conn
	of     *listener
	silent atomic.Bool
}

// NetConn is the connection underneath, as tls.Conn calls it.
func (x *line) NetConn() net.Conn { return x.Conn }

func (x *line) Read(p []byte) (int, error) {
	for {
		n, err := x.Conn.Read(p)
		if err != nil || !x.silent.Load() {
			return n, err
		}
	}
}

func (x *line) Write(p []byte) (int, error) {
	if x.silent.Load() {
		return len(p), nil
	}
	return x.Conn.Write(p)
}

func (x *line) Close() error {
	x.of.mu.Lock()
	delete(x.of.lines, x)
	x.of.mu.Unlock()
	return x.Conn.Close()
}

// tcpOf digs for the TCP connection under whatever wraps it.
func tcpOf(c net.Conn) *net.TCPConn {
	for {
		switch x := c.(type) {
		case *net.TCPConn:
			return x
		case interface{ NetConn() net.Conn }:
			c = x.NetConn()
		default:
			return nil
		}
	}
}

// Silence makes every TCP connection that is open now silent for good, those of
// Socket Mode and those that a client keeps for its next call: they stay open,
// take everything and never answer. A Socket Mode connection is listed, and
// gets its share of the envelopes, until the client hangs up. New connections
// work. It needs Start.
func (w *Workspace) Silence() {
	w.mu.Lock()
	l := w.listener
	w.mu.Unlock()
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		for x := range l.lines {
			x.silent.Store(true)
		}
	}
}

// SilenceNew makes the TCP connections that come from now on silent from the
// first byte, until it is switched off. Those that are open are left alone.
func (w *Workspace) SilenceNew(on bool) {
	w.mu.Lock()
	l := w.listener
	w.mu.Unlock()
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.mute = on
	}
}
