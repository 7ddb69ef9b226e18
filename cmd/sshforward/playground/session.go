package playground

import (
	"net"
	"sync"
	"time"
)

// registration is one instance behind one load balancer.
type registration struct {
	balancer string
	created  time.Time
	instance string
}

// session is a connection through a load balancer. The load balancer ends it
// after so long without a byte in either direction, keepalive probes of TCP
// not counting, as AWS does.
type session struct {
	net.Conn
	to     registration
	routed bool // to is set; both belong to the forwarder
	id     int  // in the traffic, once somebody has logged in; the forwarder's too

	loggedIn func() // is called when somebody has

	idle   time.Duration
	timer  *time.Timer
	remote net.Addr
	once   sync.Once
}

// begin starts the idle timer. node is where the instance sees it come from.
func (s *session) begin(idle time.Duration, node string) {
	s.remote = s.Conn.RemoteAddr()
	if tcp, ok := s.remote.(*net.TCPAddr); ok {
		s.remote = &net.TCPAddr{IP: net.ParseIP(node), Port: tcp.Port}
	}
	if idle > 0 {
		s.idle = idle
		s.timer = time.AfterFunc(idle, s.cut)
	}
}

// RemoteAddr is the load balancer's node: a TCP listener adds no header that
// would tell the instance where a connection really comes from.
func (s *session) RemoteAddr() net.Addr { return s.remote }

// Read implements net.Conn.
func (s *session) Read(p []byte) (int, error) {
	n, err := s.Conn.Read(p)
	s.heard(n)
	return n, err
}

// Write implements net.Conn.
func (s *session) Write(p []byte) (int, error) {
	n, err := s.Conn.Write(p)
	s.heard(n)
	return n, err
}

func (s *session) heard(n int) {
	if n > 0 && s.timer != nil {
		s.timer.Reset(s.idle)
	}
}

// cut ends it at once, with a reset rather than in order.
func (s *session) cut() {
	s.once.Do(func() {
		if tcp, ok := s.Conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = s.Conn.Close()
	})
}

// end is for when nobody uses it any more.
func (s *session) end() {
	s.cut()
	if s.timer != nil {
		s.timer.Stop()
	}
}
