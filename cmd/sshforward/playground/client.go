package playground

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// sshWithin is how long one run of ssh may take.
const sshWithin = 20 * time.Second

// getInWithin is how long ssh is tried again where it is expected to get in:
// the card may be quicker to say "open" than the listener to be there.
const getInWithin = 3 * time.Second

var commandOnCard = regexp.MustCompile("ssh -p [^`\n]+")

// client is the openssh client with the command on the card, as a person would
// paste it, and what makes it ask nothing: the settings of whoever runs the
// script stay out, and the host must have the key that its console shows.
func (r *runner) client(ctx context.Context, from string, rest ...string) (*exec.Cmd, error) {
	card, ok := r.card(r.p.workspace.Snapshot())
	if !ok {
		return nil, errors.New("there is no card yet")
	}
	words := strings.Fields(commandOnCard.FindString(card.Visible()))
	if len(words) < 2 {
		return nil, errors.New("there is no ssh command on the card")
	}
	return r.p.ssh(ctx, words, from, rest...), nil
}

// ssh is openssh with the words of a command, from an address of this machine
// if one is given.
func (p *Playground) ssh(ctx context.Context, words []string, from string, rest ...string) *exec.Cmd {
	args := []string{
		"-F", os.DevNull, "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-o", "ConnectTimeout=5",
		"-o", "StrictHostKeyChecking=yes", "-o", "UserKnownHostsFile=" + filepath.Join(p.dir, knownHostsFile),
	}
	if from != "" {
		args = append(args, "-b", from)
	}
	args = append(append(args, words[1:]...), rest...)
	return exec.CommandContext(ctx, words[0], args...)
}

// source takes "from ADDRESS" off the words of a step.
func source(words []string) (from string, rest []string) {
	if len(words) >= 2 && words[0] == "from" {
		return words[1], words[2:]
	}
	return "", words
}

func (r *runner) ssh(ctx context.Context, words []string, want string) error {
	from, command := source(words)
	if len(command) == 0 {
		return errors.New("say which command to run there, as in: ssh hostname -> web-1")
	}
	ctx, cancel := context.WithTimeout(ctx, sshWithin)
	defer cancel()
	for began := time.Now(); ; {
		client, err := r.client(ctx, from, command...)
		if err != nil {
			if want == "refused" {
				return errors.New("the card has no command to try any more: have a session running instead, or expect nothing left")
			}
			return err
		}
		out, err := client.CombinedOutput()
		exit, exited := errors.AsType[*exec.ExitError](err)
		said := strings.Join(strings.Fields(string(out)), " ")
		// ssh exits with 255 for its own errors, with the command's code else.
		kept := exited && exit.ExitCode() == 255
		switch {
		case err != nil && !exited:
			return err
		case kept && want == "refused":
			return nil
		case kept && time.Since(began) < getInWithin:
			time.Sleep(200 * time.Millisecond)
			continue
		case kept:
			return fmt.Errorf("ssh did not get in: %s", said)
		case want == "refused":
			return fmt.Errorf("ssh got in and printed: %s", said)
		case !strings.Contains(string(out), want):
			return fmt.Errorf("it printed: %s", said)
		}
		return nil
	}
}

// liveSession is an ssh that stays.
type liveSession struct {
	stdin  io.Closer
	cancel context.CancelFunc
	gone   chan struct{}
}

// session begins one, and returns when it is there.
func (r *runner) session(words []string) error {
	r.hangUp()
	from, _ := source(words)
	ctx, cancel := context.WithCancel(context.Background())
	client, err := r.client(ctx, from)
	if err != nil {
		cancel()
		return err
	}
	r.live, err = begin(client, cancel)
	return err
}

// begin starts ssh, and returns when the shell at the other end has answered.
// The session has to be ended also if that fails; it is nil if it did not start.
func begin(client *exec.Cmd, cancel context.CancelFunc) (*liveSession, error) {
	stdin, err := client.StdinPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	out := &firstLine{there: make(chan struct{})}
	client.Stdout, client.Stderr = out, out
	if err := client.Start(); err != nil {
		cancel()
		return nil, err
	}
	live := &liveSession{stdin: stdin, cancel: cancel, gone: make(chan struct{})}
	go func() { _ = client.Wait(); close(live.gone) }()
	if _, err := io.WriteString(stdin, "echo in\n"); err != nil {
		return live, err
	}
	select {
	case <-out.there:
		return live, nil
	case <-live.gone:
		return live, errors.New("ssh did not get in")
	case <-time.After(sshWithin):
		return live, errors.New("ssh did not get in in time")
	}
}

// firstLine tells when the shell at the other end has answered.
type firstLine struct {
	text  strings.Builder
	there chan struct{}
	done  bool
}

// Write implements io.Writer.
func (f *firstLine) Write(p []byte) (int, error) {
	if !f.done {
		f.text.Write(p)
		if f.done = strings.Contains("\n"+f.text.String(), "\nin\n"); f.done {
			close(f.there)
		}
	}
	return len(p), nil
}

func (r *runner) expectSession(ctx context.Context, cut bool) error {
	if r.live == nil {
		return errors.New("no session was begun")
	}
	if !cut {
		select {
		case <-r.live.gone:
			return errors.New("it was cut")
		default:
			return nil
		}
	}
	select {
	case <-r.live.gone:
		return nil
	case <-ctx.Done():
		return r.not(ctx.Err(), "the session is alive")
	}
}

// hangUp ends the session that is running, if any.
func (r *runner) hangUp() {
	if r.live != nil {
		r.live.end()
		r.live = nil
	}
}

// end is a person who goes, or whom nobody waits for any longer.
func (l *liveSession) end() {
	_ = l.stdin.Close()
	select {
	case <-l.gone:
	case <-time.After(time.Second):
		l.cancel()
		<-l.gone
	}
	l.cancel()
}
