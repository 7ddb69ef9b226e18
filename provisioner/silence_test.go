package provisioner

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/sshforward/sshforward/internal/safe"
)

// nat passes connections on until it forgets them: then what is sent arrives
// nowhere, and nobody is told.
type nat struct {
	net.Listener
	to string

	mu    sync.Mutex
	known map[net.Conn]bool
}

func newNAT(t *testing.T, to string) *nat {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &nat{Listener: l, to: to, known: map[net.Conn]bool{}}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		defer safe.Catch(func(error) {})
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			t.Cleanup(func() { _, _ = in.Close(), out.Close() })
			n.mu.Lock()
			n.known[in] = true
			n.mu.Unlock()
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				go func() {
					defer safe.Catch(func(error) {})
					n.pass(in, way[0], way[1])
				}()
			}
		}
	}()
	return n
}

func (n *nat) pass(conn, from, to net.Conn) {
	buf := make([]byte, 4096)
	for {
		got, err := from.Read(buf)
		if err != nil {
			return
		}
		n.mu.Lock()
		known := n.known[conn]
		n.mu.Unlock()
		if known {
			_, _ = to.Write(buf[:got])
		}
	}
}

// forget returns how many connections it knew.
func (n *nat) forget() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	defer clear(n.known)
	return len(n.known)
}

// A NAT on the way to AWS forgets the connection. A ping finds that out, and the
// next call has a new one; without pings the second call hangs until it is cut, and so
// does the third.
func TestAForgottenConnectionIsReplaced(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Proto)
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	way := newNAT(t, server.Listener.Addr().String())
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	client := newHTTPClient(200*time.Millisecond, time.Second).
		WithTransportOptions(func(tr *http.Transport) { tr.TLSClientConfig = &tls.Config{RootCAs: roots} }).
		WithTimeout(30 * time.Second) // how long a call would hang that nobody answers

	call := func() (string, error) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://"+way.Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			return "", err
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		return string(body), err
	}
	if proto, err := call(); err != nil || proto != "HTTP/2.0" {
		t.Fatalf("%q, %v", proto, err)
	}
	if n := way.forget(); n != 1 {
		t.Fatalf("%d connections", n)
	}
	began := time.Now()
	proto, err := call()
	for tries := 1; err != nil && tries < 4; tries++ { // cut by a ping, and then the SDK repeats it
		proto, err = call()
	}
	if took := time.Since(began); err != nil || proto != "HTTP/2.0" || took > 20*time.Second {
		t.Errorf("the calls after it was forgotten: %q, %v after %s", proto, err, took)
	}
}

// New takes that client, with times in which a person still waits.
func TestSilenceIsFoundSoon(t *testing.T) {
	t.Parallel()
	h2 := newHTTPClient(silenceAfter, pongWithin).GetTransport().HTTP2
	if h2 == nil || h2.SendPingTimeout+h2.PingTimeout > attemptLimit || h2.SendPingTimeout == 0 || h2.PingTimeout == 0 {
		t.Errorf("pings: %+v", h2)
	}
}
