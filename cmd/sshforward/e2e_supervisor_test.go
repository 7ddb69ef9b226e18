package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"
)

// supervisor keeps the bot running as systemd does with Restart=always: however
// a process ends, the next one begins after a pause (RestartSec).
type supervisor struct {
	t       *testing.T
	command func() *exec.Cmd
	pause   time.Duration

	mu      sync.Mutex
	process *exec.Cmd     // the one that runs, or the last that did
	exited  chan struct{} // closed when it has ended
	exits   []int         // exit status of each that ended, -1 for a signal
	stopped chan struct{} // closed when no more are to begin
	over    sync.WaitGroup
}

// systemdStopsWithin is how long a process may take to end after SIGTERM before
// it is killed; the unit in deploy/ says the same.
const systemdStopsWithin = 10 * time.Second

// supervise starts the first process, and stops the last when the test ends.
func supervise(t *testing.T, pause time.Duration, command func() *exec.Cmd) *supervisor {
	t.Helper()
	s := &supervisor{t: t, command: command, pause: pause, stopped: make(chan struct{})}
	if err := s.begin(); err != nil {
		t.Fatal(err)
	}
	s.over.Go(s.run)
	t.Cleanup(func() { s.stop() })
	return s
}

func (s *supervisor) begin() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	cmd := s.command()
	if err := cmd.Start(); err != nil {
		return err
	}
	s.process, s.exited = cmd, make(chan struct{})
	return nil
}

func (s *supervisor) run() {
	for {
		_ = s.process.Wait()
		s.mu.Lock()
		s.exits = append(s.exits, s.process.ProcessState.ExitCode())
		close(s.exited)
		s.mu.Unlock()
		select {
		case <-s.stopped:
			return
		case <-time.After(s.pause):
		}
		select {
		case <-s.stopped:
			return
		default:
		}
		if err := s.begin(); err != nil {
			s.t.Error(err)
			return
		}
	}
}

// ended is how each process that is no more has ended: its exit status, or -1
// if a signal ended it.
func (s *supervisor) ended() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.exits)
}

// kill is kill -9 of the process that runs; another one follows.
func (s *supervisor) kill() {
	s.mu.Lock()
	process, exited := s.process.Process, s.exited
	s.mu.Unlock()
	_ = process.Kill()
	<-exited
}

// stop is what systemctl stop does: SIGTERM, and SIGKILL for what is still
// there after ten seconds. It returns how the last process ended.
func (s *supervisor) stop() (code int) {
	s.mu.Lock()
	process, exited := s.process.Process, s.exited
	select {
	case <-s.stopped:
	default:
		close(s.stopped)
	}
	s.mu.Unlock()
	_ = process.Signal(syscall.SIGTERM)
	select {
	case <-exited:
	case <-time.After(systemdStopsWithin):
		s.t.Errorf("it is still there %s after SIGTERM", systemdStopsWithin)
		_ = process.Kill()
	}
	s.over.Wait()
	return s.process.ProcessState.ExitCode()
}

// supervised hands the world's bot to a supervisor: the one that runs is killed,
// and others follow as systemd would start them.
func (w *world) supervised(pause time.Duration) *supervisor {
	w.t.Helper()
	w.kill()
	w.noRace()
	w.log.reset()
	env := w.process.Env
	return supervise(w.t, pause, func() *exec.Cmd {
		cmd := exec.Command(binary, "serve", "--config", filepath.Join(w.dir, "sshforward.yaml"))
		cmd.Env, cmd.Stderr, cmd.Stdout = env, w.log, w.stdout
		return cmd
	})
}
