package playground

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/sshforward/sshforward/provisioner/fakeaws"
)

// The SSH servers are golang.org/x/crypto/ssh itself and not a library on top
// of it (gliderlabs/ssh is the usual one): it is where security fixes come
// first, and what a small shell needs beyond it (pty, shell, exec) is less than
// a page. They take connections straight from the forwarder and own no socket,
// so that there is no way in but through a load balancer.

// handshakeWithin is how long a client may take to log in.
const handshakeWithin = 30 * time.Second

// host is an instance as seen over SSH.
type host struct {
	id, name, address string
	key               ssh.Signer
	booted            time.Time

	mu     sync.Mutex
	logins []login
}

// login is one line of w.
type login struct {
	user, from, tty string
	since           time.Time
	what            string
}

// newHost makes the server of an instance. Its key is kept in dir, so that the
// host stays the same one to a client's known_hosts.
func newHost(dir string, i fakeaws.Instance) (*host, error) {
	name := i.Tags["Name"]
	key, err := hostKey(filepath.Join(dir, name+".pem"), name)
	if err != nil {
		return nil, fmt.Errorf("host key of %s: %w", name, err)
	}
	return &host{id: i.ID, name: name, address: i.PrivateIP, key: key, booted: time.Now()}, nil
}

func hostKey(file, comment string) (ssh.Signer, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		return ssh.ParsePrivateKey(text)
	}
	if !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}

// publicKey is the host key as ssh-keyscan and cloud-init write it.
func (h *host) publicKey() string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(h.key.PublicKey())))
}

// console is what cloud-init leaves in an instance's console output.
func (h *host) console() string {
	return strings.Join([]string{
		"[    0.000000] Linux version 6.1.0-playground",
		"[   21.512345] cloud-init[812]: Cloud-init finished",
		"-----BEGIN SSH HOST KEY KEYS-----",
		h.publicKey() + " root@" + h.hostname(),
		"-----END SSH HOST KEY KEYS-----",
		"", h.hostname() + " login: ",
	}, "\r\n")
}

// hostname is what EC2 calls a host inside of it.
func (h *host) hostname() string { return h.name }

func (h *host) banner() string {
	return fmt.Sprintf("%s (%s), an instance of the sshforward playground. Nothing here is real but the connection.\n", h.name, h.id)
}

// config lets everybody in: who may connect is what sshforward decides, and a
// newcomer has no key that would be on the host.
func (h *host) config() *ssh.ServerConfig {
	c := &ssh.ServerConfig{
		NoClientAuth:      true,
		PasswordCallback:  func(ssh.ConnMetadata, []byte) (*ssh.Permissions, error) { return nil, nil },
		PublicKeyCallback: func(ssh.ConnMetadata, ssh.PublicKey) (*ssh.Permissions, error) { return nil, nil },
		BannerCallback:    func(ssh.ConnMetadata) string { return h.banner() },
		ServerVersion:     "SSH-2.0-sshforward_playground",
	}
	c.AddHostKey(h.key)
	return c
}

// serve speaks SSH until the connection ends, from whichever side.
func (h *host) serve(conn net.Conn) {
	giveUp := time.AfterFunc(handshakeWithin, func() { _ = conn.Close() })
	server, channels, requests, err := ssh.NewServerConn(conn, h.config())
	giveUp.Stop()
	if err != nil {
		return
	}
	if s, ok := conn.(*session); ok && s.loggedIn != nil {
		s.loggedIn()
	}
	var group sync.WaitGroup
	group.Go(func() { ssh.DiscardRequests(requests) }) // answers keepalives with a no, which is an answer
	for c := range channels {
		if c.ChannelType() != "session" {
			_ = c.Reject(ssh.Prohibited, "this host is no way to other hosts")
			continue
		}
		channel, in, err := c.Accept()
		if err != nil {
			continue
		}
		group.Go(func() { h.session(server, channel, in) })
	}
	_ = server.Close()
	group.Wait()
}

// enter makes somebody appear in w until the returned function is called.
func (h *host) enter(user string, from net.Addr, what string) (leave func()) {
	at, _, _ := net.SplitHostPort(from.String())
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for slices.ContainsFunc(h.logins, func(l login) bool { return l.tty == fmt.Sprintf("pts/%d", n) }) {
		n++
	}
	l := login{user: user, from: at, tty: fmt.Sprintf("pts/%d", n), since: time.Now(), what: what}
	h.logins = append(h.logins, l)
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.logins = slices.DeleteFunc(h.logins, func(x login) bool { return x == l })
	}
}

func (h *host) who() []login {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.logins)
}
