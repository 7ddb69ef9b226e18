package playground

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/sshforward/sshforward/cmd/sshforward/playground/web"
)

// errCut is the end of a session that nobody has left.
var errCut = errors.New("the load balancer cut the connection")

// Shell implements web.Tour: it is an ssh client like any other. It comes from
// where people on this machine come from and takes the host to be the one whose
// key is in its console output.
func (p *Playground) Shell(ctx context.Context, lease string, size web.Size) (web.Shell, error) {
	conn, err := p.dial(ctx, lease, home)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	c, channels, requests, err := ssh.NewClientConn(conn, conn.RemoteAddr().String(), &ssh.ClientConfig{
		User: "ec2-user", HostKeyCallback: p.knownHost, Timeout: handshakeWithin,
	})
	if err != nil {
		stop()
		_ = conn.Close()
		return nil, fmt.Errorf("ssh did not get in: %w", err)
	}
	t := &terminal{client: ssh.NewClient(c, channels, requests), stop: stop}
	if err := t.begin(size); err != nil {
		return nil, errors.Join(fmt.Errorf("ssh got in and was given no shell: %w", err), t.Close())
	}
	return t, nil
}

// knownHost takes the keys of the hosts of this playground.
func (p *Playground) knownHost(_ string, _ net.Addr, key ssh.PublicKey) error {
	for _, h := range p.forward.hosts {
		if string(h.key.PublicKey().Marshal()) == string(key.Marshal()) {
			return nil
		}
	}
	return errors.New("the host's key is not known")
}

// terminal is a shell on an instance.
type terminal struct {
	client  *ssh.Client
	session *ssh.Session
	in      io.WriteCloser
	out     *io.PipeReader
	stop    func() bool
	once    sync.Once
}

func (t *terminal) begin(size web.Size) (err error) {
	if t.session, err = t.client.NewSession(); err != nil {
		return err
	}
	if err := t.session.RequestPty("xterm-256color", size.Rows, size.Cols, ssh.TerminalModes{}); err != nil {
		return err
	}
	if t.in, err = t.session.StdinPipe(); err != nil {
		return err
	}
	var w *io.PipeWriter
	t.out, w = io.Pipe()
	t.session.Stdout, t.session.Stderr = w, w
	if err := t.session.Shell(); err != nil {
		return err
	}
	go func() {
		err := t.session.Wait()
		if _, left := errors.AsType[*ssh.ExitError](err); left || err == nil {
			err = io.EOF
		} else {
			err = errCut
		}
		_ = w.CloseWithError(err)
	}()
	return nil
}

// Read implements web.Shell.
func (t *terminal) Read(p []byte) (int, error) { return t.out.Read(p) }

// Write implements web.Shell.
func (t *terminal) Write(p []byte) (int, error) { return t.in.Write(p) }

// Resize implements web.Shell.
func (t *terminal) Resize(s web.Size) error { return t.session.WindowChange(s.Rows, s.Cols) }

// Close implements web.Shell.
func (t *terminal) Close() (err error) {
	t.once.Do(func() {
		t.stop()
		err = t.client.Close()
	})
	return err
}
