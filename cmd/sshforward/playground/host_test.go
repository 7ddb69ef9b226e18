package playground

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// connect logs in to a host of its own.
func connect(t *testing.T, auth ...ssh.AuthMethod) (*ssh.Client, *host, *string) {
	t.Helper()
	h, err := newHost(t.TempDir(), fakeaws.Instance{ID: "i-0abc", PrivateIP: "10.1.2.94", Tags: map[string]string{"Name": "web-1"}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var group sync.WaitGroup
	group.Go(func() {
		if conn, err := l.Accept(); err == nil {
			h.serve(conn)
		}
	})
	var banner string
	c, err := ssh.Dial("tcp", l.Addr().String(), &ssh.ClientConfig{
		User: "ec2-user", Auth: auth, Timeout: 5 * time.Second, HostKeyCallback: ssh.FixedHostKey(h.key.PublicKey()),
		BannerCallback: func(s string) error { banner = s; return nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close(); group.Wait() })
	return c, h, &banner
}

func TestHostCommands(t *testing.T) {
	t.Parallel()
	c, _, banner := connect(t)
	if !strings.Contains(*banner, "web-1") || !strings.Contains(*banner, "i-0abc") {
		t.Errorf("the banner is %q", *banner)
	}
	for line, want := range map[string]struct {
		out  string
		code int
	}{
		"hostname":              {"web-1\n", 0},
		"whoami; hostname":      {"ec2-user\nweb-1\n", 0},
		"false && hostname":     {"", 1},
		"ip addr":               {"10.1.2.94/24", 0},
		"cat /etc/motd":         {"web-1 (i-0abc)", 0},
		"cat /etc/shadow":       {"No such file", 1},
		"uptime":                {"load average", 0},
		"date":                  {"UTC", 0},
		"ls":                    {"README", 0},
		"w":                     {"pts/0", 0},
		"help":                  {"hostname", 0},
		"rm -rf /":              {"command not found", 127},
		"exit 3; hostname":      {"", 3},
		"sleep 0.01; echo woke": {"woke", 0},
	} {
		s, err := c.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		out, err := s.Output(line)
		code := 0
		if exit, ok := errors.AsType[*ssh.ExitError](err); ok {
			code = exit.ExitStatus()
		} else if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		if code != want.code || !strings.Contains(string(out), want.out) {
			t.Errorf("%s: %d %q, want %d %q", line, code, out, want.code, want.out)
		}
	}
	if _, err := c.Dial("tcp", "127.0.0.1:22"); err == nil {
		t.Error("the host is a way to other hosts")
	}
	if ok, _, err := c.SendRequest("keepalive@openssh.com", true, nil); err != nil || ok {
		t.Error("a keepalive is answered", ok, err)
	}
}

func TestAnyAuth(t *testing.T) {
	t.Parallel()
	connect(t, ssh.Password("whatever"))
}

// TestTerminal types as a person does.
func TestTerminal(t *testing.T) {
	t.Parallel()
	c, h, _ := connect(t)
	s, err := c.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.RequestPty("xterm", 24, 80, ssh.TerminalModes{}); err != nil {
		t.Fatal(err)
	}
	keys, _ := s.StdinPipe()
	screen := &screen{}
	s.Stdout = screen
	if err := s.Shell(); err != nil {
		t.Fatal(err)
	}
	screen.expect(t, "[ec2-user@web-1 ~]$ ")
	_, _ = io.WriteString(keys, "hostnaze\x7f\x7fme\r")
	screen.expect(t, "\r\nweb-1\r\n")
	for _, width := range []int{0, 100} { // a client need not know
		if err := s.WindowChange(width/2, width); err != nil {
			t.Error(err)
		}
	}
	_, _ = io.WriteString(keys, "hostn\t && whoami\r")
	screen.expect(t, "web-1\r\nec2-user\r\n")
	if who := h.who(); len(who) != 1 || who[0].what != "-bash" {
		t.Errorf("logged in: %v", who)
	}
	_, _ = io.WriteString(keys, "sleep 600\r")
	screen.expect(t, "sleep 600\r\n")
	time.Sleep(50 * time.Millisecond)
	_, _ = io.WriteString(keys, "\x03echo awake\r")
	screen.expect(t, "\r\nawake\r\n")
	_, _ = io.WriteString(keys, "not this\x03exit 4\r")
	exit, ok := errors.AsType[*ssh.ExitError](s.Wait())
	if !ok || exit.ExitStatus() != 4 {
		t.Errorf("exit is %v", exit)
	}
	if who := h.who(); len(who) != 0 {
		t.Errorf("still logged in: %v", who)
	}
}

// screen is what a terminal has been sent since the last thing expected.
type screen struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *screen) expect(t *testing.T, want string) {
	t.Helper()
	for range 200 {
		s.mu.Lock()
		i := strings.Index(s.b.String(), want)
		if i >= 0 {
			s.b.Next(i + len(want))
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		time.Sleep(25 * time.Millisecond)
	}
	t.Fatalf("the terminal does not show %q but %q", want, s.b.String())
}

// TestIdle cuts a session on which nothing passes, and none on which something
// does.
func TestIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		s := &session{Conn: far}
		s.begin(time.Minute, "10.1.1.4")
		defer s.end()
		began := time.Now()
		go func() { _, _ = io.Copy(io.Discard, s) }()
		for range 4 {
			if _, err := near.Write([]byte("x")); err != nil {
				t.Fatalf("cut after %s although it was used", time.Since(began))
			}
			time.Sleep(40 * time.Second)
		}
		if _, err := near.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("an idle session: %v, want its end", err)
		}
		if lasted := time.Since(began); lasted != 3*time.Minute {
			t.Errorf("it lasted %s, want a minute more than the last byte", lasted)
		}
	})
}
