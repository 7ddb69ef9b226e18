package playground

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/term"
)

// shell is one session on a host.
type shell struct {
	host *host
	user string
	in   io.Reader
	out  io.Writer

	mu        sync.Mutex
	terminal  *term.Terminal     // nil without a pty
	width     int                // what the client said before there was a terminal
	height    int                //
	interrupt context.CancelFunc // ends the command that runs; nil if none does
}

// session answers the requests of one channel and runs what they ask for.
func (h *host) session(conn *ssh.ServerConn, channel ssh.Channel, requests <-chan *ssh.Request) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel() // the channel is gone: so is what runs in it
	s := &shell{host: h, user: conn.User(), in: channel, out: channel}
	var pty, started bool
	var group sync.WaitGroup
	defer group.Wait()
	defer func() { _ = channel.Close() }() // gone is gone
	var next func()                        // what the request asks for; it begins after the answer, which its end must not overtake
	begin := func(what string, run func() int) {
		next = func() {
			started = true
			leave := h.enter(s.user, conn.RemoteAddr(), what)
			group.Go(func() {
				defer func() { _ = channel.Close() }() // gone is gone
				defer leave()
				code := run()
				_, _ = channel.SendRequest("exit-status", false, ssh.Marshal(struct{ Status uint32 }{uint32(code)}))
			})
		}
	}
	for r := range requests {
		ok := true
		switch {
		case r.Type == "env":
		case r.Type == "pty-req" && !started:
			var p struct {
				Term          string
				Width, Height uint32
				W, H          uint32
				Modes         string
			}
			if ok = ssh.Unmarshal(r.Payload, &p) == nil; ok {
				pty = true
				s.resize(int(p.Width), int(p.Height))
			}
		case r.Type == "window-change":
			var p struct{ Width, Height, W, H uint32 }
			if ok = ssh.Unmarshal(r.Payload, &p) == nil; ok {
				s.resize(int(p.Width), int(p.Height))
			}
		case r.Type == "shell" && !started:
			if pty {
				s.in = newKeyboard(channel, s.interrupted)
				begin("-bash", func() int { return s.interactive(ctx, channel) })
			} else {
				begin("-bash", func() int { return s.lines(ctx) })
			}
		case r.Type == "exec" && !started:
			var p struct{ Command string }
			if ok = ssh.Unmarshal(r.Payload, &p) == nil; ok {
				begin(p.Command, func() int {
					code, _ := s.run(ctx, p.Command)
					return code
				})
			}
		default:
			ok = false
		}
		if r.WantReply {
			_ = r.Reply(ok, nil)
		}
		if next != nil {
			next()
			next = nil
		}
	}
	cancel()
}

// resize is what the client says of its window. Zero is a client that does not
// know.
func (s *shell) resize(width, height int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.width, s.height = cmp.Or(width, 80), cmp.Or(height, 24)
	if s.terminal != nil {
		_ = s.terminal.SetSize(s.width, s.height)
	}
}

// interactive is a shell with a prompt and a line to edit.
func (s *shell) interactive(ctx context.Context, out io.Writer) int {
	t := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{s.in, out}, fmt.Sprintf("[%s@%s ~]$ ", s.user, s.host.hostname()))
	t.AutoCompleteCallback = complete
	s.mu.Lock()
	s.terminal = t
	_ = t.SetSize(s.width, s.height)
	s.mu.Unlock()
	s.out = t
	fmt.Fprint(t, s.host.motd())
	code := 0
	for {
		line, err := t.ReadLine()
		if err != nil && !errors.Is(err, term.ErrPasteIndicator) {
			fmt.Fprintln(t, "logout")
			return code
		}
		var quit bool
		if code, quit = s.run(ctx, line); quit {
			return code
		}
	}
}

// lines is a shell for a script on standard input: no echo, no prompt.
func (s *shell) lines(ctx context.Context) (code int) {
	in := bufio.NewScanner(s.in)
	for in.Scan() {
		var quit bool
		if code, quit = s.run(ctx, in.Text()); quit {
			break
		}
	}
	return code
}

// run runs one line and returns the exit code of the last command on it.
func (s *shell) run(ctx context.Context, line string) (code int, quit bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	s.interrupt = cancel
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.interrupt = nil
		s.mu.Unlock()
	}()
	for part := range strings.SplitSeq(line, ";") {
		code = 0
		for _, cmd := range strings.Split(part, "&&") {
			if code, quit = s.command(ctx, strings.Fields(cmd)); code != 0 || quit {
				break
			}
		}
		if quit || ctx.Err() != nil {
			break
		}
	}
	return code, quit
}

// interrupted is a Ctrl-C.
func (s *shell) interrupted() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.interrupt != nil {
		s.interrupt()
	}
}

// keyboard reads ahead of the terminal, so that a Ctrl-C is seen while a
// command runs and nobody reads.
type keyboard struct {
	chunks chan []byte
	rest   []byte
}

// typedAhead is how many chunks may wait; what a person types is one each.
const typedAhead = 256

func newKeyboard(in io.Reader, interrupt func()) *keyboard {
	k := &keyboard{chunks: make(chan []byte, typedAhead)}
	go func() {
		defer close(k.chunks)
		for {
			buf := make([]byte, 1024)
			n, err := in.Read(buf)
			var out []byte
			for _, b := range buf[:n] {
				if b == 3 {
					interrupt()
					// Ctrl-A, Ctrl-K, Enter: to the line editor a Ctrl-C would
					// be the end, to a person at a shell it is a new line.
					out = append(out, 1, 11, '\r')
					continue
				}
				out = append(out, b)
			}
			if len(out) > 0 {
				select {
				case k.chunks <- out:
				default: // nobody reads and nobody types this much: a paste into a command
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return k
}

// Read implements io.Reader.
func (k *keyboard) Read(p []byte) (int, error) {
	if len(k.rest) == 0 {
		chunk, ok := <-k.chunks
		if !ok {
			return 0, io.EOF
		}
		k.rest = chunk
	}
	n := copy(p, k.rest)
	k.rest = k.rest[n:]
	return n, nil
}
